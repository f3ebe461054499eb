package main

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/spf13/cobra"

	"sluice/ingest"
	"sluice/internal/id"
	"sluice/normalize/purl"
)

func newDocument(a *app) *cobra.Command {
	cmd := &cobra.Command{Use: "document", Short: "Stored documents: list, show, export byte for byte"}
	var kind, artifact string
	var limit int
	list := &cobra.Command{
		Use: "list", Short: "List stored documents, the newest first", Args: cobra.NoArgs,
		Example: "  sluice document list --kind sbom --output csv",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.listDocuments(cmd.Context(), kind, artifact, limit)
		},
	}
	list.Flags().StringVar(&kind, "kind", "", "only sbom, vex or vuln")
	list.Flags().StringVar(&artifact, "artifact", "", "only SBOMs of this artifact, by purl")
	list.Flags().IntVar(&limit, "limit", 0, "at most so many; 0 is all")
	show := &cobra.Command{
		Use: "show ID", Short: "Show what is known about a document, by id or sha256:HASH", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.showDocument(cmd.Context(), args[0]) },
	}
	var file string
	export := &cobra.Command{
		Use:   "export ID",
		Short: "Write the original, byte for byte, by id or sha256:HASH",
		Long: `Writes the document as it was received (after unwrapping), to standard output or to a
file: its sha256sum is the content hash.`,
		Example: "  sluice document export sha256:9f86d0… | sha256sum",
		Args:    cobra.ExactArgs(1),
		RunE:    func(cmd *cobra.Command, args []string) error { return a.exportDocument(cmd.Context(), args[0], file) },
	}
	export.Flags().StringVar(&file, "file", "", "write to this file instead")
	cmd.AddCommand(list, show, export)
	return cmd
}

// storedJSON is a document as list and show print it.
type storedJSON struct {
	ID            string          `json:"document_id"`
	Hash          string          `json:"content_hash"`
	Kind          string          `json:"kind"`
	Format        string          `json:"format"`
	FormatVersion string          `json:"format_version"`
	Size          int64           `json:"bytes"`
	Artifact      string          `json:"artifact"`
	Stream        string          `json:"stream"`
	Time          *time.Time      `json:"document_time"`
	Components    *int32          `json:"components"`
	Current       bool            `json:"current"`
	Origin        string          `json:"origin"`
	ScanRun       int64           `json:"scan_run_id"`
	ReceivedAt    time.Time       `json:"received_at"`
	Warnings      json.RawMessage `json:"warnings"`
}

const sqlDocuments = `
select o.document_id::text, 'sha256:' || encode(o.content_hash, 'hex'), o.kind, o.format, o.format_version, o.size,
       coalesce(d.artifact_purl, ''), coalesce(d.stream, ''), coalesce(d.document_time, v.document_time), d.component_count,
       s.document_id is not null, o.origin, o.scan_run_id, o.received_at, coalesce(o.warnings, '[]')
from ingest.original o
left join ingest.sbom_document d on d.tenant_id = o.tenant_id and d.content_hash = o.content_hash
left join vex.vex_document v on v.tenant_id = o.tenant_id and v.content_hash = o.content_hash
left join artifact.stream s on s.tenant_id = d.tenant_id and s.artifact_id = d.artifact_id and s.stream = d.stream and s.document_id = d.id
`

func scanDocument(row pgx.CollectableRow) (storedJSON, error) {
	var d storedJSON
	err := row.Scan(&d.ID, &d.Hash, &d.Kind, &d.Format, &d.FormatVersion, &d.Size, &d.Artifact, &d.Stream, &d.Time, &d.Components,
		&d.Current, &d.Origin, &d.ScanRun, &d.ReceivedAt, &d.Warnings)
	return d, err
}

func (a *app) listDocuments(ctx context.Context, kind, artifact string, limit int) error {
	switch kind {
	case "", "sbom", "vex", "vuln":
	default:
		return usagef("--kind %q: it is sbom, vex or vuln", kind)
	}
	if artifact != "" {
		p, err := purl.Parse(artifact)
		if err != nil {
			return usagef("--artifact %q: %w; write it like pkg:oci/app@1.2", artifact, err)
		}
		artifact = p.Purl
	}
	var list []storedJSON
	err := a.reader(ctx, func(tx pgx.Tx, tenant id.ID) error {
		rows, err := tx.Query(ctx, sqlDocuments+`
			where o.tenant_id = $1 and ($2 = '' or o.kind = $2) and ($3 = '' or d.artifact_purl = $3)
			order by o.received_at desc, o.document_id desc limit nullif($4, 0)`, tenant, kind, artifact, limit)
		if err != nil {
			return err
		}
		list, err = pgx.CollectRows(rows, scanDocument)
		return err
	})
	if err != nil {
		return fmt.Errorf("documents: %w", err)
	}
	t := table{head: []string{"id", "kind", "format", "version", "bytes", "components", "current", "artifact", "origin"}, empty: "no documents"}
	for _, d := range list {
		components, current := "", ""
		if d.Components != nil {
			components = fmt.Sprint(*d.Components)
		}
		if d.Current {
			current = "yes"
		}
		t.add(d.ID, d.Kind, d.Format, d.FormatVersion, n(d.Size), components, current, d.Artifact, d.Origin)
	}
	return a.print(&t, orEmpty(list))
}

// documentHash finds the content hash that arg means: an id, or the hash itself. The
// shared feed's documents are everybody's.
func documentHash(ctx context.Context, tx pgx.Tx, tenant id.ID, arg string) (owner id.ID, hash []byte, err error) {
	document := &id.ID{}
	if h, ok := strings.CutPrefix(arg, "sha256:"); ok || len(arg) == 64 {
		document = nil
		if hash, err = hex.DecodeString(h); err != nil || len(hash) != 32 {
			return owner, nil, usagef("%q is not a content hash: sha256: and 64 hexadecimal digits", arg)
		}
	} else if *document, err = id.Parse(arg); err != nil {
		return owner, nil, usagef("%q is neither the id of a document nor its content hash; see `sluice document list`", arg)
	}
	err = tx.QueryRow(ctx, `
		select tenant_id, content_hash from ingest.original
		where tenant_id = any (array[$1::uuid, core.shared_tenant()]) and (content_hash = $2 or document_id = $3)
		order by tenant_id = core.shared_tenant() limit 1`, tenant, hash, document).Scan(&owner, &hash)
	if errors.Is(err, pgx.ErrNoRows) {
		return owner, nil, fmt.Errorf("there is no document %s of this tenant", arg)
	}
	return owner, hash, err
}

func (a *app) showDocument(ctx context.Context, arg string) error {
	var d storedJSON
	var aliases []string
	err := a.reader(ctx, func(tx pgx.Tx, tenant id.ID) error {
		owner, hash, err := documentHash(ctx, tx, tenant, arg)
		if err != nil {
			return err
		}
		rows, err := tx.Query(ctx, sqlDocuments+`where o.tenant_id = $1 and o.content_hash = $2`, owner, hash)
		if err != nil {
			return err
		}
		if d, err = pgx.CollectExactlyOneRow(rows, scanDocument); err != nil {
			return err
		}
		rows, err = tx.Query(ctx, `select 'sha256:' || encode(a.content_hash, 'hex') || ' ' || a.origin from ingest.document_alias a
			where a.tenant_id = $1 and a.document_id = $2 order by a.document_time, a.content_hash`, owner, d.ID)
		if err != nil {
			return err
		}
		aliases, err = pgx.CollectRows(rows, pgx.RowTo[string])
		return err
	})
	if err != nil {
		return err
	}
	if a.output == "json" {
		return printJSON(a.stdout, struct {
			storedJSON
			Aliases []string `json:"unchanged_repeats"`
		}{d, orEmpty(aliases)})
	}
	t := table{head: []string{"what", "value"}}
	t.add("document_id", d.ID)
	t.add("content_hash", d.Hash)
	t.add("kind", d.Kind)
	t.add("format", strings.TrimSpace(d.Format+" "+d.FormatVersion))
	t.add("bytes", n(d.Size))
	if d.Artifact != "" {
		t.add("artifact", d.Artifact)
		t.add("stream", d.Stream)
		t.add("components", fmt.Sprint(*d.Components))
		t.add("current", fmt.Sprint(d.Current))
	}
	if d.Time != nil {
		t.add("document_time", d.Time.UTC().Format(time.RFC3339))
	}
	t.add("received_at", d.ReceivedAt.UTC().Format(time.RFC3339))
	t.add("origin", d.Origin)
	t.add("scan_run_id", n(d.ScanRun))
	t.add("warnings", string(d.Warnings))
	for _, alias := range aliases {
		t.add("repeated by", alias)
	}
	return a.print(&t, nil)
}

func (a *app) exportDocument(ctx context.Context, arg, file string) error {
	var out []byte
	err := a.reader(ctx, func(tx pgx.Tx, tenant id.ID) error {
		owner, hash, err := documentHash(ctx, tx, tenant, arg)
		if err != nil {
			return err
		}
		var encoding string
		var stored []byte
		var size int64
		if err := tx.QueryRow(ctx, `select encoding, bytes, size from ingest.original where tenant_id = $1 and content_hash = $2`, owner, hash).
			Scan(&encoding, &stored, &size); err != nil {
			return err
		}
		out, err = ingest.Expand(encoding, stored, size)
		return err
	})
	if err != nil {
		return err
	}
	if file != "" {
		return os.WriteFile(file, out, 0o644)
	}
	_, err = a.stdout.Write(out)
	return err
}
