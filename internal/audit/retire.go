package audit

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/jackc/pgx/v5"

	"sluice/internal/ask"
	"sluice/internal/id"
	"sluice/internal/pg"
)

// Retired is what Retire did.
type Retired struct {
	Entries int64  `json:"entries"`
	First   int64  `json:"first"`
	Last    int64  `json:"last"`
	Hash    Hash   `json:"hash"` // of Last
	File    string `json:"file"` // "" where nothing was old enough
}

// Retire exports the entries of a tenant that are older than before into a file of folder and
// deletes them. The file is on the disk before anything is deleted; of a Retire that fails in
// between the file stays, and verifies. Where there is a legal hold nothing is retired. With dryRun it
// only says what it would do. db acts as the maintainer.
func Retire(ctx context.Context, db beginner, tenant id.ID, name string, before time.Time, folder string, dryRun bool) (r Retired, err error) {
	err = pgx.BeginTxFunc(ctx, db, pgx.TxOptions{}, func(tx pgx.Tx) error {
		if err := pg.SetTenant(ctx, tx, tenant); err != nil {
			return err
		}
		var held bool
		err := tx.QueryRow(ctx, sqlHeld, tenant).Scan(&held)
		if err != nil && !errors.Is(err, pgx.ErrNoRows) { // the operator is no tenant of the list
			return err
		}
		if held {
			return ask.Wrong("", "tenant %s is under legal hold: nothing of it is deleted; `sluice tenant set %[1]s --legal-hold=false` takes that away", name)
		}
		_, cut, err := headOf(ctx, tx, tenant)
		if err != nil {
			return err
		}
		if err := tx.QueryRow(ctx, sqlOlder, tenant, before).Scan(&r.Last); err != nil {
			return err
		}
		r.First = cut.seq + 1
		if r.Last <= cut.seq {
			r = Retired{}
			return nil
		}
		if dryRun {
			r.Entries = r.Last - cut.seq
			return nil
		}
		return r.move(ctx, tx, tenant, name, folder)
	})
	if err != nil {
		return r, fmt.Errorf("retire the audit log: %w", err)
	}
	return r, nil
}

// move writes the file and deletes what it holds.
func (r *Retired) move(ctx context.Context, tx pgx.Tx, tenant id.ID, name, folder string) error {
	r.File = filepath.Join(folder, fmt.Sprintf("audit-%s-%d-%d.ndjson", tenant, r.First, r.Last))
	f, err := os.CreateTemp(folder, ".audit-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	a, n, err := export(ctx, tx, tenant, name, r.First, r.Last, f)
	if err != nil {
		return err
	}
	if a.Seq != r.Last {
		return fmt.Errorf("entries up to %d were written, not to %d", a.Seq, r.Last)
	}
	r.Entries, r.Hash = n, a.Hash
	if err := errors.Join(f.Sync(), f.Chmod(0o640), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), r.File); err != nil {
		return err
	}
	if err := syncFolder(folder); err != nil {
		return err
	}
	var gone int64
	if err := tx.QueryRow(ctx, sqlCut, r.Last, r.Hash[:], r.File).Scan(&gone); err != nil {
		return err
	}
	if gone != n {
		return fmt.Errorf("%d entries were exported and %d would be deleted", n, gone)
	}
	return nil
}

// syncFolder makes a new name in a folder durable.
func syncFolder(folder string) error {
	d, err := os.Open(folder)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
