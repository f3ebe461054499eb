package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"sluice/fixtures"
	"sluice/ingest"
	"sluice/internal/test/brief"
	"sluice/internal/test/dbtest"
)

// process is a running sluice.
type process struct {
	*exec.Cmd
	out, err lockedBuffer
	ended    chan struct{}
}

// launch starts sluice with an environment of its own.
func launch(t *testing.T, env []string, args ...string) *process {
	t.Helper()
	p := &process{Cmd: exec.Command(sluiceIn(t, t.TempDir()), args...), ended: make(chan struct{})}
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "SLUICE_") || strings.HasPrefix(v, "SLUICE_CACHE=") {
			p.Env = append(p.Env, v)
		}
	}
	p.Env = append(p.Env, env...)
	p.Stdout, p.Stderr = &p.out, &p.err
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = p.Wait()
		close(p.ended)
	}()
	t.Cleanup(func() {
		_ = p.Process.Kill()
		<-p.ended
	})
	return p
}

// finish waits for the end and returns the exit status, -1 for a killed one.
func (p *process) finish(t *testing.T, limit time.Duration) int {
	t.Helper()
	select {
	case <-p.ended:
		return p.ProcessState.ExitCode()
	case <-time.After(limit):
		_ = p.Process.Signal(syscall.SIGQUIT) // where it hangs
		<-p.ended
		t.Fatalf("sluice %s did not end within %s: %s", strings.Join(p.Args[1:], " "), limit, tail(p.err.String()))
		return -1
	}
}

func tail(s string) string { return s[max(0, len(s)-8000):] }

// generate writes SBOMs to a folder and returns how many bytes they have.
func generate(t *testing.T, dir string, load fixtures.Load) (bytes int) {
	t.Helper()
	err := load.Each(func(name string, doc []byte) error {
		bytes += len(doc)
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		return os.WriteFile(path, doc, 0o644)
	})
	if err != nil {
		t.Fatal(err)
	}
	return bytes
}

func readReceipts(t *testing.T, path string) []ingest.Receipt {
	t.Helper()
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var list []ingest.Receipt
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var r ingest.Receipt
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			return list // a line that is being written
		}
		list = append(list, r)
	}
	return list
}

// TestSignals stops imports with SIGTERM and SIGINT: the batch in hand is finished, the
// status says which signal, and --scan-run goes on where it was.
func TestSignals(t *testing.T) {
	t.Parallel()
	if brief.Run(t) {
		t.Skip("short: starts a process for every signal")
	}
	db := dbtest.New(t)
	dir := t.TempDir()
	const documents = 150
	generate(t, dir, fixtures.Load{Documents: documents, Components: 60, Packages: 500})
	receipts := filepath.Join(t.TempDir(), "receipts.jsonl")
	env := []string{"SLUICE_DATABASE_URL=" + db.URL}
	args := []string{"ingest", "file", dir, "--tenant", "acme", "--create-tenant", "--receipts", receipts, "--output", "json", "--batch-bytes", "300000"}
	goOn := regexp.MustCompile(`go on with .*--scan-run (\d+)`)
	var run string
	stopped := 0
	for round := 0; ; round++ {
		signal, status := syscall.SIGTERM, 143
		if round%2 == 1 {
			signal, status = syscall.SIGINT, 130
		}
		mine := args
		if run != "" {
			mine = append(mine[:len(mine):len(mine)], "--scan-run", run)
		}
		before := len(readReceipts(t, receipts))
		p := launch(t, env, mine...)
		for len(readReceipts(t, receipts)) < before+3 {
			select {
			case <-p.ended:
			case <-time.After(time.Millisecond):
				continue
			}
			break
		}
		_ = p.Process.Signal(signal)
		switch got := p.finish(t, time.Minute); {
		case got == 0:
			if stopped < 2 {
				t.Errorf("only %d runs could be stopped: nothing was tested", stopped)
			}
			if list := readReceipts(t, receipts); len(list) != documents {
				t.Errorf("%d receipts for %d documents", len(list), documents)
			} else {
				for _, r := range list {
					if r.Outcome != ingest.Accepted {
						t.Errorf("%s: %s: it was read again", r.Origin, r.Outcome)
					}
				}
			}
			return
		case got != status:
			t.Fatalf("status %d after %v, want %d: %s", got, signal, status, tail(p.err.String()))
		}
		stopped++
		if p.out.Len() > 0 {
			t.Errorf("a run that was stopped prints %q", p.out.String())
		}
		m := goOn.FindStringSubmatch(p.err.String())
		if m == nil {
			t.Fatalf("it does not say how to go on: %s", p.err.String())
		}
		if run != "" && run != m[1] {
			t.Errorf("scan run %s went on as %s", run, m[1])
		}
		run = m[1]
		if round > 60 {
			t.Fatal("it does not get on")
		}
	}
}

// TestASecondSignalEndsAtOnce although the database does not answer.
func TestASecondSignalEndsAtOnce(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	admin := db.Admin(t)
	p := launch(t, []string{"SLUICE_DATABASE_URL=" + db.URL}, "tenant", "create", "acme")
	if got := p.finish(t, time.Minute); got != 0 {
		t.Fatalf("status %d: %s", got, p.err.String())
	}
	// Whoever imports now waits for this lock.
	if _, err := admin.Exec(t.Context(), `begin; lock table ingest.original in access exclusive mode`); err != nil {
		t.Fatal(err)
	}
	p = launch(t, []string{"SLUICE_DATABASE_URL=" + db.URL}, "ingest", "file", "../../fixtures/documents", "--tenant", "acme", "--create-tenant")
	waiting := func() bool {
		var n int
		err := admin.QueryRow(t.Context(), `select count(*) from pg_locks where not granted and relation = 'ingest.original'::regclass`).Scan(&n)
		return err == nil && n > 0
	}
	for end := time.Now().Add(30 * time.Second); !waiting(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the import does not come to the lock")
		}
	}
	_ = p.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.ended:
		t.Fatalf("it ended at the first signal: %s", p.err.String())
	case <-time.After(300 * time.Millisecond):
	}
	_ = p.Process.Signal(syscall.SIGINT)
	if got := p.finish(t, 5*time.Second); got != 130 {
		t.Errorf("status %d, want 130: %s", got, p.err.String())
	}
}
