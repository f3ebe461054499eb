package apache

import (
	"bufio"
	"bytes"
	"context"
	_ "embed"
	"encoding/base64"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"

	"github.com/segmentio/kafka-go"
)

//go:embed Transactions.java
var transactionsJava []byte

// Transactions are producers of Apache's own client for Java, each with a transaction that
// may be open.
type Transactions struct {
	mu     sync.Mutex
	cmd    *exec.Cmd
	in     io.WriteCloser
	out    *bufio.Reader
	errors *bytes.Buffer
}

// StartTransactions runs them in a process of their own, compiled by the JDK as it starts. dir
// holds the source; ErrNoJava where there is no JDK.
func StartTransactions(ctx context.Context, dir, addr string) (*Transactions, error) {
	path, err := java(ctx)
	if err != nil {
		return nil, err
	}
	jars, err := libs(ctx)
	if err != nil {
		return nil, err
	}
	source := filepath.Join(dir, "Transactions.java")
	if err := os.WriteFile(source, transactionsJava, 0o644); err != nil {
		return nil, err
	}
	t := &Transactions{errors: &bytes.Buffer{}}
	t.cmd = exec.Command(path, "-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dorg.slf4j.simpleLogger.defaultLogLevel=error",
		"-cp", jars+"/*", source, addr)
	t.cmd.Stderr, t.cmd.SysProcAttr = t.errors, childAttributes()
	if t.in, err = t.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := t.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	t.out = bufio.NewReader(out)
	if err := t.cmd.Start(); err != nil {
		return nil, err
	}
	if err := t.answer("ready"); err != nil {
		if strings.Contains(t.errors.String(), "jdk.compiler") {
			return nil, fmt.Errorf("%w: %s has no compiler", ErrNoJava, path)
		}
		return nil, err
	}
	return t, nil
}

// Send sends a message in the transaction of a producer, which begins where none is open, and
// waits for the brokers' acknowledgement.
func (t *Transactions) Send(producer, topic string, m kafka.Message) error {
	encode := base64.StdEncoding.EncodeToString
	line := []string{"send", producer, topic, encode(m.Key), encode(m.Value)}
	for _, h := range m.Headers {
		line = append(line, h.Key+"="+encode(h.Value))
	}
	return t.say(strings.Join(line, " "))
}

// End ends the transaction of a producer.
func (t *Transactions) End(producer string, commit bool) error {
	if commit {
		return t.say("commit " + producer)
	}
	return t.say("abort " + producer)
}

// Close ends the process; what is open stays open until the brokers' time-out.
func (t *Transactions) Close() {
	_ = t.in.Close()
	_ = t.cmd.Process.Kill()
	_ = t.cmd.Wait()
}

func (t *Transactions) say(line string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, err := io.WriteString(t.in, line+"\n"); err != nil {
		return fmt.Errorf("producer of Java: %w\n%s", err, t.errors)
	}
	return t.answer("done")
}

func (t *Transactions) answer(want string) error {
	got, err := t.out.ReadString('\n')
	if strings.TrimSpace(got) != want {
		t.Close() // its standard error is whole then
		return fmt.Errorf("producer of Java says %q (%w)\n%s", got, err, t.errors)
	}
	return nil
}
