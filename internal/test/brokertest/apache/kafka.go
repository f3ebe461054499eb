package apache

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strings"
	"syscall"
	"time"

	"sluice/internal/kafkaclient"
)

// Settings are those of server.properties that are not about ports and folders.
// docker-compose.yml has the same; a test of brokertest compares them.
var Settings = map[string]string{
	"process.roles":                            "broker,controller",
	"node.id":                                  "1",
	"controller.listener.names":                "CONTROLLER",
	"inter.broker.listener.name":               "PLAINTEXT",
	"offsets.topic.replication.factor":         "1",
	"offsets.topic.num.partitions":             "3",
	"transaction.state.log.replication.factor": "1",
	"transaction.state.log.min.isr":            "1",
	"group.initial.rebalance.delay.ms":         "0",    // a group of one need not wait for others
	"group.min.session.timeout.ms":             "1000", // tests stop consumers for longer than that
	"auto.create.topics.enable":                "false",
	"log.segment.delete.delay.ms":              "1000",
}

// heap is the broker's memory for objects, beside about 100 MB of its own.
const heap = "-Xmx512m"

// startTimeout covers a machine that is busy with other tests.
const startTimeout = 90 * time.Second

// Config says how to start a Kafka.
type Config struct {
	// Dir holds data, settings and the log. It must exist.
	Dir string
	// Settings are added to, or replace, those of the same name above.
	Settings map[string]string
	// Secure adds a listener with TLS and SASL; see SecureAddr and Certificates.
	Secure bool
}

// Kafka is a broker that runs or ran.
type Kafka struct {
	// Certificates are those of the secure listener.
	Certificates Certificates

	dir, java, libs          string
	port, controller, secure int // secure is 0 without one
	cmd                      *exec.Cmd
	exited                   chan struct{}
}

// Start fetches Kafka if need be, formats the data folder and starts the broker. It
// returns when the broker answers.
func Start(ctx context.Context, cfg Config) (*Kafka, error) {
	k := &Kafka{dir: cfg.Dir}
	var err error
	if k.java, err = java(ctx); err != nil {
		return nil, err
	}
	if k.libs, err = libs(ctx); err != nil {
		return nil, err
	}
	// Somebody may take a free port between the look and the start.
	for range 3 {
		if err = k.configure(ctx, cfg); err != nil {
			return nil, err
		}
		if err = k.Restart(ctx); err == nil || !strings.Contains(err.Error(), "Address already in use") {
			break
		}
	}
	if err != nil {
		return nil, err
	}
	return k, nil
}

// Addr is where clients connect, as HOST:PORT.
func (k *Kafka) Addr() string { return fmt.Sprintf("127.0.0.1:%d", k.port) }

// SecureAddr is where clients connect by TLS and SASL.
func (k *Kafka) SecureAddr() string { return fmt.Sprintf("127.0.0.1:%d", k.secure) }

// Log is what the broker printed.
func (k *Kafka) Log() string {
	b, _ := os.ReadFile(filepath.Join(k.dir, "kafka.log"))
	return string(b)
}

func (k *Kafka) properties() string { return filepath.Join(k.dir, "server.properties") }

// configure picks ports, writes the settings and formats the data folder.
func (k *Kafka) configure(ctx context.Context, cfg Config) error {
	var err error
	if k.port, err = freePort(); err == nil {
		k.controller, err = freePort()
	}
	if err != nil {
		return fmt.Errorf("free port: %w", err)
	}
	all := map[string]string{
		"log.dirs":                       filepath.Join(k.dir, "data"),
		"listeners":                      fmt.Sprintf("PLAINTEXT://127.0.0.1:%d,CONTROLLER://127.0.0.1:%d", k.port, k.controller),
		"advertised.listeners":           fmt.Sprintf("PLAINTEXT://127.0.0.1:%d", k.port),
		"listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
		"controller.quorum.voters":       fmt.Sprintf("1@127.0.0.1:%d", k.controller),
	}
	secure := map[string]string{}
	format := []string{"-Xmx128m", "-cp", k.libs + "/*", "kafka.tools.StorageTool", "format", "-t", "c2x1aWNlLXRlc3RzLTAwMQ", "-c", k.properties()}
	if cfg.Secure {
		if k.secure, err = freePort(); err != nil {
			return fmt.Errorf("free port: %w", err)
		}
		if k.Certificates, err = NewCertificates(k.dir); err != nil {
			return fmt.Errorf("certificates: %w", err)
		}
		secure = secureListener(k.Certificates)
		for _, name := range []string{"listeners", "advertised.listeners"} {
			all[name] += fmt.Sprintf(",SECURE://127.0.0.1:%d", k.secure)
		}
		all["listener.security.protocol.map"] += ",SECURE:SASL_SSL"
		for _, mechanism := range []string{"SCRAM-SHA-256", "SCRAM-SHA-512"} {
			format = append(format, "--add-scram", fmt.Sprintf(`%s=[name="%s",password="%s"]`, mechanism, Username, Password))
		}
	}
	for _, settings := range []map[string]string{Settings, secure, cfg.Settings} {
		for name, value := range settings {
			all[name] = value
		}
	}
	var lines []string
	for name, value := range all {
		lines = append(lines, name+"="+value+"\n")
	}
	sort.Strings(lines)
	if err := os.WriteFile(k.properties(), []byte(strings.Join(lines, "")), 0o600); err != nil {
		return err
	}
	if err := os.RemoveAll(filepath.Join(k.dir, "data")); err != nil {
		return err
	}
	if out, err := exec.CommandContext(ctx, k.java, format...).CombinedOutput(); err != nil {
		return fmt.Errorf("format the data folder of Kafka: %w\n%s", err, out[max(0, len(out)-2000):]) // all settings come before the reason
	}
	return nil
}

// Restart starts the broker that Kill or Stop ended, on the same ports and data.
func (k *Kafka) Restart(ctx context.Context) error {
	log, err := os.OpenFile(filepath.Join(k.dir, "kafka.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	offset, _ := log.Seek(0, 2)
	cmd := exec.Command(k.java, heap, "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
		"-Dorg.slf4j.simpleLogger.showDateTime=true", "-cp", k.libs+"/*", "kafka.Kafka", k.properties())
	cmd.Stdout, cmd.Stderr, cmd.Dir = log, log, k.dir
	cmd.SysProcAttr = childAttributes()
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start Kafka: %w", err)
	}
	exited := make(chan struct{})
	go func() { _ = cmd.Wait(); close(exited) }()
	k.cmd, k.exited = cmd, exited
	if err := k.await(ctx); err != nil {
		k.Kill()
		printed, _ := os.ReadFile(log.Name())
		return fmt.Errorf("start Kafka: %w\n%s", err, bytes.TrimSpace(printed[min(int(offset), len(printed)):]))
	}
	return nil
}

// await returns when the broker answers.
func (k *Kafka) await(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	b, err := kafkaclient.Config{Brokers: []string{k.Addr()}}.Open()
	if err != nil {
		return err
	}
	defer b.Close()
	for {
		once, done := context.WithTimeout(ctx, 2*time.Second)
		err := b.Check(once)
		done()
		if err == nil {
			return nil
		}
		select {
		case <-k.exited:
			return errors.New("it ended at once")
		case <-ctx.Done():
			return err
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// Kill ends the broker by SIGKILL: what it had not written is lost.
func (k *Kafka) Kill() { k.signal(syscall.SIGKILL, time.Minute) }

// Stop ends the broker in order; after 30 s by force.
func (k *Kafka) Stop() {
	k.signal(syscall.SIGTERM, 30*time.Second)
	k.Kill()
}

func (k *Kafka) signal(sig syscall.Signal, patience time.Duration) {
	if k.cmd == nil {
		return
	}
	_ = k.cmd.Process.Signal(sig)
	select {
	case <-k.exited:
	case <-time.After(patience):
	}
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}
