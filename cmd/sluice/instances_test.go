package main

import (
	"encoding/json"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"sluice/internal/test/brief"
	"sluice/internal/test/dbtest"
	"sluice/routing/instances"
)

// TestInstances: two processes serve, and one of them leads maintenance. It is killed: the other one
// leads when its lease has run out. That one is stopped and says that it drains, and is offline then.
func TestInstances(t *testing.T) {
	t.Parallel()
	if brief.Run(t) {
		t.Skip("short: it waits for a lease to run out")
	}
	db := dbtest.New(t)
	env := []string{"SLUICE_DATABASE_URL=" + db.URL}
	processes := map[string]*process{}
	for _, name := range []string{"one", "two"} {
		processes[name] = launch(t, env, "serve", "--listen", freeAddress(t), "--instance", name)
	}
	say := func(args ...string) string {
		t.Helper()
		p := launch(t, env, args...)
		if status := p.finish(t, time.Minute); status != 0 {
			t.Fatalf("status %d: %s", status, tail(p.err.String()))
		}
		return p.out.String()
	}
	list := func() map[string]instances.Instance {
		t.Helper()
		out := map[string]instances.Instance{}
		var all []instances.Instance
		if err := json.Unmarshal([]byte(say("instances", "--output", "json")), &all); err != nil {
			t.Fatal(err)
		}
		for _, i := range all {
			out[i.Key] = i
		}
		return out
	}
	leader := func() (name string, token int64) {
		for key, i := range list() {
			for _, l := range i.Leads {
				if l.Job == "maintenance" {
					name, token = key, l.Token
				}
			}
		}
		return name, token
	}
	await := func(what string, ok func() bool) {
		t.Helper()
		for end := time.Now().Add(time.Minute); !ok(); time.Sleep(100 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("%s: not within a minute; %s; %s", what, tail(processes["one"].err.String()), tail(processes["two"].err.String()))
			}
		}
	}
	var first string
	await("both serve and one leads", func() bool {
		var token int64
		first, token = leader()
		all := list()
		return all["one"].Status == instances.Active && all["two"].Status == instances.Active && first != "" && token == 1
	})
	other := map[string]string{"one": "two", "two": "one"}[first]
	table := say("instances")
	if !strings.Contains(table, "INSTANCE") || !strings.Contains(table, "maintenance since ") || !strings.Contains(table, "projections notifications maintenance") {
		t.Error(table)
	}
	killed := time.Now()
	if err := processes[first].Process.Signal(os.Kill); err != nil {
		t.Fatal(err)
	}
	await("the other one leads", func() bool {
		name, token := leader()
		return name == other && token == 2
	})
	t.Logf("taken over %v after SIGKILL", time.Since(killed).Round(time.Millisecond))
	await("the killed one is offline", func() bool { return list()[first].Status == instances.Offline })
	if err := processes[other].Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if status := processes[other].finish(t, time.Minute); status != 143 {
		t.Errorf("status %d", status)
	}
	if i := list()[other]; i.Status != instances.Offline || len(i.Leads) != 0 {
		t.Errorf("%+v", i)
	}
}
