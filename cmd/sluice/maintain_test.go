package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"sluice/internal/test/dbtest"
)

// TestServeMaintains: of two instances one does the maintenance, partitions first; the
// metrics of both tell of it.
func TestServeMaintains(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	ctx, stop := context.WithCancel(t.Context())
	var urls []string
	done := make(chan string, 2)
	for range 2 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		addr := l.Addr().String()
		l.Close()
		urls = append(urls, "http://"+addr+"/metrics")
		go func() {
			var out bytes.Buffer
			status := run(ctx, []string{"serve", "--listen", addr, "--database-url", db.URL}, nil, io.Discard, &out)
			done <- fmt.Sprint(status, " ", out.String())
		}()
	}
	metric := func(url, name string) float64 {
		res, err := http.Get(url)
		if err != nil {
			return -1
		}
		defer res.Body.Close()
		page, _ := io.ReadAll(res.Body)
		for line := range strings.Lines(string(page)) {
			if rest, ok := strings.CutPrefix(line, name+" "); ok {
				var v float64
				_, _ = fmt.Sscan(rest, &v)
				return v
			}
		}
		return -1
	}
	const success = `sluice_maintenance_last_success_timestamp_seconds{task="partitions"}`
	for end := time.Now().Add(time.Minute); ; time.Sleep(100 * time.Millisecond) {
		leaders := metric(urls[0], "sluice_maintenance_leader") + metric(urls[1], "sluice_maintenance_leader")
		if leaders == 1 && metric(urls[0], success) > 0 && metric(urls[1], success) > 0 {
			break
		}
		if time.Now().After(end) {
			t.Errorf("%v leaders; partitions: %v and %v", leaders, metric(urls[0], success), metric(urls[1], success))
			break
		}
	}
	stop()
	for range 2 {
		if got := <-done; !strings.HasPrefix(got, "1 ") || !strings.Contains(got, "context canceled") {
			t.Errorf("serve ended with %s", got)
		}
	}
}
