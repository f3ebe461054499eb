package notify

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"sluice/internal/ask"
	"sluice/internal/pg"
	"sluice/internal/secret"
)

func sorted(list []string) string {
	slices.Sort(list)
	return strings.Join(list, " ")
}

func TestCheck(t *testing.T) {
	t.Parallel()
	good := func(change func(*NewRule)) NewRule {
		r := NewRule{Rule: Rule{Name: "urgent", Severity: "high"}, URL: "https://hooks.example/services/T0/B0/xyz#x"}
		change(&r)
		return r
	}
	two := float32(2)
	for says, r := range map[string]NewRule{
		"the name of a rule":           good(func(r *NewRule) { r.Name = "Not good" }),
		`severity "urgent"`:            good(func(r *NewRule) { r.Severity = "urgent" }),
		"it is a probability":          good(func(r *NewRule) { r.EPSS = &two }),
		"write it like pkg:npm":        good(func(r *NewRule) { r.Package = "lodash" }),
		"it is 1s to 24h":              good(func(r *NewRule) { r.Every = -1 }),
		`format "xml"`:                 good(func(r *NewRule) { r.Format = "xml" }),
		"url is missing":               good(func(r *NewRule) { r.URL = "" }),
		"does not begin with https://": good(func(r *NewRule) { r.URL = "file:///etc/passwd" }),
		"is no URL":                    good(func(r *NewRule) { r.URL = "https://h/%zz-sesame" }),
		"a secret is whsec_":           good(func(r *NewRule) { r.Secret = "open sesame" }),
		"Slack checks no":              good(func(r *NewRule) { r.Format, r.Secret = "slack", newSecret() }),
		"goes without a URL":           good(func(r *NewRule) { r.Target = Topic }),
	} {
		var wrong *ask.WrongError
		err := r.Check()
		if !errors.As(err, &wrong) || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "sesame") {
			t.Errorf("%v does not say %q", err, says)
		}
	}
	r := good(func(*NewRule) {})
	if err := r.Check(); err != nil || r.Destination != "https://hooks.example" || r.URL != "https://hooks.example/services/T0/B0/xyz" || !strings.HasPrefix(string(r.Secret), "whsec_") || r.Every != 60 {
		t.Errorf("%v: %+v", err, r)
	}
}

// TestSecretsStay: neither the path of a URL nor a secret comes out: not by what is printed, not by the audit log, not by an
// error, not for a reader or a maintainer of the database.
func TestSecretsStay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := newReceiver(t, nil)
	r.Close() // an attempt fails, and its error is kept
	rule, key := w.add(t, w.acme, NewRule{URL: secret.Secret(r.URL + "/services/sesame?token=sesame")})
	w.once(t)
	w.open(t, w.acme, finding{artifact: "pkg:oci/a@1", pkg: "pkg:npm/a@1", vuln: "CVE-1"})
	w.once(t, func(c *Config) { c.GiveUp = 1 })
	list, err := w.store.Rules(t.Context(), w.acme)
	if err != nil {
		t.Fatal(err)
	}
	failed, err := w.store.Failed(t.Context(), w.acme, "", 0)
	if err != nil || len(failed) != 1 || failed[0].Error == "" {
		t.Fatalf("%v: %+v", err, failed)
	}
	shown, _ := json.Marshal([]any{rule, list, failed, key})
	all := string(shown) + fmt.Sprintf("%v %+v %#v", rule, list, key) + strings.Join(query[string](t, w, `select diff::text from authority.audit_log`), " ") +
		strings.Join(query[string](t, w, `select m::text from routing.notify_message m union all select r::text from routing.notify_rule r`), " ")
	for _, s := range []string{"sesame", string(key)[6:]} {
		if strings.Contains(all, s) {
			t.Errorf("%q is shown: %s", s, all)
		}
	}
	for _, role := range []pg.Role{pg.Reader, pg.Ingest, pg.Projector, pg.Maintainer, "sluice_monitor"} {
		for _, column := range []string{"url", "secret"} {
			if _, err := w.db.Conn(t, role).Exec(t.Context(), `select `+column+` from routing.notify_endpoint`); err == nil || !strings.Contains(err.Error(), "permission denied") {
				t.Errorf("%s reads %s: %v", role, column, err)
			}
		}
	}
}

// TestStore: rules come, go and are looked at, each with an entry in the audit log.
func TestStore(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	other := w.db.Tenant(t, "other")
	w.add(t, w.acme, NewRule{Rule: Rule{Name: "urgent", KEV: true}, URL: "https://hooks.example/x"})
	if _, _, err := w.store.Add(t.Context(), w.acme, NewRule{Rule: Rule{Name: "urgent"}, URL: "https://hooks.example/y"}); err == nil || !strings.Contains(err.Error(), "of that name already") {
		t.Errorf("twice: %v", err)
	}
	list, err := w.store.Rules(t.Context(), other)
	if err != nil || len(list) != 0 {
		t.Errorf("another tenant sees %+v: %v", list, err)
	}
	var none *ask.NotFoundError
	if err := w.store.Remove(t.Context(), other, "urgent"); !errors.As(err, &none) {
		t.Errorf("another tenant's: %v", err)
	}
	if _, err := w.store.Test(t.Context(), w.acme, "urgent"); err != nil {
		t.Error(err)
	}
	if err := w.store.Remove(t.Context(), w.acme, "urgent"); err != nil {
		t.Error(err)
	}
	for _, table := range []string{"rule", "endpoint", "told", "message"} {
		if n := query[int64](t, w, `select count(*) from routing.notify_`+table)[0]; n != 0 {
			t.Errorf("%d rows stay in notify_%s", n, table)
		}
	}
	got := strings.Join(query[string](t, w, `select action from authority.audit_log where action like 'notify.%' order by at`), " ")
	if got != "notify.add notify.test notify.remove" {
		t.Errorf("in the audit log: %s", got)
	}
}
