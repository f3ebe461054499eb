package secret_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sluice/internal/secret"
)

func TestSecret(t *testing.T) {
	t.Parallel()
	const hush = "hush-hush"
	s := secret.Secret(hush)
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "s", s, "in", struct{ S secret.Secret }{s})
	js, err := json.Marshal(map[string]any{"s": s, "in": []secret.Secret{s}})
	if err != nil {
		t.Fatal(err)
	}
	for _, shown := range []string{fmt.Sprint(s), fmt.Sprintf("%s %v %+v %#v %q", s, s, struct{ S secret.Secret }{s}, s, s), log.String(), string(js)} {
		if strings.Contains(shown, hush) || !strings.Contains(shown, secret.Hidden) {
			t.Errorf("shown as %s", shown)
		}
	}
	if fmt.Sprint(secret.Secret("")) != "" {
		t.Error("no secret looks like one")
	}
}

func TestRead(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "password")
	for content, want := range map[string]string{"hush\n": "hush", "hush\r\n": "hush", " spaces kept ": " spaces kept ", "\n": ""} {
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := secret.Read(file)
		if string(got) != want || (err == nil) != (want != "") {
			t.Errorf("%q is %q, %v", content, string(got), err)
		}
	}
	if _, err := secret.Read(file + ".none"); err == nil || !strings.Contains(err.Error(), file+".none") {
		t.Errorf("a file that is not there: %v", err)
	}
}

func TestRun(t *testing.T) {
	t.Parallel()
	for command, want := range map[string]string{
		`echo hush`:                        "hush",
		`echo  two   words `:               "two words",
		`echo "two   words"`:               "two   words",
		`printf '%s' "it's"`:               "it's",
		`echo a\ b '\n' "\""`:              `a b \n "`,
		`echo $HOME`:                       "$HOME",
		`sh -c "echo hush; echo why >&2"`:  "hush",
		`sh -c "echo hush && (sleep 9 &)"`: "hush",
	} {
		got, err := secret.Run(t.Context(), command)
		if err != nil && !strings.Contains(command, "sleep") || err == nil && string(got) != want {
			t.Errorf("%s: %q, %v; want %q", command, string(got), err, want)
		}
	}
	for command, want := range map[string]string{
		``:                                     "names no program",
		`""`:                                   "names no program",
		`echo "x`:                              "left open",
		`echo x\`:                              "left open",
		`no-such-program-at-all`:               "no-such-program-at-all",
		`true`:                                 "printed nothing",
		`printf "a\\nb"`:                       "more than one line",
		`sh -c "echo hush; exit 3"`:            "exit status 3",
		`sh -c "echo hush; no key >&2; false"`: "exit status",
	} {
		_, err := secret.Run(t.Context(), command)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(strings.ReplaceAll(err.Error(), command, ""), "hush") {
			t.Errorf("%s: %v, want %q", command, err, want)
		}
	}
}

func TestSource(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte("first\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var got []string
	get := func(s secret.Source) {
		v, err := s.Get(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, string(v))
	}
	fromFile := secret.Source{Value: "of the environment", File: file}
	get(fromFile)
	if err := os.WriteFile(file, []byte("second\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	get(fromFile)
	get(secret.Source{Command: "cat " + file})
	get(secret.Source{Value: "at hand"})
	get(secret.Source{})
	if want := []string{"first", "second", "second", "at hand", ""}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if (secret.Source{File: "a", Command: "b"}).Check() == nil || fromFile.Check() != nil || !(secret.Source{}).None() || fromFile.None() {
		t.Error("a source is checked wrongly")
	}
}

func TestRedact(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"postgres://sluice:hush@host:5432/db?sslmode=require":     "postgres://sluice:***@host:5432/db?sslmode=require",
		"postgres://sluice:hu@sh@host/db":                         "postgres://sluice:***@host/db",
		"connect to redis://:hush@host:6379/0: refused":           "connect to redis://:***@host:6379/0: refused",
		"host=h user=u password=hush dbname=d":                    "host=h user=u password=*** dbname=d",
		"host=h password = 'it''s hush' dbname=d":                 "host=h password = *** dbname=d",
		"postgres://u:hu/sh-hush@host/db":                         "postgres://u:***@host/db",
		"postgres://u@h/d?password=hush&sslpassword=hush2&x=y":    "postgres://u@h/d?password=***&sslpassword=***&x=y",
		"https://u:hush@feeds.example/a and postgres://u:hush@h/": "https://u:***@feeds.example/a and postgres://u:***@h/",
		"postgres://sluice@host/db":                               "postgres://sluice@host/db",
		"postgres://host:5432/db?x=a@b":                           "postgres://host:5432/db?x=a@b",
		"at 10:30@home, pkg:npm/%40scope/x@1.0":                   "at 10:30@home, pkg:npm/%40scope/x@1.0",
	} {
		got := secret.Redact(text)
		if strings.Contains(got, "hush") || got != want {
			t.Errorf("%s becomes %s, want %s", text, got, want)
		}
		if secret.Inside(text) != (got != text) {
			t.Errorf("%s: inside is %v", text, secret.Inside(text))
		}
	}
}
