package projections

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"sluice/internal/id"
	"sluice/normalize/purl"
)

// NoRecords is why nobody can judge a package that could be matched: there is no record of its ecosystem,
// or none that names its release. It is never stored: records come and go, and what is asked now
// is answered by those that are here now, in whatever order they came.
const NoRecords = "no-records"

// Recorded says of which of some ecosystems there are records.
type Recorded struct {
	all      bool            // there are more than anybody looks at
	named    map[string]bool // npm, Debian:12, in the spelling of keys
	released map[string]bool // Debian: some record names a release of it
}

// mostEcosystems is how many spellings of ecosystems are looked at. All of OSV's records together have
// some thousand: products of Red Hat, modules of SUSE.
const mostEcosystems = 20_000

// LoadRecorded reads of which of these ecosystems there are records, the tenant's or shared ones, at this moment. tx
// acts for the tenant.
func LoadRecorded(ctx context.Context, tx pgx.Tx, tenant id.ID, ecosystems ...string) (Recorded, error) {
	var families []string
	for _, e := range ecosystems {
		base, _, _ := strings.Cut(purl.Ecosystem(e), ":")
		for _, spelling := range purl.Spellings(base) {
			if !slices.Contains(families, spelling) {
				families = append(families, spelling)
			}
		}
	}
	rows, err := tx.Query(ctx, sqlRecordedEcosystems, tenant, families, mostEcosystems)
	if err != nil {
		return Recorded{}, fmt.Errorf("ecosystems of records: %w", err)
	}
	r := Recorded{named: map[string]bool{}, released: map[string]bool{}}
	n := 0
	var ecosystem string
	_, err = pgx.ForEachRow(rows, []any{&ecosystem}, func() error { n++; r.add(ecosystem); return nil })
	if err != nil {
		return Recorded{}, fmt.Errorf("ecosystems of records: %w", err)
	}
	r.all = n == mostEcosystems
	return r, nil
}

func (r Recorded) add(ecosystem string) {
	ecosystem = purl.Ecosystem(ecosystem)
	r.named[ecosystem] = true
	if base, release, _ := strings.Cut(ecosystem, ":"); release != "" {
		r.released[base] = true
	}
}

// Judges reports whether records can say anything about packages of an ecosystem, with its release where it has
// them. Records of a distribution that name no release speak of every one, but only where none of its records
// names any: three old records without a release do not make a release known that the feed has left.
func (r Recorded) Judges(ecosystem string) bool {
	ecosystem = purl.Ecosystem(ecosystem)
	if r.all || r.named[ecosystem] {
		return true
	}
	base, release, _ := strings.Cut(ecosystem, ":")
	return release != "" && r.named[base] && !r.released[base]
}

// OtherReleases reports whether records name other releases of the distribution.
func (r Recorded) OtherReleases(ecosystem string) bool {
	base, release, _ := strings.Cut(purl.Ecosystem(ecosystem), ":")
	return release != "" && r.released[base]
}
