package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"sluice/internal/id"
	"sluice/inventory"
	"sluice/inventory/vexdoc"
)

// exportTo are the flags of vex export that say where things go.
type exportTo struct{ out, losses string }

func newVEXExport(a *app) *cobra.Command {
	var c inventory.ExportConfig
	var to exportTo
	cmd := &cobra.Command{
		Use:   "export",
		Short: "Write the verdicts in force as OpenVEX, CSAF or CycloneDX",
		Long: `Writes what is in force for each finding, by a decision or a statement, as a VEX document: of one artifact, or of all
that have any. Its id stays the same; the same verdicts are the same document, byte for byte, and other ones its
next version. Importing it elsewhere gives the same statuses.

A CycloneDX document is about one artifact: for several --out names a folder, which gets a file for each. What a
format cannot say is told on standard error, and in full in the file of --losses.`,
		Example: "  sluice vex export --format openvex --artifact pkg:oci/shop@2.1 --out shop.openvex.json\n" +
			"  sluice vex export --format csaf-2.0 --author \"Example Works\" --namespace https://example.com --losses losses.json\n" +
			"  sluice vex export --format cyclonedx-1.6 --out vex/",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if c.Author == "" {
				c.Author = a.tenant
			}
			if err := c.Check(); err != nil {
				return err
			}
			return a.exportVEX(cmd.Context(), c, to)
		},
	}
	f := cmd.Flags()
	f.StringVar(&c.Format, "format", "", strings.Join(vexdoc.Formats, ", "))
	f.StringVar(&c.Artifact, "artifact", "", "only verdicts on findings of this artifact")
	f.StringVar(&c.Author, "author", "", "who says so in the document; default the tenant's name")
	f.StringVar(&c.Namespace, "namespace", "", "a URI of the author's, for CSAF; default one of the tenant's id")
	f.StringVar(&to.out, "out", "-", "file, or folder with / at its end; - is standard output")
	f.StringVar(&to.losses, "losses", "", "file for what the format cannot say, as JSON")
	_ = cmd.MarkFlagRequired("format")
	return cmd
}

func (a *app) exportVEX(ctx context.Context, c inventory.ExportConfig, to exportTo) error {
	folder := strings.HasSuffix(to.out, "/")
	if s, err := os.Stat(to.out); err == nil && s.IsDir() {
		folder = true
	}
	if vexdoc.Single(c.Format) && c.Artifact == "" && !folder {
		return usagef("--format %s: its documents are about one artifact; name it by --artifact, or a folder by --out FOLDER/", c.Format)
	}
	list, err := asked(ctx, a, func(inv *inventory.Inventory, tenant id.ID) ([]inventory.Exported, error) {
		ctx, _, err := a.author(ctx, tenant, verdict{})
		if err != nil {
			return nil, err
		}
		return inv.Export(ctx, tenant, c)
	})
	if err != nil {
		return err
	}
	if len(list) == 0 {
		fmt.Fprintln(a.stderr, "nothing is in force: there is nothing to export")
		return nil
	}
	losses := []vexdoc.Loss{}
	for _, e := range list {
		if err := a.writeExport(e, to.out, folder); err != nil {
			return err
		}
		losses = append(losses, e.Losses...)
	}
	a.tellLosses(losses, to.losses)
	if to.losses == "" {
		return nil
	}
	text, err := json.MarshalIndent(losses, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(to.losses, append(text, '\n'), 0o640)
}

// writeExport writes one document, a file beside the old one first: nobody reads half of it.
func (a *app) writeExport(e inventory.Exported, out string, folder bool) error {
	if out == "-" && !folder {
		_, err := a.stdout.Write(e.Text)
		return err
	}
	if folder {
		if err := os.MkdirAll(out, 0o750); err != nil {
			return err
		}
		out = filepath.Join(out, e.ID+"."+strings.NewReplacer("cyclonedx-", "cdx-").Replace(e.Format)+".json")
	}
	if err := os.WriteFile(out+".part", e.Text, 0o640); err != nil {
		return err
	}
	if err := os.Rename(out+".part", out); err != nil {
		return err
	}
	fmt.Fprintf(a.stderr, "%s: version %d of %s, %s\n", out, e.Version, e.ID, verdicts(e.Verdicts))
	return nil
}

func verdicts(n int) string {
	if n == 1 {
		return "1 verdict"
	}
	return fmt.Sprintf("%d verdicts", n)
}

// tellLosses says what the format cannot say, each kind once.
func (a *app) tellLosses(losses []vexdoc.Loss, file string) {
	type kind struct{ what, why string }
	count := map[kind]int{}
	var order []kind
	for _, l := range losses {
		k := kind{l.What, l.Why}
		if count[k]++; !slices.Contains(order, k) && len(order) < 50 {
			order = append(order, k)
		}
	}
	for _, k := range order {
		fmt.Fprintf(a.stderr, "not said as it is: %s of %s: %s\n", k.what, verdicts(count[k]), k.why)
	}
	if len(losses) > 0 && file == "" {
		fmt.Fprintln(a.stderr, "--losses FILE lists each")
	}
}
