package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"sluice/internal/audit"
	"sluice/internal/id"
	"sluice/internal/pg"
)

// verified is what audit verify prints per tenant.
type verified struct {
	Tenant   string `json:"tenant"`
	TenantID id.ID  `json:"tenant_id"`
	OK       bool   `json:"ok"`
	audit.Report
}

func (a *app) verifyAudit(ctx context.Context, of auditOf, given []string) error {
	whose, err := a.auditsOf(ctx, of)
	if err != nil {
		return err
	}
	anchors, bare, err := a.readAnchors(given)
	if err != nil {
		return err
	}
	if len(bare) > 0 && len(whose) > 1 {
		return usagef("--anchor NUMBER:HASH says no tenant; with --all-tenants give anchors as `sluice audit anchor` prints them")
	}
	for _, b := range bare {
		b.TenantID = whose[0].ID
		anchors = append(anchors, b)
	}
	var list []verified
	var wrong []string
	t := table{head: []string{"tenant", "entries", "last", "hash", "state"}}
	for _, w := range whose {
		pool, err := a.db.Pool(ctx, auditRole(w), pg.Config{MaxConns: 1})
		if err != nil {
			return err
		}
		r, err := audit.Verify(ctx, pool, w.ID, anchors)
		if err != nil {
			return fmt.Errorf("tenant %s: %w", w.Name, err)
		}
		list = append(list, verified{w.Name, w.ID, r.Fault == nil, r})
		state := "ok"
		if r.Cut > 0 {
			state = fmt.Sprintf("ok after the cut at %d", r.Cut)
		}
		if r.Fault != nil {
			state = r.Fault.Error()
			wrong = append(wrong, "tenant "+w.Name+": "+state)
		}
		if len(r.Unchecked) > 0 {
			fmt.Fprintf(a.stderr, "tenant %s: %d anchors are of entries that were retired; verify the files with them\n", w.Name, len(r.Unchecked))
		}
		t.add(w.Name, n(r.Entries), n(r.Last), r.Hash.String(), state)
	}
	if err := a.print(&t, list); err != nil {
		return err
	}
	if wrong != nil {
		return errors.New("the audit log is not what it was: " + strings.Join(wrong, "; "))
	}
	return nil
}

func (a *app) verifyAuditFiles(files, given []string) error {
	anchors, bare, err := a.readAnchors(given)
	if err != nil {
		return err
	}
	if len(bare) > 0 {
		return usagef("--anchor NUMBER:HASH goes with the database; with --file give anchors as `sluice audit anchor` prints them")
	}
	var readers []io.Reader
	for _, path := range files {
		f, err := os.Open(path)
		if err != nil {
			return fmt.Errorf("--file: %w; `sluice audit export FILE` writes one", err)
		}
		defer f.Close()
		readers = append(readers, f)
	}
	r, err := audit.VerifyFile(readers, anchors)
	if err != nil {
		return fmt.Errorf("%s: %w", strings.Join(files, ", "), err)
	}
	state := "ok"
	if r.Fault != nil {
		state = r.Fault.Error()
	}
	t := table{head: []string{"tenant", "entries", "first", "last", "hash", "state"}}
	t.add(r.TenantID.String(), n(r.Entries), n(r.First), n(r.Last), r.Hash.String(), state)
	if err := a.print(&t, r); err != nil {
		return err
	}
	if r.Fault != nil {
		return fmt.Errorf("%s: %w", strings.Join(files, ", "), r.Fault)
	}
	return nil
}

// readAnchors reads what --anchor gives: files, standard input, or a number and a hash of a tenant
// that they do not name.
func (a *app) readAnchors(given []string) (anchors, bare []audit.Anchor, err error) {
	for _, g := range given {
		if number, text, ok := strings.Cut(g, ":"); ok {
			seq, nerr := strconv.ParseInt(number, 10, 64)
			hash, herr := audit.ParseHash(text)
			if nerr == nil && herr == nil && seq > 0 {
				bare = append(bare, audit.Anchor{Seq: seq, Hash: hash})
				continue
			}
		}
		in := io.NopCloser(a.stdin)
		if g != "-" {
			if in, err = os.Open(g); err != nil {
				return nil, nil, usagef("--anchor: it is a file, - or NUMBER:HASH: %w", err)
			}
		}
		list, err := audit.ReadAnchors(in)
		_ = in.Close()
		if err != nil {
			return nil, nil, usagef("--anchor %s: %w", g, err)
		}
		anchors = append(anchors, list...)
	}
	return anchors, bare, nil
}
