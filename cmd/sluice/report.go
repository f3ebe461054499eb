package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"sluice/internal/id"
	"sluice/inventory"
	"sluice/inventory/report"
)

func newReport(a *app) *cobra.Command {
	f := inventory.ReportFilter{}
	var out string
	cmd := &cobra.Command{
		Use:   "report",
		Short: "Write an HTML page about open findings, to hand on or to print",
		Long: `Writes one HTML page that needs nothing else: how many findings were open over time, by severity and age,
what to look at first, the packages and artifacts with most of them, and how much could not be matched. It
follows light and dark mode, and prints. With --output json it is the figures instead.`,
		Example: "  sluice report --out report.html --tenant acme\n  sluice report --days 30 > report.html",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.report(cmd.Context(), f, out) },
	}
	cmd.Flags().StringVar(&out, "out", "", "file to write; default standard output")
	cmd.Flags().IntVar(&f.Days, "days", 90, "how many days back the trend goes")
	cmd.Flags().IntVar(&f.Top, "top", 20, "how long its lists are")
	return cmd
}

func (a *app) report(ctx context.Context, f inventory.ReportFilter, out string) error {
	if err := f.Check(); err != nil {
		return err
	}
	if f.Days == 0 { // to the filter it is what was not said, and here it was
		return usagef("--days 0: it is 1 to 366")
	}
	if f.Top == 0 {
		return usagef("--top 0: it is 1 to 1000")
	}
	if a.output == "csv" {
		return usagef("--output csv: a report is a page, or json")
	}
	d, err := asked(ctx, a, func(inv *inventory.Inventory, tenant id.ID) (report.Data, error) { return inv.Report(ctx, tenant, f) })
	if err != nil {
		return err
	}
	d.Tenant = a.tenant
	var unjudged []inventory.Unjudged
	for _, u := range d.Unjudged {
		unjudged = append(unjudged, inventory.Unjudged{Ecosystem: u.Ecosystem, Components: u.Components, Reason: u.Reason, OtherReleases: u.OtherReleases})
	}
	defer a.tellUnjudged(unjudged)
	write := func(w io.Writer) error { return report.Write(w, d) }
	if a.output == "json" {
		write = func(w io.Writer) error { return printJSON(w, d) }
	}
	if out == "" {
		return write(a.stdout)
	}
	return writeFile(out, write)
}

// writeFile writes a file whole or not at all: what was there stays until the new one is complete.
func writeFile(name string, write func(io.Writer) error) (err error) {
	tmp := name + ".part"
	file, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	defer func() {
		if err != nil {
			_ = os.Remove(tmp)
		}
	}()
	w := bufio.NewWriter(file)
	if err = write(w); err == nil {
		err = w.Flush()
	}
	if closed := file.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(tmp, name)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}
