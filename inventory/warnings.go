package inventory

import (
	"context"

	"github.com/jackc/pgx/v5"

	"sluice/internal/ask"
	"sluice/internal/id"
)

// Warning is something odd in a stored document. Count is how often its code was met from
// there on: more than once in the last one of a code of which not all are kept.
type Warning struct {
	Code    string `db:"code" json:"code"`
	Pointer string `db:"pointer" json:"pointer"`
	Message string `db:"message" json:"message"`
	Line    int    `db:"line" json:"line,omitzero"` // where the document begins, of several in one file
	Count   int64  `db:"count" json:"count"`
}

// Warnings lists what was odd in one document.
func (inv *Inventory) Warnings(ctx context.Context, tenant id.ID, key DocumentKey) ([]Warning, error) {
	var list []Warning
	err := inv.read(ctx, tenant, func(tx pgx.Tx) error {
		owner, hash, err := key.find(ctx, tx, tenant)
		if err != nil {
			return err
		}
		list, err = collect[Warning](ctx, tx, sqlDocumentWarnings, owner, hash)
		return err
	})
	if err != nil {
		return nil, during("warnings", err)
	}
	return list, nil
}

// WarningFilter says which warnings are counted, and by what. The zero value counts those of
// all documents by tool.
type WarningFilter struct {
	// By is code, tool, artifact or document: what a row is for, beside the code. "" is tool.
	By string
	// Kind, Artifact, Tool and Code pick documents and warnings; "" is any.
	Kind, Artifact, Tool, Code string
	// Current counts those of the current SBOM of each stream only.
	Current bool
	// Limit is how many rows at most, the most frequent first; 0 is all.
	Limit int
}

// Check returns an *ask.WrongError where the filter makes no sense. WarningCounts checks too.
func (f WarningFilter) Check() error {
	_, err := f.normal()
	return err
}

func (f WarningFilter) normal() (WarningFilter, error) {
	if f.By == "" {
		f.By = "tool"
	}
	if err := ask.OneOf("by", f.By, "code", "tool", "artifact", "document"); err != nil {
		return f, err
	}
	d, err := DocumentFilter{Kind: f.Kind, Artifact: f.Artifact, Limit: f.Limit}.normal()
	f.Artifact = d.Artifact
	return f, err
}

// WarningCount says how often something was odd.
type WarningCount struct {
	Tool        string `db:"tool" json:"tool"`
	ToolVersion string `db:"tool_version" json:"tool_version"`
	Artifact    string `db:"artifact" json:"artifact"`
	Document    string `db:"document_id" json:"document_id"`
	Code        string `db:"code" json:"code"`
	Documents   int64  `db:"documents" json:"documents"`
	Warnings    int64  `db:"warnings" json:"warnings"`
	Example     string `db:"example" json:"example"` // the newest document, and where in it
}

// WarningCounts counts warnings, the most frequent first. Members that the rows are not for are "".
func (inv *Inventory) WarningCounts(ctx context.Context, tenant id.ID, f WarningFilter) ([]WarningCount, error) {
	f, err := f.normal()
	if err != nil {
		return nil, err
	}
	var list []WarningCount
	err = inv.read(ctx, tenant, func(tx pgx.Tx) (err error) {
		list, err = collect[WarningCount](ctx, tx, sqlWarningCounts, tenant, f.By, f.Kind, f.Artifact, f.Tool, f.Code, f.Current, f.Limit)
		if err == nil && len(list) == 0 {
			err = namedArtifact(f.Artifact).noPlace(ctx, tx, tenant)
		}
		return err
	})
	if err != nil {
		return nil, during("warnings", err)
	}
	return list, nil
}
