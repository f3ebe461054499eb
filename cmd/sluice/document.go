package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sluice/internal/ask"
	"sluice/internal/id"
	"sluice/inventory"
	"sluice/inventory/sbomdoc"
)

func newDocument(a *app) *cobra.Command {
	cmd := &cobra.Command{Use: "document", Short: "Stored documents: list, show, export, what is odd about them, how complete they are"}
	var f inventory.DocumentFilter
	var w inventory.WarningFilter
	var warnings bool
	list := &cobra.Command{
		Use: "list", Short: "List stored documents, the newest first; or count what is odd about them", Args: cobra.NoArgs,
		Long: `Lists stored documents, the newest first. With --warnings it counts what was odd about them
instead, the most frequent first: by code and by the tool that made them, so that its users can
be told what to mend; or by artifact, by document, by code alone. "sluice document warnings"
lists those of one document.`,
		Example: "  sluice document list --kind sbom --output csv\n  sluice document list --warnings --by artifact --tool syft --current",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if warnings {
				w.Kind, w.Artifact, w.Limit = f.Kind, f.Artifact, f.Limit
				return a.countWarnings(cmd.Context(), w)
			}
			for _, name := range []string{"by", "tool", "code", "current"} {
				if cmd.Flags().Changed(name) {
					return ask.Wrong(name, "belongs to --warnings")
				}
			}
			return a.listDocuments(cmd.Context(), f)
		},
	}
	list.Flags().BoolVar(&warnings, "warnings", false, "count what was odd instead")
	list.Flags().StringVar(&w.By, "by", "tool", "with --warnings: a row for each code and tool, artifact or document; code: for each code")
	list.Flags().StringVar(&w.Tool, "tool", "", "with --warnings: only documents that this tool made, by name")
	list.Flags().StringVar(&w.Code, "code", "", "with --warnings: only this code")
	list.Flags().BoolVar(&w.Current, "current", false, "with --warnings: only the current SBOM of each stream")
	list.Flags().StringVar(&f.Kind, "kind", "", "only sbom, vex or vuln")
	list.Flags().StringVar(&f.Artifact, "artifact", "", "only SBOMs of this artifact, by purl")
	list.Flags().StringVar(&f.Signature, "signature", "", "only with a signature that was checked so: verified, bad, unknown-key, unchecked, unsigned; none: without an envelope")
	list.Flags().IntVar(&f.Limit, "limit", 0, "at most so many; 0 is all")
	show := &cobra.Command{
		Use: "show ID", Short: "Show what is known about a document, by id or sha256:HASH", Args: cobra.ExactArgs(1),
		Example: "  sluice document show sha256:1a566eb63e312ed4b751e16222a94eb001604c876f2714676b54672cc5e1eccb",
		RunE:    func(cmd *cobra.Command, args []string) error { return a.showDocument(cmd.Context(), args[0]) },
	}
	var file, envelope, as, losses string
	export := &cobra.Command{
		Use:   "export ID",
		Short: "Write the original, byte for byte, by id or sha256:HASH",
		Long: `Writes the document as it was received (after unwrapping), to standard output or to a
file: its sha256sum is the content hash. With --envelope it is what the document came
in instead: the DSSE envelope, Sigstore bundle or in-toto statement, or the signature that lay beside it.

With --as an SBOM is written in another format, whatever it came in. What that format cannot
hold, or is not carried, is listed on standard error and, as JSON, in the file of --losses.`,
		Example: "  sluice document export sha256:9f86d0… | sha256sum\n  sluice document export sha256:9f86d0… --as spdx-2.3 --file app.spdx.json --losses losses.json",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case as != "" && envelope != "":
				return ask.Wrong("as", "writes the document itself; leave out --envelope")
			case as != "":
				return a.convertDocument(cmd.Context(), args[0], as, file, losses)
			case losses != "":
				return ask.Wrong("losses", "belongs to --as")
			}
			return a.exportDocument(cmd.Context(), args[0], file, envelope)
		},
	}
	export.Flags().StringVar(&envelope, "envelope", "", "the envelope or signature instead; --envelope=ID is another one than that which says most (see document show)")
	export.Flags().Lookup("envelope").NoOptDefVal = anyEnvelope
	export.Flags().StringVar(&as, "as", "", "write an SBOM in this format instead: "+strings.Join(sbomdoc.Targets, ", "))
	export.Flags().StringVar(&losses, "losses", "", "with --as: write what is lost to this file, as JSON")
	export.Flags().StringVar(&file, "file", "", "write to this file instead")
	cmd.AddCommand(list, show, export, newDocumentWarnings(a), newDocumentQuality(a))
	return cmd
}

// anyEnvelope is --envelope without an id.
const anyEnvelope = "any"

func (a *app) listDocuments(ctx context.Context, f inventory.DocumentFilter) error {
	if err := f.Check(); err != nil {
		return err
	}
	list, err := asked(ctx, a, func(inv *inventory.Inventory, tenant id.ID) ([]inventory.Document, error) {
		return inv.Documents(ctx, tenant, f)
	})
	if err != nil {
		return err
	}
	t := table{head: []string{"id", "kind", "format", "version", "bytes", "components", "current", "signature", "artifact", "origin"}, empty: "no documents"}
	for _, d := range list {
		components, current := "", ""
		if d.Components != nil {
			components = fmt.Sprint(*d.Components)
		}
		if d.Current {
			current = "yes"
		}
		t.add(d.ID, d.Kind, d.Format, d.FormatVersion, n(d.Size), components, current, d.Signature, d.Artifact, d.Origin)
	}
	return a.print(&t, list)
}

func (a *app) showDocument(ctx context.Context, arg string) error {
	key, err := inventory.ParseDocumentKey(arg)
	if err != nil {
		return err
	}
	d, err := asked(ctx, a, func(inv *inventory.Inventory, tenant id.ID) (inventory.DocumentDetail, error) {
		return inv.Document(ctx, tenant, key)
	})
	if err != nil {
		return err
	}
	if a.output == "json" {
		return printJSON(a.stdout, d)
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
		t.add("document_time", d.Time.Format(time.RFC3339))
	}
	t.add("received_at", d.ReceivedAt.Format(time.RFC3339))
	t.add("origin", d.Origin)
	t.add("scan_run_id", n(d.ScanRun))
	t.add("warnings", string(d.Warnings))
	for _, s := range d.Signatures {
		t.add("signature", describeSignature(s))
	}
	for _, repeat := range d.Repeats {
		t.add("repeated by", repeat)
	}
	return a.print(&t, nil)
}

// describeSignature is a signature in one line.
func describeSignature(s inventory.Signature) string {
	text := string(s.Outcome) + ", " + string(s.Kind)
	if s.KeyID != "" {
		text += ", key " + s.KeyID
	}
	if s.PredicateType != "" {
		text += ", " + s.PredicateType
	}
	if s.Why != "" {
		text += ": " + s.Why
	}
	return text + " (" + s.ID + ")"
}

func (a *app) exportDocument(ctx context.Context, arg, file, envelope string) error {
	key, err := inventory.ParseDocumentKey(arg)
	if err != nil {
		return err
	}
	original, err := asked(ctx, a, func(inv *inventory.Inventory, tenant id.ID) ([]byte, error) {
		switch envelope {
		case "":
			return inv.Original(ctx, tenant, key)
		case anyEnvelope:
			return inv.Envelope(ctx, tenant, key, "")
		}
		return inv.Envelope(ctx, tenant, key, envelope)
	})
	if err != nil {
		return err
	}
	if file != "" {
		return os.WriteFile(file, original, 0o644)
	}
	_, err = a.stdout.Write(original)
	return err
}

// convertDocument writes an SBOM in another format, and what that loses.
func (a *app) convertDocument(ctx context.Context, arg, as, file, lossesFile string) error {
	key, err := inventory.ParseDocumentKey(arg)
	if err != nil {
		return err
	}
	type converted struct {
		bytes  []byte
		losses []sbomdoc.Loss
	}
	c, err := asked(ctx, a, func(inv *inventory.Inventory, tenant id.ID) (c converted, err error) {
		c.bytes, c.losses, err = inv.ExportAs(ctx, tenant, key, as)
		return c, err
	})
	if err != nil {
		return err
	}
	for _, l := range c.losses {
		where := ""
		if l.Example != "" {
			where = ", first " + printable(l.Example)
		}
		fmt.Fprintf(a.stderr, "not carried: %s (%d%s)\n", printable(l.What), l.Count, where)
	}
	if lossesFile != "" {
		f, err := os.Create(lossesFile)
		if err != nil {
			return err
		}
		if err := errors.Join(printJSON(f, c.losses), f.Close()); err != nil {
			return err
		}
	}
	if file != "" {
		return os.WriteFile(file, c.bytes, 0o644)
	}
	_, err = a.stdout.Write(c.bytes)
	return err
}
