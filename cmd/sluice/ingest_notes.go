package main

import (
	"fmt"
	"io"

	"sluice/ingest"
	"sluice/normalize"
)

// notes are what whoever imports should know although nothing failed.
type notes struct {
	shared bool
	facts  int64            // vulnerability records of the tenant alone
	others []ingest.Receipt // stored before for another artifact or stream; the first few
	more   int64            // of those
}

// maxOthers is how many documents are named that are stored for another artifact.
const maxOthers = 5

func (n *notes) take(list []ingest.Receipt) {
	for _, r := range list {
		if r.Kind == normalize.Vuln && r.Outcome == ingest.Accepted && !n.shared {
			n.facts++
		}
		if r.Outcome != ingest.Duplicate || len(r.Warnings) == 0 {
			continue
		}
		if len(n.others) < maxOthers {
			n.others = append(n.others, r)
		} else {
			n.more++
		}
	}
}

func (n *notes) print(w io.Writer, tenant string) {
	for _, r := range n.others {
		for _, warning := range r.Warnings {
			fmt.Fprintf(w, "sluice: %s: %s\n", r.Origin, warning.Message)
		}
	}
	if n.more > 0 {
		fmt.Fprintf(w, "sluice: the same of %d more documents; --receipts FILE has them all\n", n.more)
	}
	if n.facts > 0 {
		fmt.Fprintf(w, "sluice: %d documents of vulnerability facts are for tenant %s alone; with --shared they are for every tenant\n", n.facts, tenant)
	}
}
