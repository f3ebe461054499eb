package main

import (
	"net"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgproto3"

	"sluice/authority"
)

// oldServer lets everybody in as a PostgreSQL 15 does, and answers nothing. It returns its URL.
func oldServer(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				b := pgproto3.NewBackend(c, c)
				if _, err := b.ReceiveStartupMessage(); err != nil {
					return
				}
				b.Send(&pgproto3.AuthenticationOk{})
				b.Send(&pgproto3.ParameterStatus{Name: "server_version", Value: "15.18 (Debian 15.18-0+deb12u1)"})
				b.Send(&pgproto3.BackendKeyData{ProcessID: 1, SecretKey: []byte{0, 0, 0, 1}})
				b.Send(&pgproto3.ReadyForQuery{TxStatus: 'I'})
				if b.Flush() == nil {
					_, _ = b.Receive()
				}
			}()
		}
	}()
	return "postgres://sluice@" + l.Addr().String() + "/sluice?sslmode=disable"
}

// arguments are what commands have to be given, beyond the database.
var arguments = map[string]string{
	"sluice auth client add": "ci --scope read", "sluice auth client disable": "ci", "sluice auth client enable": "ci", "sluice auth client rotate": "ci", "sluice auth client set": "ci --scope read",
	"sluice auth grant add": "ana reader", "sluice auth grant revoke": "ana reader",
	"sluice auth role add": "triage --permission read", "sluice auth role remove": "triage", "sluice auth role set": "triage --permission read",
	"sluice auth token add": "--user ana --scope read", "sluice auth token revoke": "1", "sluice auth token rotate": "1",
	"sluice auth user add": "ana", "sluice auth user disable": "ana", "sluice auth user enable": "ana",
	"sluice bench kafka": "--brokers 127.0.0.1:1", "sluice ingest kafka": "--brokers 127.0.0.1:1",
	"sluice backup run": "--backup-to backups --backup-unencrypted", "sluice backup wal": "--backup-to backups --backup-unencrypted",
	"sluice artifact diff": "pkg:oci/a@1 pkg:oci/a@2", "sluice artifact show": "pkg:oci/a@1", "sluice artifact retire": "pkg:oci/a@1", "sluice artifact revive": "pkg:oci/a@1",
	"sluice artifact tag": "production pkg:oci/a@1", "sluice artifact untag": "production pkg:oci/a@1",
	"sluice audit retire": "--keep 400d --to .",
	"sluice feeds add":    "kev", "sluice feeds remove": "kev",
	"sluice flag delete": "receipts", "sluice flag eval": "receipts", "sluice flag set": "receipts off",
	"sluice limit delete": "documents", "sluice limit set": "documents 1000 --per 1m", "sluice topics allow": "team-a.*", "sluice topics deny": "team-a.*",
	"sluice document export": "00000000-0000-0000-0000-000000000001", "sluice document show": "00000000-0000-0000-0000-000000000001", "sluice ingest file": "-",
	"sluice document warnings": "00000000-0000-0000-0000-000000000001",
	"sluice jobs drop":         "--all", "sluice jobs retry": "--all",
	"sluice findings why":    "--vuln CVE-2026-1 --package pkg:npm/a@1",
	"sluice notify rule add": "urgent --url https://hooks.example/x", "sluice notify rule show": "urgent", "sluice notify rule remove": "urgent", "sluice notify rule test": "urgent",
	"sluice notify failed retry": "--all", "sluice notify failed drop": "--all",
	"sluice parked drop": "--all", "sluice parked replay": "--all", "sluice parked show": "1",
	"sluice partitions attach": "ingest.scan_run_event", "sluice partitions set": "ingest.scan_run_event --premake 3",
	"sluice runs show": "1", "sluice tenant create": "acme", "sluice tenant set": "acme --legal-hold", "sluice tenant rename": "acme other", "sluice tenant delete": "acme --yes",
	"sluice vex decide": "--package pkg:npm/a@1 --vuln CVE-2026-1 --status affected", "sluice vex export": "--format openvex", "sluice vex withdraw": "--package pkg:npm/a@1 --vuln CVE-2026-1",
	"sluice serve": "--listen 127.0.0.1:0",
}

// TestServerTooOld: every command says so in one message and fails, and none says anything else.
func TestServerTooOld(t *testing.T) {
	t.Chdir(t.TempDir()) // for folders that are named below
	url := oldServer(t)
	asked := 0
	for _, c := range commands() {
		path := c.CommandPath()
		if needs[path] == authority.Open || without[path] != "" {
			continue
		}
		asked++
		args := append(strings.Fields(path)[1:], strings.Fields(arguments[path])...)
		status, stdout, stderr := inProcess(t, append(args, "--database-url", url)...)
		if status != 1 || stdout != "" || strings.Count(stderr, "\n") != 1 || !strings.HasPrefix(stderr, "sluice: PostgreSQL 15.18 (Debian 15.18-0+deb12u1) is too old: Sluice needs 16 or newer") {
			t.Errorf("%s: status %d\n%s%s", path, status, stdout, stderr)
		}
	}
	if asked < 50 {
		t.Errorf("only %d commands were asked", asked)
	}
}

// without are commands that need no database, with the reason.
var without = map[string]string{
	"sluice auth whoami":    "without a token it is the operator, whom nobody has to be asked about",
	"sluice backup archive": "copies a file, and asks no database",
	"sluice backup drill":   "restores into a server of its own; this one only gets a note",
	"sluice backup list":    "looks at copies", "sluice backup prune": "looks at copies", "sluice backup verify": "looks at copies",
	"sluice doctor":         "says so in a row among others, and that it has to be acted on",
	"sluice backup restore": "makes a server",
	"sluice topics create":  "asks Kafka only",
	"sluice topics verify":  "asks Kafka only",
}
