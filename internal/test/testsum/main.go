// Command testsum runs `go test` and says briefly what came of it: one line per
// package, the whole output of what failed, every reason for a skip, and a
// closing line of the form "N passed, N failed, N skipped".
//
// A skipped test looks like a passed one in the output of go test. Here it does
// not: an environment that lacks a database or a corpus shows in the last lines.
//
//	go run ./internal/test/testsum -timeout 15m ./...
//
// All arguments go to `go test -json`. The exit status is 0 only when go test
// was content and at least one test ran.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

func run(args []string, stdout, stderr io.Writer) int {
	// Ctrl-C reaches go test too, as it is in our process group. Stay to sum up
	// what it still has to say.
	signal.Ignore(os.Interrupt, syscall.SIGTERM)

	cmd := exec.Command("go", append([]string{"test", "-json"}, args...)...)
	cmd.Stderr = stderr
	events, err := cmd.StdoutPipe()
	if err != nil {
		fmt.Fprintln(stderr, "testsum:", err)
		return 1
	}
	if err := cmd.Start(); err != nil {
		fmt.Fprintln(stderr, "testsum: start go test:", err)
		return 1
	}

	sum := newSummary(stdout)
	readErr := sum.read(events)
	waitErr := cmd.Wait()
	sum.close()

	var exit *exec.ExitError
	switch {
	case readErr != nil:
		fmt.Fprintln(stderr, "testsum: read the events of go test:", readErr)
		return 1
	case errors.As(waitErr, &exit):
		return 1
	case waitErr != nil:
		fmt.Fprintln(stderr, "testsum: go test:", waitErr)
		return 1
	case sum.failed > 0:
		return 1
	case sum.passed == 0:
		fmt.Fprintln(stderr, "testsum: no test ran")
		return 1
	}
	return 0
}
