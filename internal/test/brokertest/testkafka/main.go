// Command testkafka starts a real Apache Kafka, runs a command with its address in
// SLUICE_TEST_KAFKA, and stops it:
//
//	go run ./internal/test/brokertest/testkafka go test ./outbox/relay
//
// Without a command it prints the address and keeps the broker until it is interrupted.
// Its status is the command's; 77, the usual one for a skipped test, where this machine has
// no JDK or no Maven.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"

	"sluice/internal/test/brokertest/apache"
)

const skipped = 77

func main() { os.Exit(run(os.Args[1:])) }

func run(args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	dir, err := os.MkdirTemp("", "sluice-kafka-*")
	if err != nil {
		return fail(err)
	}
	defer os.RemoveAll(dir)
	begin := time.Now()
	k, err := apache.Start(ctx, apache.Config{Dir: dir})
	if errors.Is(err, apache.ErrNoJava) {
		fmt.Fprintln(os.Stderr, "testkafka: skipped:", err)
		return skipped
	}
	if err != nil {
		return fail(err)
	}
	defer k.Kill()
	fmt.Fprintf(os.Stderr, "testkafka: Apache Kafka %s at %s after %.1f s\n", apache.Version, k.Addr(), time.Since(begin).Seconds())
	if len(args) == 0 {
		fmt.Println(k.Addr())
		<-ctx.Done()
		return 0
	}
	// Not CommandContext: an interrupt reaches the command as well, which ends by itself.
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(), "SLUICE_TEST_KAFKA="+k.Addr())
	err = cmd.Run()
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		return max(1, exit.ExitCode())
	case err != nil:
		return fail(err)
	}
	return 0
}

func fail(err error) int {
	fmt.Fprintln(os.Stderr, "testkafka:", err)
	return 1
}
