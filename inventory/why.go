package inventory

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"sluice/ingest"
	"sluice/internal/ask"
	"sluice/internal/id"
	"sluice/normalize"
	"sluice/normalize/purl"
	"sluice/projections"
)

// WhyQuestion names a finding, or a pair of vulnerability and package that may be none.
type WhyQuestion struct {
	// ID is that of a finding, as lists show it. Or Vuln and Package are given.
	ID string
	// Vuln is an id of the vulnerability, whichever of its ids.
	Vuln string
	// Package is its purl with a version.
	Package string
	// Artifact is the purl of the artifact; "" is the first that has the finding, or that lists the package.
	Artifact string
}

// Check returns an *ask.WrongError where the question makes no sense. Why checks too.
func (q WhyQuestion) Check() error {
	switch {
	case q.ID != "" && (q.Vuln != "" || q.Package != "" || q.Artifact != ""):
		return ask.Wrong("", "give the ID of a finding, or --vuln and --package, not both")
	case q.ID != "":
		_, _, _, err := parseFindingID(q.ID)
		return err
	case q.Vuln == "" || q.Package == "":
		return ask.Wrong("", "give the ID of a finding, which `sluice findings --fields id,vulnerability,package` shows, or --vuln and --package")
	}
	p, err := purl.Parse(q.Package)
	if err != nil {
		return ask.Wrong("package", "%q: %w; write it like pkg:npm/lodash@4.17.20", q.Package, err)
	}
	if p.Version == "" {
		return ask.Wrong("package", "%q has no version, and an explanation is of one; `sluice findings --package %s` lists those of all", q.Package, p.Purl)
	}
	_, err = artifactPurl(q.Artifact)
	return err
}

// Why explains a finding, or why there is none.
type Why struct {
	ID            string   `json:"id"`
	Status        string   `json:"status"` // open, suppressed, closed or none
	Because       string   `json:"because"`
	Vulnerability string   `json:"vulnerability"`
	Aliases       []string `json:"aliases"`
	Package       string   `json:"package"`
	Artifact      string   `json:"artifact"` // "" where no artifact lists the package
	// AlsoIn is how many other artifacts have the finding.
	AlsoIn int64 `json:"also_in"`

	Severity  string     `json:"severity"`
	Score     *Score     `json:"score"`
	KEV       *KEV       `json:"kev"`
	EPSS      *EPSS      `json:"epss"`
	Fixed     []string   `json:"fixed_versions"`
	FirstSeen *time.Time `json:"first_seen"`

	Records    []WhyRecord   `json:"records"`
	Identified WhyIdentified `json:"identified"`
	Places     []WhyPlace    `json:"places"` // in the current SBOMs of the artifact
	Statements []WhySaid     `json:"statements"`
	History    []WhyEvent    `json:"history"`
	Proof      []WhyProof    `json:"proof"`
}

// WhyRecord is what a vulnerability record says of the package.
type WhyRecord struct {
	ID        string     `json:"id"`
	Source    string     `json:"source"`
	Summary   string     `json:"summary"`
	Covers    bool       `json:"covers"`
	Range     string     `json:"range"` // that holds the version; "" where none does
	MatchedBy string     `json:"matched_by"`
	Words     []string   `json:"words"` // how the version compares
	Fixed     []string   `json:"fixed_versions"`
	Severity  string     `json:"severity"`
	Score     *Score     `json:"score"`
	Modified  *time.Time `json:"modified"`
	Withdrawn *time.Time `json:"withdrawn"`
	Document  string     `json:"document"` // content hash
}

// WhyIdentified is what the package was taken for.
type WhyIdentified struct {
	Ecosystem string   `json:"ecosystem"`
	Version   string   `json:"version"` // that is compared
	By        string   `json:"by"`      // purl name, purl upstream
	Keys      []string `json:"keys"`    // what records are looked up by
	Unmatched string   `json:"unmatched"`
	Words     string   `json:"words"`
}

// WhyPlace is where a current SBOM of the artifact has the package.
type WhyPlace struct {
	Stream     string     `json:"stream"`
	DocumentID string     `json:"document_id"`
	Document   string     `json:"document"` // content hash
	Format     string     `json:"format"`
	Origin     string     `json:"origin"`
	Time       *time.Time `json:"document_time"`
	Path       []Step     `json:"path"` // from what the SBOM describes; [] where it does not say
	Note       string     `json:"note"` // why there is no path
}

// WhySaid is a statement or a decision about the finding.
type WhySaid struct {
	Kind          string     `json:"kind"` // decision or statement
	ID            string     `json:"id"`
	InForce       bool       `json:"in_force"`
	Why           string     `json:"why"` // it decides, or does not, in words
	Reason        string     `json:"reason"`
	Status        string     `json:"status"`
	Justification string     `json:"justification"`
	Detail        string     `json:"detail"`
	Source        string     `json:"source"`
	Issuer        string     `json:"issuer"`
	Product       string     `json:"product"`
	Scope         string     `json:"scope"`
	Time          *time.Time `json:"time"`
	Document      string     `json:"document"` // content hash; "" of a decision
}

// WhyEvent is a row of the history of a finding.
type WhyEvent struct {
	At     time.Time         `db:"at" json:"at"`
	Event  string            `db:"event" json:"event"`
	Reason string            `db:"reason" json:"reason"`
	Detail map[string]string `db:"detail" json:"detail"`
}

// WhyProof is a document that an answer rests on.
type WhyProof struct {
	What     string `json:"what"`
	Document string `json:"document"` // content hash
	Command  string `json:"command"`  // that writes it, byte for byte
}

// parseFindingID takes the id of a finding apart, into the vulnerability and what the ids of artifact and package begin with.
func parseFindingID(text string) (vuln, artifact, pkg string, err error) {
	parts := strings.Split(text, ".")
	n := len(parts)
	hexadecimal := func(s string) bool { return len(s) == 12 && strings.Trim(s, "0123456789abcdef") == "" }
	if n < 3 || !hexadecimal(parts[n-1]) || !hexadecimal(parts[n-2]) {
		return "", "", "", ask.Wrong("", "%.80q is no ID of a finding, which is like CVE-2021-44228.9f86d081884c.2c26b46b68ff; `sluice findings --fields id,vulnerability,package` shows them", text)
	}
	return strings.Join(parts[:n-2], "."), parts[n-2], parts[n-1], nil
}

// uuidsFrom are the least and the greatest id that begins with these digits.
func uuidsFrom(digits string) (least, greatest string) {
	form := func(s string) string { return s[:8] + "-" + s[8:12] + "-" + s[12:16] + "-" + s[16:20] + "-" + s[20:] }
	return form(digits + strings.Repeat("0", 20)), form(digits + strings.Repeat("f", 20))
}

// whyPair is what a question is about, looked up.
type whyPair struct {
	Vuln         string   `db:"vuln_id"`
	Artifact     *id.ID   `db:"artifact_id"`
	ArtifactPurl string   `db:"artifact_purl"`
	ArtifactKey  string   `db:"artifact_key"`
	State        string   `db:"state"` // of the artifact
	Package      id.ID    `db:"package_id"`
	Purl         string   `db:"package_purl"`
	Ecosystem    string   `db:"ecosystem"`
	Version      string   `db:"match_version"`
	By           string   `db:"matched_by"`
	Keys         []string `db:"keys"`
	Unmatched    string   `db:"unmatched_reason"`
	Status       string   `db:"status"`
	AlsoIn       int64    `db:"also_in"`
}

// Why explains a finding: what says so, how the package was identified, where it is, who says what about it and which of
// them counts, what happened. Or, as far as can be told, why a vulnerability of a package is no finding.
func (inv *Inventory) Why(ctx context.Context, tenant id.ID, q WhyQuestion) (*Why, error) {
	if err := q.Check(); err != nil {
		return nil, err
	}
	var w *Why
	var streams []WhyPlace
	err := inv.read(ctx, tenant, func(tx pgx.Tx) error {
		p, err := q.find(ctx, tx, tenant)
		if err != nil {
			return err
		}
		if p.Unmatched == "" && p.Status != "open" && p.Status != "suppressed" {
			recorded, err := projections.LoadRecorded(ctx, tx, tenant, p.Ecosystem)
			if err != nil {
				return err
			}
			if !recorded.Judges(p.Ecosystem) {
				p.Unmatched = projections.NoRecords
			}
		}
		pair := projections.Pair{ArtifactPurl: p.ArtifactPurl, ArtifactKey: p.ArtifactKey, Package: p.Package, Purl: p.Purl, Ecosystem: p.Ecosystem, Version: p.Version, Keys: p.Keys}
		if p.Artifact != nil {
			pair.Artifact = *p.Artifact
		}
		x, err := projections.Explain(ctx, tx, tenant, pair, p.Vuln)
		if err != nil {
			return err
		}
		w = newWhy(p, x)
		if err := w.deciders(ctx, tx, tenant, p.Package); err != nil {
			return err
		}
		if p.Artifact == nil {
			w.KEV, w.EPSS, err = exploited(ctx, tx, tenant, w.Vulnerability)
			return err
		}
		w.ID = FindingID(w.Vulnerability, *p.Artifact, p.Package)
		if w.History, err = collect[WhyEvent](ctx, tx, sqlWhyHistory, tenant, *p.Artifact, p.Package, x.Names); err != nil {
			return err
		}
		rows, err := tx.Query(ctx, sqlWhyPlaces, tenant, *p.Artifact, p.Package)
		if err != nil {
			return err
		}
		streams, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (s WhyPlace, err error) {
			err = row.Scan(&s.Stream, &s.DocumentID, &s.Document, &s.Format, &s.Origin, &s.Time)
			utc(s.Time)
			return s, err
		})
		if err != nil {
			return err
		}
		if w.KEV, w.EPSS, err = exploited(ctx, tx, tenant, w.Vulnerability); err != nil {
			return err
		}
		return w.stored(ctx, tx, tenant, p)
	})
	if err != nil {
		return nil, during("why", err)
	}
	for i := range streams {
		inv.path(ctx, tenant, &streams[i], w.Package)
	}
	w.Places = orNone(streams)
	w.settle()
	return w, nil
}

// deciders names who made the decisions.
func (w *Why) deciders(ctx context.Context, tx pgx.Tx, tenant, pkg id.ID) error {
	for i := range w.Statements {
		s := &w.Statements[i]
		if s.Kind != "decision" {
			continue
		}
		if err := tx.QueryRow(ctx, sqlWhyDecider, tenant, pkg, s.ID).Scan(&s.Issuer); err != nil && !errors.Is(err, pgx.ErrNoRows) {
			return err
		}
	}
	return nil
}

// find looks up what the question is about.
func (q WhyQuestion) find(ctx context.Context, tx pgx.Tx, tenant id.ID) (p whyPair, err error) {
	vuln, given := normalize.VulnID(q.Vuln), q.Package
	args := []any{tenant, nil, nil, nil, nil, nil, "", vuln}
	if q.ID != "" {
		var artifact, pkg string
		if vuln, artifact, pkg, err = parseFindingID(q.ID); err != nil {
			return p, err
		}
		given = q.ID
		args[1], args[2] = uuidsFrom(artifact)
		args[3], args[4] = uuidsFrom(pkg)
		args[7] = vuln
	} else {
		named, err := purl.Parse(q.Package)
		if err != nil {
			return p, ask.Wrong("package", "%q: %w", q.Package, err)
		}
		known, err := knownPackage(ctx, tx, tenant, named)
		var missing *ask.NotFoundError
		if errors.As(err, &missing) {
			return unlisted(tenant, named, vuln), nil
		}
		if err != nil {
			return p, err
		}
		args[5] = known.ID
		if args[6], err = artifactPurl(q.Artifact); err != nil {
			return p, err
		}
	}
	var same, told []string
	if err := tx.QueryRow(ctx, sqlVulnIDs, tenant, vuln).Scan(&same, &told); err != nil {
		return p, err
	}
	rows, err := tx.Query(ctx, sqlWhyPair, append(args, append(same, told...))...)
	if err != nil {
		return p, err
	}
	p, err = pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[whyPair])
	if errors.Is(err, pgx.ErrNoRows) {
		if in, _ := args[6].(string); in != "" {
			if err := namedArtifact(in).noPlace(ctx, tx, tenant); err != nil {
				return p, err
			}
		}
		return p, ask.NotFound("there is no finding %s of this tenant, and none was closed; see `sluice findings --status all --fields id`, or ask by --vuln and --package", given)
	}
	if err == nil && q.Artifact != "" && p.Artifact == nil {
		return p, noArtifact(ctx, tx, tenant, args[6].(string))
	}
	return p, err
}

// unlisted is a package that no SBOM of the tenant lists.
func unlisted(tenant id.ID, p purl.Package, vuln string) whyPair {
	return whyPair{
		Vuln: vuln, Package: ingest.NewPackage(tenant, p).ID, Purl: p.Purl, Ecosystem: p.Ecosystem, Version: p.MatchVersion, By: p.MatchedBy, Keys: p.Keys(), Unmatched: p.Reason, Status: "none",
	}
}

func newWhy(p whyPair, x *projections.Explanation) *Why {
	w := &Why{
		Status: p.Status, Vulnerability: x.Names[0], Aliases: orNone(x.Names[1:]), Package: p.Purl, Artifact: p.ArtifactPurl, AlsoIn: p.AlsoIn,
		Records: []WhyRecord{}, Places: []WhyPlace{}, Statements: []WhySaid{}, History: []WhyEvent{}, Proof: []WhyProof{}, Fixed: []string{},
		Identified: WhyIdentified{Ecosystem: p.Ecosystem, Version: p.Version, By: "purl " + p.By, Keys: orNone(p.Keys), Unmatched: p.Unmatched},
	}
	w.Identified.say(p.Purl)
	for _, r := range x.Records {
		w.Records = append(w.Records, WhyRecord{
			ID: r.Advisory, Source: r.Source, Summary: r.Summary, Covers: r.Covers, Range: r.Range, MatchedBy: r.MatchedBy, Words: orNone(r.Words), Fixed: orNone(r.Fixed),
			Severity: r.Severity, Score: (*Score)(r.Score), Modified: r.Modified, Withdrawn: r.Withdrawn, Document: r.Document,
		})
	}
	for _, s := range x.Said {
		said := WhySaid{
			Kind: s.Kind, ID: s.ID.String(), InForce: s.Why == "", Reason: s.Why, Why: whyLost[s.Why], Status: s.Status, Justification: s.Justification, Detail: s.Detail, Source: s.Source,
			Issuer: s.Issuer, Product: s.Product, Scope: s.Scope, Document: s.Document,
		}
		if !s.At.IsZero() {
			said.Time = &s.At
		}
		w.Statements = append(w.Statements, said)
	}
	w.Because = w.because(p)
	return w
}

// whyLost says in words why a statement does not decide: docs/vex.md has the rules.
var whyLost = map[string]string{
	"":         "it decides",
	"trust":    "its issuer is not trusted",
	"decision": "the tenant's own decision counts before every statement",
	"scope":    "another one is more specific about the product",
	"time":     "another one, as specific, is newer",
	"order":    "a later one of the same document says otherwise",
	"caution":  "another one, as specific and as new, is more cautious",
	"hash":     "another one says the same, as specific and as new",
}

func (i *WhyIdentified) say(purl string) {
	switch {
	case i.Unmatched != "":
		i.Words = fmt.Sprintf("%s cannot be matched: %s; `sluice unknowns` lists such components, docs/matching.md what to do", purl, i.Unmatched)
	case i.By == "purl upstream":
		i.Words = fmt.Sprintf("the purl names its source package (upstream), which is what records of %s are about; version %s is compared", i.Ecosystem, i.Version)
	default:
		i.Words = fmt.Sprintf("by type and name of the purl, a package of %s; version %s is compared", i.Ecosystem, i.Version)
	}
}

// because says in a sentence why the finding has its status, or why there is none.
func (w *Why) because(p whyPair) string {
	var covers, others []string
	gone := 0
	for _, r := range w.Records {
		if r.Covers {
			covers = append(covers, r.ID)
		} else {
			others = append(others, r.ID)
		}
		if r.Withdrawn != nil {
			gone++
		}
	}
	switch p.Status {
	case "open":
		text := strings.Join(covers, ", ") + " covers the version"
		if len(w.Statements) > 0 && w.Statements[0].InForce {
			return text + ", and what is said of it keeps it open: " + w.Statements[0].Status
		}
		return text + ", and nobody says that it is not affected"
	case "suppressed":
		if len(w.Statements) > 0 && w.Statements[0].InForce {
			return fmt.Sprintf("a %s says %s", w.Statements[0].Kind, w.Statements[0].Status)
		}
		return "a statement or decision says so"
	}
	none := func(text string) string {
		if p.Status == "closed" {
			return "it was a finding; now " + text
		}
		return text
	}
	switch {
	case p.Unmatched == projections.NoRecords && len(covers) == 0:
		return none("no records of " + p.Ecosystem + " are loaded: nobody can judge the package")
	case p.Unmatched != "" && len(covers) == 0:
		return none("the package cannot be matched: " + p.Unmatched)
	case len(w.Records) == 0:
		return none("no record of this vulnerability is stored")
	case len(covers) == 0 && gone == len(w.Records):
		return none(strings.Join(others, ", ") + " was withdrawn")
	case len(covers) == 0:
		for _, r := range w.Records {
			if r.Words[0] != "it does not name this package" {
				return none(r.ID + " names the package, and not this version")
			}
		}
		return none("no record of this vulnerability names the package: " + strings.Join(others, ", "))
	case p.Artifact == nil:
		return none(strings.Join(covers, ", ") + " covers the version, and no SBOM of the tenant lists the package")
	case p.State == "retired":
		return none("the artifact is retired")
	}
	return none(strings.Join(covers, ", ") + " covers the version, and no current SBOM of the artifact lists the package; or it is not projected yet: `sluice project --once`")
}

// exploited is what the catalogue and the scores say of a vulnerability.
func exploited(ctx context.Context, tx pgx.Tx, tenant id.ID, vuln string) (*KEV, *EPSS, error) {
	var kev, ransomware *bool
	var added, due, date *string
	var score, percentile *float32
	err := tx.QueryRow(ctx, sqlWhyExploited, tenant, vuln).Scan(&kev, &added, &due, &ransomware, &score, &percentile, &date)
	if err != nil {
		return nil, nil, err
	}
	var k *KEV
	var e *EPSS
	if kev != nil {
		k = &KEV{given(added), given(due), ransomware != nil && *ransomware}
	}
	if score != nil {
		e = &EPSS{*score, *percentile, given(date)}
	}
	return k, e, nil
}

// stored takes from the row of the finding what it says now.
func (w *Why) stored(ctx context.Context, tx pgx.Tx, tenant id.ID, p whyPair) error {
	var fixed []string
	var first *time.Time
	err := tx.QueryRow(ctx, sqlWhyFinding, tenant, p.Artifact, p.Package, p.Vuln).Scan(&w.Score, &w.Severity, &fixed, &first)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	w.Fixed, w.FirstSeen = orNone(fixed), first
	utc(w.FirstSeen)
	return err
}

// path fills in how the SBOM gets to the package.
func (inv *Inventory) path(ctx context.Context, tenant id.ID, s *WhyPlace, pkg string) {
	s.Path = []Step{}
	key, err := ParseDocumentKey(s.Document)
	if err == nil {
		s.Path, err = inv.Path(ctx, tenant, key, pkg)
	}
	switch {
	case err != nil: // a format without relations, or an original that retention took
		s.Path, s.Note = []Step{}, "its dependencies cannot be read: "+err.Error()
	case len(s.Path) == 0:
		s.Note = "the SBOM does not say what depends on it"
	}
}

// settle puts together what the parts rest on.
func (w *Why) settle() {
	for i := range w.History {
		w.History[i].At = w.History[i].At.UTC()
	}
	seen := map[string]bool{}
	add := func(what, hash string) {
		if hash != "" && !seen[hash] {
			seen[hash] = true
			w.Proof = append(w.Proof, WhyProof{what, hash, "sluice document export " + hash})
		}
	}
	for _, p := range w.Places {
		add("SBOM", p.Document)
	}
	for _, r := range w.Records {
		add("record "+r.ID, r.Document)
		for _, t := range []*time.Time{r.Modified, r.Withdrawn} {
			utc(t)
		}
	}
	for _, s := range w.Statements {
		add("statement "+s.Status, s.Document)
	}
}

// orNone makes the JSON of no list [].
func orNone[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return slices.Clone(list)
}
