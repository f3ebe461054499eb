package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"sluice/backup"
	"sluice/serve"
)

// storeFlags say where backups are and how they are opened.
func storeFlags(b *serve.Backup, f *pflag.FlagSet) {
	b.Program = version
	f.StringVar(&b.To, "backup-to", "", "where backups are: a folder, or s3://BUCKET/PREFIX?endpoint=URL with AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (env SLUICE_BACKUP_TO)")
	f.StringVar(&b.Identity, "backup-identity", "", "file with the age identity that opens backups (env SLUICE_BACKUP_IDENTITY)")
	f.StringVar(&b.Cluster, "backup-cluster", "", "system identifier of the server, where backups of several are in one place")
}

// backupFlags say how backups are made.
func backupFlags(b *serve.Backup, f *pflag.FlagSet) {
	storeFlags(b, f)
	f.StringSliceVar(&b.Recipients, "backup-recipient", nil, "age recipient, age1…, or file of some, that backups are encrypted to (env SLUICE_BACKUP_RECIPIENT)")
	f.BoolVar(&b.Unencrypted, "backup-unencrypted", false, "store backups without encryption")
	f.StringVar(&b.URL, "backup-url", "", "URL of a role that may replicate; default the database's, and the embedded server's superuser (env SLUICE_BACKUP_URL)")
	f.StringVar(&b.Slot, "backup-slot", "sluice_backup", "replication slot that keeps WAL which is not archived yet")
	f.StringVar(&b.WAL, "backup-wal", backup.Stream, "who archives WAL: stream (this program, in `serve` and `backup wal`), command (archive_command) or none")
	f.DurationVar(&b.Every, "backup-every", 24*time.Hour, "how often a full backup is due")
	f.DurationVar(&b.SwitchEvery, "backup-switch-every", time.Minute, "archive a segment that is not full after so long; 0 leaves that to archive_timeout")
	keepFlag(b, f)
}

func keepFlag(b *serve.Backup, f *pflag.FlagSet) {
	f.DurationVar(&b.Keep, "backup-keep", 30*24*time.Hour, "how far back any moment can be restored")
}

func drillFlags(b *serve.Backup, f *pflag.FlagSet) {
	f.DurationVar(&b.DrillEvery, "drill-every", 30*24*time.Hour, "how often a drill is due, where there is an identity")
	f.StringVar(&b.DrillHome, "drill-home", "", "folder of the scratch server; it takes twice the database; default in the folder for temporary files")
	f.StringVar(&b.DrillPrograms, "drill-programs", "", "folder with bin/postgres of the backup's major version; default the embedded one")
}

func newBackup(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "backup",
		Short: "Full backups, the archive of WAL, restores, and drills that prove them",
		Long: `Makes full backups over the replication protocol and archives WAL, compressed and encrypted (age),
to a folder or an S3 bucket; restores any moment of the last 30 days. See docs/backup.md.`,
		Example: `  sluice backup key backup.key
  sluice backup run --backup-to /srv/backup --backup-recipient age1…
  sluice backup verify --backup-to /srv/backup --backup-identity backup.key
  sluice backup drill --backup-to /srv/backup --backup-identity backup.key --at 2026-11-30T02:00:00Z`,
	}
	cmd.AddCommand(newBackupKey(a), newBackupRun(a), newBackupList(a), newBackupVerify(a), newBackupPrune(a), newBackupDrill(a), newBackupRestore(a),
		newBackupWAL(a), newBackupArchive(a))
	return cmd
}

func newBackupKey(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "key FILE", Short: "Make a key: the identity goes into a file, the recipient is printed", Args: cobra.ExactArgs(1),
		Example: "  sluice backup key backup.key",
		Long:    "Makes an age key. Keep the file away from the machine whose backups it opens, and a copy where a fire does not reach: without it there is no restore.",
		RunE: func(_ *cobra.Command, args []string) error {
			recipient, err := backup.NewKey(args[0])
			if err == nil {
				fmt.Fprintln(a.stdout, recipient)
			}
			return err
		},
	}
}

func newBackupRun(a *app) *cobra.Command {
	var b serve.Backup
	cmd := &cobra.Command{
		Use: "run", Short: "Make a full backup, and archive the WAL that it needs", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			made, err := a.db.RunBackup(cmd.Context(), b, a.backupProgress())
			if err != nil {
				return err
			}
			return a.print(backupTable(made), made)
		},
	}
	backupFlags(&b, cmd.Flags())
	b.DrillEvery = time.Hour // not asked here
	return cmd
}

// backupProgress is a bar of what the server has sent; without a terminal there is none.
func (a *app) backupProgress() func(done, total int64) {
	if !terminal(a.stderr) {
		return nil
	}
	bar := progressbar.NewOptions64(-1, progressbar.OptionSetWriter(a.stderr), progressbar.OptionShowBytes(true), progressbar.OptionSetPredictTime(true),
		progressbar.OptionFullWidth(), progressbar.OptionClearOnFinish(), progressbar.OptionSetDescription("backing up"))
	return func(done, total int64) {
		if total > 0 && bar.GetMax64() != total {
			bar.ChangeMax64(total)
		}
		_ = bar.Set64(min(done, max(total, done)))
	}
}

func backupTable(list ...backup.Backup) *table {
	t := &table{head: []string{"backup", "ended", "server", "timeline", "start", "stop", "bytes", "of", "wal", "encryption"}, empty: "there is no backup yet"}
	for _, b := range list {
		t.add(b.ID, b.Ended.UTC().Format(time.RFC3339), b.Version, fmt.Sprint(b.Timeline), b.Start.String(), b.Stop.String(), n(b.Bytes()), n(b.Plain()), b.WAL, b.Encryption)
	}
	return t
}

func newBackupList(a *app) *cobra.Command {
	var b serve.Backup
	cmd := &cobra.Command{
		Use: "list", Short: "List the backups that are complete", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			store, _, err := b.Open(cmd.Context())
			if err != nil {
				return err
			}
			r, err := backup.OpenRepository(cmd.Context(), store, b.Cluster)
			if err != nil {
				return err
			}
			for _, u := range r.Halves {
				fmt.Fprintf(a.stderr, "%s is no backup: it is being made or was cut off\n", u.ID)
			}
			return a.print(backupTable(r.Backups...), orEmpty(r.Backups))
		},
	}
	storeFlags(&b, cmd.Flags())
	return cmd
}

func newBackupVerify(a *app) *cobra.Command {
	var b serve.Backup
	cmd := &cobra.Command{
		Use: "verify [BACKUP]", Short: "Read backups and WAL through, and compare them with what was written", Args: cobra.MaximumNArgs(1),
		Long: `Reads every object of the backups, or of one, and all WAL from there on. With --backup-identity everything is
decrypted and compared with PostgreSQL's own checksums; without, only what is stored with what was written. What is missing
or damaged is named, and the exit status is 1.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			store, keys, err := b.Open(cmd.Context())
			if err != nil {
				return err
			}
			v, err := backup.Verify(cmd.Context(), store, keys, b.Cluster, firstOf(args))
			t := &table{head: []string{"backups", "wal_files", "bytes", "opened", "unfinished"}}
			t.add(fmt.Sprint(v.Backups), fmt.Sprint(v.Segments), n(v.Bytes), fmt.Sprint(v.Opened), fmt.Sprint(v.Unfinished))
			return errors.Join(err, a.print(t, v))
		},
	}
	storeFlags(&b, cmd.Flags())
	return cmd
}

func firstOf(args []string) string {
	if len(args) == 0 {
		return ""
	}
	return args[0]
}

func newBackupPrune(a *app) *cobra.Command {
	var b serve.Backup
	var dryRun bool
	cmd := &cobra.Command{
		Use: "prune", Short: "Remove backups and WAL that no moment of the retention needs", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			p, err := a.db.Prune(cmd.Context(), b, dryRun)
			if err != nil {
				return err
			}
			t := &table{head: []string{"backups", "unfinished", "wal_files", "half_made", "bytes"}}
			t.add(fmt.Sprint(len(p.Backups)), fmt.Sprint(len(p.Unfinished)), fmt.Sprint(p.WAL), fmt.Sprint(p.HalfMade), n(p.Bytes))
			return a.print(t, p)
		},
	}
	storeFlags(&b, cmd.Flags())
	keepFlag(&b, cmd.Flags())
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "say what would be removed, and remove nothing")
	return cmd
}

// targetFlags say which moment is restored, and from which backup.
type targetFlags struct {
	at, backup string
	timeline   uint32
}

func (t *targetFlags) add(f *pflag.FlagSet) {
	f.StringVar(&t.at, "at", "latest", "the moment: latest, a time such as 2026-11-30T02:00:00Z, or a place in the WAL such as 16/B374D848")
	f.StringVar(&t.backup, "backup", "", "start from this backup; default the newest before the moment")
	f.Uint32Var(&t.timeline, "timeline", 0, "timeline to follow; default the newest")
}

func (t *targetFlags) target() (backup.Target, error) {
	target, err := backup.ParseTarget(t.at)
	if err != nil {
		return target, usagef("--at: %w", err)
	}
	target.Timeline = t.timeline
	return target, nil
}

func newBackupDrill(a *app) *cobra.Command {
	var b serve.Backup
	var at targetFlags
	var keep bool
	cmd := &cobra.Command{
		Use: "drill", Short: "Restore into a scratch server and check everything in it", Args: cobra.NoArgs,
		Long: `Restores a moment into a server of its own, checks the schema, every row, table and index, the content hash of every
original, the partitions, and that all findings are those of a rebuild from the originals; then throws it away. What came of
it is in the audit log and in core.maintenance, and so in the metrics. Exit status 1: the backup does not prove itself.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			target, err := at.target()
			if err != nil {
				return err
			}
			d, err := a.db.Drill(cmd.Context(), b, at.backup, target, keep)
			if d.Backup == "" {
				return err
			}
			state := "passed"
			if err != nil {
				state = "FAILED"
			}
			t := &table{head: []string{"drill", "backup", "target", "last_commit", "documents", "open", "suppressed", "tables", "indexes", "partitions", "restore_seconds"}}
			t.add(state, d.Backup, d.Target, d.LastCommit.Format(time.RFC3339), n(d.Originals), n(d.Open), n(d.Suppressed), fmt.Sprint(len(d.Rows)),
				fmt.Sprint(d.Indexes), fmt.Sprint(d.Partitions), fmt.Sprintf("%.1f", d.Seconds["restore"]))
			return errors.Join(err, a.print(t, d))
		},
	}
	storeFlags(&b, cmd.Flags())
	drillFlags(&b, cmd.Flags())
	at.add(cmd.Flags())
	cmd.Flags().BoolVar(&keep, "keep-scratch", false, "leave the scratch server's folder, to look at")
	return cmd
}

func newBackupRestore(a *app) *cobra.Command {
	var b serve.Backup
	var at targetFlags
	cmd := &cobra.Command{
		Use: "restore [FOLDER]", Short: "Restore the embedded server of --home, or a data folder for a server of your own", Args: cobra.MaximumNArgs(1),
		Long: `Without FOLDER the embedded server of --home is restored, which must not have one yet; the next command starts it.
With FOLDER a data folder is made, missing or empty before, that a PostgreSQL of the same major version recovers to the moment
when it is started on it: look at its configuration first, archive_command above all.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			target, err := at.target()
			if err != nil {
				return err
			}
			if len(args) == 1 {
				return a.restoreFolder(cmd.Context(), b, at.backup, target, args[0])
			}
			if a.databaseURL != "" {
				return usagef("name a FOLDER for the server of --database-url; without one the embedded server is restored")
			}
			out, got, err := a.db.RestoreHome(cmd.Context(), b, at.backup, target)
			if err != nil {
				return err
			}
			t := &table{head: []string{"restored", "files", "wal_files", "last_commit", "lsn", "timeline"}}
			t.add(target.String(), fmt.Sprint(out.Files), fmt.Sprint(out.Segments), got.LastCommit.Format(time.RFC3339), got.LSN, fmt.Sprint(got.Timeline))
			return a.print(t, map[string]any{"restored": out, "last_commit": got.LastCommit, "lsn": got.LSN, "timeline": got.Timeline})
		},
	}
	storeFlags(&b, cmd.Flags())
	at.add(cmd.Flags())
	return cmd
}

func (a *app) restoreFolder(ctx context.Context, b serve.Backup, id string, target backup.Target, dir string) error {
	store, keys, err := b.Open(ctx)
	if err != nil {
		return err
	}
	source, err := backup.Find(ctx, store, keys, b.Cluster, id, target)
	if err != nil {
		return err
	}
	out, err := source.Folder(ctx, dir)
	if err != nil {
		return err
	}
	fmt.Fprintf(a.stderr, "start PostgreSQL %s on %s: it recovers to %s\n", source.Backup.Major(), dir, target)
	t := &table{head: []string{"restored", "files", "wal_files", "bytes"}}
	t.add(dir, fmt.Sprint(out.Files), fmt.Sprint(out.Segments), n(out.Bytes))
	return a.print(t, out)
}

func newBackupWAL(a *app) *cobra.Command {
	var b serve.Backup
	var once, drop bool
	cmd := &cobra.Command{
		Use: "wal", Short: "Archive WAL as it is written, until stopped; `serve` does the same", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch {
			case drop:
				return a.db.DropSlot(cmd.Context(), b)
			case !once:
				return a.db.ArchiveWAL(cmd.Context(), b)
			}
			at, err := a.db.ArchiveNow(cmd.Context(), b)
			if err == nil {
				fmt.Fprintln(a.stdout, at)
			}
			return err
		},
	}
	backupFlags(&b, cmd.Flags())
	b.DrillEvery = time.Hour
	cmd.Flags().BoolVar(&once, "once", false, "archive what there is up to now, print up to where, and end")
	cmd.Flags().BoolVar(&drop, "drop", false, "drop the slot: the server forgets what is not archived, until the next `backup run`")
	cmd.MarkFlagsMutuallyExclusive("once", "drop")
	return cmd
}

func newBackupArchive(a *app) *cobra.Command {
	var b serve.Backup
	cmd := &cobra.Command{
		Use: "archive FILE", Short: "Archive one file of WAL: archive_command = 'sluice backup archive %p'", Args: cobra.ExactArgs(1),
		Example: "  sluice backup archive pg_wal/000000010000000000000001 --backup-to /srv/backup --backup-recipient age1…",
		Long: `For archive_command of a server of your own, with --backup-wal command elsewhere. Exit status 0 means that the file is stored
durably, now or before; a file of that name with other bytes is never overwritten and an error.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := b.Check(); err != nil {
				return err
			}
			store, keys, err := b.Open(cmd.Context())
			if err != nil {
				return err
			}
			name, err := backup.ArchiveFile(cmd.Context(), store, keys, args[0])
			if err == nil {
				a.log.Info("archived", "file", name)
			}
			return err
		},
	}
	backupFlags(&b, cmd.Flags())
	b.DrillEvery = time.Hour
	return cmd
}
