// Command testsum runs `go test` and says briefly what came of it: one line per
// package, the whole output of what failed, every reason for a skip, and a
// closing line of the form "N passed, N failed, N skipped".
//
// A skipped test looks like a passed one in the output of go test. Here it does
// not: an environment that lacks a database or a corpus shows in the last lines.
//
//	go run ./internal/test/testsum -timeout 15m ./...
//
// With -left FILE before all others it also lists there which tests left something out for
// -short (internal/test/brief), and with -only FILE it runs those and no others, so that what
// the short tests have shown need not be shown again:
//
//	go run ./internal/test/testsum -left bin/left -race -short ./...
//	go run ./internal/test/testsum -only bin/left -timeout 15m
//
// All other arguments go to `go test -json`. The exit status is 0 only when go test
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

	var left string
	if len(args) > 1 && args[0] == "-left" {
		left, args = args[1], args[2:]
	}
	if len(args) > 1 && args[0] == "-only" {
		only, err := readLeft(args[1])
		if err != nil {
			fmt.Fprintln(stderr, "testsum: which tests were left out:", err)
			return 1
		}
		if len(only) == 0 {
			fmt.Fprintln(stdout, "no test left anything out")
			return 0
		}
		args = append(args[2:], only...)
	}
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
	if left != "" {
		if err := sum.writeLeft(left); err != nil {
			fmt.Fprintln(stderr, "testsum: list what was left out:", err)
			return 1
		}
	}

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
