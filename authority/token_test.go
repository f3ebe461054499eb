package authority

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"sluice/internal/ask"
	"sluice/internal/id"
	"sluice/internal/pg"
)

func TestSecrets(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, tenant := range []id.ID{{}, {15: 1}, id.Operator, id.Derive(id.Shared, "tenant", "acme")} {
		for range 50 {
			s := newSecret(prefixToken, tenant)
			got, err := parseSecret(prefixToken, s.text)
			if err != nil || got != s {
				t.Fatalf("%s: %v, %v", s.text, got, err)
			}
			if len(s.text) != 82 || seen[s.text] || strings.Contains(s.hint(), s.text[len(prefixToken):len(prefixToken)+70]) {
				t.Errorf("%s, hint %s", s.text, s.hint())
			}
			seen[s.text] = true
			// Any one character that is wrong is noticed.
			i := len(prefixToken) + int(s.text[70])%71
			for _, c := range []byte("0zZ-+_ ") {
				if c == s.text[i] {
					continue
				}
				if wrong, err := parseSecret(prefixToken, s.text[:i]+string(c)+s.text[i+1:]); err == nil {
					t.Errorf("%q at %d of %s is %v", c, i, s.text, wrong)
				}
			}
			if _, err := parseSecret(prefixSecret, s.text); err == nil {
				t.Error("a token is taken for a secret")
			}
		}
	}
	plus := prefixToken + "+" + strings.Repeat("1", widthTenant-1+widthRandom)
	for _, text := range []string{plus + sum(plus), "", prefixToken, prefixToken + strings.Repeat("z", 71), prefixToken + strings.Repeat("é", 35) + "x"} {
		if s, err := parseSecret(prefixToken, text); err == nil {
			t.Errorf("%q is %v", text, s)
		}
	}
}

// BenchmarkDecide: what letting somebody in costs, beside a transaction of the tenant with one
// question.
func BenchmarkDecide(b *testing.B) {
	d := newDesk(b, Config{})
	d.user(b, User{Subject: "ana", Roles: []string{"analyst", "importer"}})
	_, token := d.token(b, "ana", 0, Read)
	b.Run("bare", func(b *testing.B) {
		for b.Loop() {
			err := pg.Tenant(b.Context(), d.pool, d.acme, func(tx pgx.Tx) error {
				_, err := tx.Exec(b.Context(), `select 1`)
				return err
			})
			if err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("decide", func(b *testing.B) {
		for b.Loop() {
			if _, _, err := d.ask(b, token, Read); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// TestTokensThatDoNotCount: all are refused alike, and each for its own reason.
func TestTokensThatDoNotCount(t *testing.T) {
	t.Parallel()
	d := newDesk(t, Config{})
	beta := d.db.Tenant(t, "beta")
	ctx := t.Context()
	d.user(t, User{Subject: "ana", Roles: []string{"admin"}})
	d.user(t, User{Subject: "gone", Roles: []string{"admin"}})
	_, good := d.token(t, "ana", time.Hour, Read)
	_, expired := d.token(t, "ana", time.Nanosecond, Read)
	revoked, revokedText := d.token(t, "ana", 0, Read)
	_, ofGone := d.token(t, "gone", 0, Read)
	if _, err := d.RevokeToken(ctx, d.acme, revoked.ID.String()); err != nil {
		t.Fatal(err)
	}
	if _, err := d.SetUser(ctx, d.acme, "gone", false); err != nil {
		t.Fatal(err)
	}
	_, secret, err := d.AddClient(ctx, d.acme, Client{ClientID: "ci", Scopes: []Permission{Read}})
	if err != nil {
		t.Fatal(err)
	}
	if _, who, err := d.ask(t, good, Read); err != nil || who.TenantName != "acme" || who.Actor.Name != "ana" {
		t.Fatalf("a good token: %+v, %v", who, err)
	}
	last := "0"
	if strings.HasSuffix(good, last) {
		last = "1"
	}
	d.strangers(t, "", map[string]struct{ credential, reason string }{
		"expired":         {expired, "ana: token .* expired on"},
		"revoked":         {revokedText, "ana: token .* was revoked"},
		"disabled":        {ofGone, "gone: disabled"},
		"never made":      {newSecret(prefixToken, d.acme).text, "has no such token"},
		"of no tenant":    {newSecret(prefixToken, id.Derive(id.Shared, "tenant", "nowhere")).text, "has no such token"},
		"of the shared":   {newSecret(prefixToken, id.Shared).text, "has no such token"},
		"misspelt":        {good[:len(good)-1] + last, "misspelt"},
		"cut":             {good[:60], "prefix or length"},
		"another prefix":  {prefixAccess + good[len(prefixToken):], "misspelt"},
		"a client secret": {secret, "exchanged for a token first"},
		"nothing":         {"", "0 bytes"},
		"much":            {strings.Repeat("x", maxCredential+1), "16385 bytes"},
		"something":       {"letmein", "neither a token of ours nor a signed one"},
		"unsigned":        {"eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbmEifQ.", "neither a token of ours nor a signed one"},
	})

	// What is acme's own is in acme's audit log, once a minute, and in nobody else's.
	for range 3 {
		_, _, _ = d.ask(t, revokedText, Read)
	}
	for tenant, want := range map[id.ID]int{d.acme: 3, beta: 0} {
		var n int
		err := d.db.Admin(t).QueryRow(ctx, `select count(*) from authority.audit_log where tenant_id = $1 and action = 'access.refuse'`, tenant).Scan(&n)
		if err != nil || n != want {
			t.Errorf("tenant %s has %d refusals on record, want %d: %v", tenant, n, want, err)
		}
	}
}

// TestTokenOfAnotherTenant: it says that it is for its own, whether there is the other or not.
func TestTokenOfAnotherTenant(t *testing.T) {
	t.Parallel()
	d := newDesk(t, Config{})
	beta := d.db.Tenant(t, "beta")
	d.user(t, User{Subject: "ana", Roles: []string{"reader"}})
	_, token := d.token(t, "ana", 0, Read)
	for name, ok := range map[string]bool{"": true, "acme": true, d.acme.String(): true, strings.ToUpper(d.acme.String()): true, "beta": false, beta.String(): false, "nowhere": false} {
		_, who, err := d.Decide(t.Context(), Request{Credential: token, Tenant: name, Needs: Read, What: "a test"})
		var missing *MissingError
		if ok != (err == nil) || !ok && (!errors.As(err, &missing) || err.Error() != `this token is for tenant acme and no other; a test asks for tenant "`+name+`"`) {
			t.Errorf("%q: %+v, %v", name, who, err)
		}
	}
}

// TestScopesAndRoles: what one may is what the token and, at that moment, the roles permit.
func TestScopesAndRoles(t *testing.T) {
	t.Parallel()
	d := newDesk(t, Config{})
	ctx := t.Context()
	d.user(t, User{Subject: "ana", Roles: []string{"admin"}})
	for _, scope := range ofTenants {
		_, token := d.token(t, "ana", 0, scope)
		for _, needs := range append(AllPermissions(), Anyone) {
			_, who, err := d.ask(t, token, needs)
			var missing *MissingError
			if may := needs == scope || needs == Anyone; may != (err == nil) || err != nil && (!errors.As(err, &missing) || missing.Needs != needs) {
				t.Errorf("a token for %s, asked for %s: %+v, %v", scope, needs, who, err)
			}
		}
	}
	_, token := d.token(t, "ana", 0, Read, Decide)
	step := func(what string, may ...Permission) {
		t.Helper()
		for _, needs := range ofTenants {
			if _, _, err := d.ask(t, token, needs); (err == nil) != (len(both([]Permission{needs}, may)) == 1) {
				t.Errorf("%s: %s: %v", what, needs, err)
			}
		}
	}
	step("with all roles", Read, Decide)
	if _, err := d.SetRole(ctx, d.acme, "admin", []Permission{Read}, false); err != nil {
		t.Fatal(err)
	}
	step("with a smaller role", Read)
	if _, err := d.AddGrant(ctx, d.acme, "ana", "analyst"); err != nil {
		t.Fatal(err)
	}
	step("with two roles", Read, Decide)
	for _, role := range []string{"admin", "analyst"} {
		if err := d.RemoveGrant(ctx, d.acme, "ana", role); err != nil {
			t.Fatal(err)
		}
	}
	step("without roles")
}

// TestSettingsOfTheTransaction: specification 2.3, from a credential to the session.
func TestSettingsOfTheTransaction(t *testing.T) {
	t.Parallel()
	d := newDesk(t, Config{})
	ana := d.user(t, User{Subject: "ana", Roles: []string{"analyst", "importer"}})
	_, token := d.token(t, "ana", 0, Read)
	ctx, who, err := d.ask(t, token, Read)
	if err != nil {
		t.Fatal(err)
	}
	if from, ok := From(ctx); !ok || from.Actor.User != ana.ID || who.Kind != "user" {
		t.Errorf("the context has %+v, %v", from, ok)
	}
	err = pg.Tenant(ctx, d.db.Pool(t, pg.Reader), who.Tenant, func(tx pgx.Tx) error {
		var got string
		err := tx.QueryRow(ctx, `select concat_ws('|', current_setting('app.tenant_id'), current_setting('app.user_id'), current_setting('app.roles'))`).Scan(&got)
		if want := d.acme.String() + "|" + ana.ID.String() + "|analyst,importer"; got != want {
			t.Errorf("the session has %s, want %s", got, want)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestLastUseIsNotedOnceAMinute, however often a token is used, and not where it is refused.
func TestLastUseIsNotedOnceAMinute(t *testing.T) {
	t.Parallel()
	d := newDesk(t, Config{})
	d.user(t, User{Subject: "ana", Roles: []string{"reader"}})
	k, token := d.token(t, "ana", 0, Read)
	admin := d.db.Admin(t)
	used := func() (at *time.Time, version string) {
		t.Helper()
		if err := admin.QueryRow(t.Context(), `select last_used_at, xmin::text from authority.oauth_token where id = $1`, k.ID).Scan(&at, &version); err != nil {
			t.Fatal(err)
		}
		return at, version
	}
	use := func() {
		t.Helper()
		if _, _, err := d.ask(t, token, Read); err != nil {
			t.Fatal(err)
		}
	}
	if at, _ := used(); at != nil {
		t.Errorf("before its use: %s", at)
	}
	use()
	first, version := used()
	if first == nil {
		t.Fatal("its use was not noted")
	}
	for range 5 {
		use()
	}
	if _, again := used(); again != version {
		t.Error("its row was written again within the minute")
	}
	if _, err := admin.Exec(t.Context(), `update authority.oauth_token set last_used_at = now() - interval '61 seconds' where id = $1`, k.ID); err != nil {
		t.Fatal(err)
	}
	use()
	if at, _ := used(); at.Before(*first) {
		t.Errorf("after a minute it is still %s", at)
	}
}

// TestRotation: the new token counts at once, the old one for the overlap.
func TestRotation(t *testing.T) {
	t.Parallel()
	d := newDesk(t, Config{})
	ctx := t.Context()
	d.user(t, User{Subject: "ana", Roles: []string{"reader"}})
	life := time.Hour
	_, old, err := d.AddToken(ctx, d.acme, NewToken{User: "ana", Name: "ci", Scopes: []Permission{Read}, For: &life})
	if err != nil {
		t.Fatal(err)
	}
	k, second, err := d.RotateToken(ctx, d.acme, "ci", time.Hour)
	if err != nil || k.Name != "ci" || k.Expires == nil || k.Expires.Sub(k.Created) != life {
		t.Fatalf("%+v, %v", k, err)
	}
	for name, token := range map[string]string{"old": old, "new": second} {
		if _, _, err := d.ask(t, token, Read); err != nil {
			t.Errorf("the %s one: %v", name, err)
		}
	}
	var wrong *ask.WrongError
	if _, _, err := d.RotateToken(ctx, d.acme, "ci", 0); !errors.As(err, &wrong) {
		t.Errorf("two have the name: %v", err)
	}
	_, third, err := d.RotateToken(ctx, d.acme, k.ID.String(), 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := d.ask(t, second, Read); err == nil {
		t.Error("the one before counts without an overlap")
	}
	if _, _, err := d.ask(t, third, Read); err != nil {
		t.Error(err)
	}
	list, err := d.Tokens(ctx, d.acme, "ana", false)
	if err != nil || len(list) != 2 {
		t.Errorf("%d tokens count, %v", len(list), err)
	}
}

// TestNobodyGivesMoreThanHeHas, by whatever he gives.
func TestNobodyGivesMoreThanHeHas(t *testing.T) {
	t.Parallel()
	d := newDesk(t, Config{})
	op := t.Context()
	if _, err := d.SetRole(op, d.acme, "clerk", []Permission{Admin, Read}, true); err != nil {
		t.Fatal(err)
	}
	d.user(t, User{Subject: "carl", Roles: []string{"clerk"}})
	d.user(t, User{Subject: "adam", Roles: []string{"admin"}})
	if _, err := d.SetUser(op, d.acme, "adam", false); err != nil {
		t.Fatal(err)
	}
	if _, _, err := d.AddClient(op, d.acme, Client{ClientID: "ci", Scopes: []Permission{Ingest}}); err != nil {
		t.Fatal(err)
	}
	big, _ := d.token(t, "adam", 0, Decide)
	_, token := d.token(t, "carl", 0, Admin, Read)
	ctx, _, err := d.ask(t, token, Admin)
	if err != nil {
		t.Fatal(err)
	}
	yes := true
	for name, try := range map[string]func(context.Context) error{
		"a role": func(ctx context.Context) error {
			_, err := d.SetRole(ctx, d.acme, "more", []Permission{Decide}, true)
			return err
		},
		"his own role": func(ctx context.Context) error {
			_, err := d.SetRole(ctx, d.acme, "clerk", ofTenants, false)
			return err
		},
		"a grant": func(ctx context.Context) error { _, err := d.AddGrant(ctx, d.acme, "carl", "admin"); return err },
		"a user": func(ctx context.Context) error {
			_, err := d.AddUser(ctx, d.acme, User{Subject: "eve", Roles: []string{"analyst"}})
			return err
		},
		"back a user": func(ctx context.Context) error { _, err := d.SetUser(ctx, d.acme, "adam", true); return err },
		"a token": func(ctx context.Context) error {
			_, _, err := d.AddToken(ctx, d.acme, NewToken{User: "carl", Scopes: []Permission{Decide}})
			return err
		},
		"another token": func(ctx context.Context) error {
			_, _, err := d.RotateToken(ctx, d.acme, big.ID.String(), 0)
			return err
		},
		"a client": func(ctx context.Context) error {
			_, _, err := d.AddClient(ctx, d.acme, Client{ClientID: "x", Scopes: []Permission{Ingest}})
			return err
		},
		"a secret":      func(ctx context.Context) error { _, _, err := d.RotateClient(ctx, d.acme, "ci", 0); return err },
		"a scope":       func(ctx context.Context) error { _, err := d.SetClient(ctx, d.acme, "ci", nil, ofTenants); return err },
		"back a client": func(ctx context.Context) error { _, err := d.SetClient(ctx, d.acme, "ci", &yes, nil); return err },
	} {
		var missing *MissingError
		if err := try(ctx); !errors.As(err, &missing) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := d.AddUser(ctx, d.acme, User{Subject: "dora", Roles: []string{"reader"}}); err != nil {
		t.Errorf("what he has he may give: %v", err)
	}
	// Nothing of what was refused is left.
	var n int
	err = d.db.Admin(t).QueryRow(op, `select (select count(*) from authority.role where name = 'more') + (select count(*) from authority."user" where subject = 'eve' or subject = 'adam' and is_active)
		+ (select count(*) from authority.oauth_client where client_id = 'x')`).Scan(&n)
	if err != nil || n != 0 {
		t.Errorf("%d rows of what was refused are there: %v", n, err)
	}
}

// TestOperatorsPermissions are not a tenant's to have.
func TestOperatorsPermissions(t *testing.T) {
	t.Parallel()
	d := newDesk(t, Config{})
	ctx := t.Context()
	d.user(t, User{Subject: "ana"})
	var wrong *ask.WrongError
	for _, p := range []Permission{Operate, Metrics} {
		if _, err := d.SetRole(ctx, d.acme, "x", []Permission{p}, true); !errors.As(err, &wrong) {
			t.Errorf("a role: %v", err)
		}
		if _, _, err := d.AddToken(ctx, d.acme, NewToken{User: "ana", Scopes: []Permission{p}}); !errors.As(err, &wrong) {
			t.Errorf("a token: %v", err)
		}
		if _, _, err := d.AddClient(ctx, d.acme, Client{ClientID: "c", Scopes: []Permission{p}}); !errors.As(err, &wrong) {
			t.Errorf("a client: %v", err)
		}
	}
	var none *ask.NotFoundError
	if _, err := d.AddGrant(ctx, d.acme, "ana", "operator"); !errors.As(err, &none) {
		t.Errorf("the operator's role: %v", err)
	}
	if _, err := d.AddUser(ctx, id.Operator, User{Subject: "oscar", Roles: []string{"operator"}}); err != nil {
		t.Fatal(err)
	}
	_, token, err := d.AddToken(ctx, id.Operator, NewToken{User: "oscar", Scopes: []Permission{Operate}})
	if err != nil {
		t.Fatal(err)
	}
	if _, who, err := d.ask(t, token, Operate); err != nil || who.TenantName != OperatorName {
		t.Errorf("%+v, %v", who, err)
	}
	if _, who, err := d.Decide(ctx, Request{Credential: token, Tenant: "acme", Needs: Operate, What: "a test"}); err == nil {
		t.Errorf("the operator's token acts in acme: %+v", who)
	}
}
