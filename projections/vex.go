package projections

import (
	"bytes"
	"time"

	"sluice/internal/id"
	"sluice/normalize"
	"sluice/normalize/purl"
	"sluice/normalize/version"
)

// statement is a row of vex_statement, with what it may concern taken apart.
type statement struct {
	ID            id.ID
	VulnID        string
	Status        string
	Justification string
	Impact        string
	Issuer        string
	Time          *time.Time
	Product       string
	ProductPurl   string
	ProductKey    string
	Sub           string
	SubKey        string
	Artifact      *id.ID
	Serial, Ref   string
	Range         string
	Source        string
	Hash          []byte

	links   map[id.ID]link // what Serial and Ref mean, by artifact
	product *purl.Package  // of ProductPurl
	sub     *purl.Package  // of Sub
}

// Scopes of a statement, the most specific last. A statement about a package inside
// a product says more about that product than one about the product as a whole, and
// that more than one about the package wherever it is.
const (
	scopeNone           = iota
	scopePackage        // the package, any version
	scopePackageVersion // the package in this version
	scopeProduct        // the product as a whole, any version
	scopeProductVersion // the product in this version
	scopeInside         // the package, any version, in the product
	scopeInsideVersion  // the package in this version, in the product
)

var scopeNames = [...]string{"", "package", "package-version", "product", "product-version", "package-in-product", "package-version-in-product"}

// scope says how closely s is about the package in the artifact; scopeNone: not at all.
func (s *statement) scope(p *pair) int {
	key, sub := s.SubKey, s.sub
	inside := s.SubKey != "" || s.Sub != "" // a component without a purl never widens to the whole product
	l, linked := s.links[p.Artifact]
	if linked {
		switch {
		case l.whole:
			inside = false
		case l.key != "":
			inside, key, sub = true, l.key, l.pkg
		case !inside:
			return scopeNone // the SBOM is ours, and what the link means in it cannot be told
		}
	}

	// A version range goes with the most specific thing named.
	productRange, subRange := s.Range, ""
	if inside {
		productRange, subRange = "", s.Range
	}
	product, exact := false, false
	switch {
	case linked, s.Artifact != nil && *s.Artifact == p.Artifact:
		product, exact = true, true
		if productRange != "" {
			product = inRange(productRange, p.artifact, "")
		}
	case s.Artifact != nil && *s.Artifact == p.anyVersion && productRange != "":
		// The document is about a product of which it names the versions here and not by the
		// main component. Without a range it would be about the one SBOM that has no version.
		product = inRange(productRange, p.artifact, "")
		exact = product
	case s.ProductKey != "" && s.ProductKey == p.ArtifactKey:
		product, exact = covers(s.product, p.artifact, productRange, "")
	}
	if product {
		if !inside {
			if exact {
				return scopeProductVersion
			}
			return scopeProduct
		}
		if key == p.NameKey {
			if ok, exact := covers(sub, p.pkg, subRange, p.MatchVersion); ok {
				if exact {
					return scopeInsideVersion
				}
				return scopeInside
			}
		}
		return scopeNone
	}
	// A product that is no artifact of ours may be the package itself.
	if !inside && s.Serial == "" && s.ProductKey != "" && s.ProductKey == p.NameKey {
		if ok, exact := covers(s.product, p.pkg, productRange, p.MatchVersion); ok {
			if exact {
				return scopePackageVersion
			}
			return scopePackage
		}
	}
	return scopeNone
}

// covers reports whether the purl that a statement names covers another, and whether it
// does so by version. A range decides alone.
func covers(named, actual *purl.Package, versions, matchVersion string) (ok, exact bool) {
	if named == nil || actual == nil {
		return false, false
	}
	if versions == "" {
		return named.Covers(*actual)
	}
	any := *named
	any.Version = ""
	if ok, _ := any.Covers(*actual); !ok {
		return false, false
	}
	ok = inRange(versions, actual, matchVersion)
	return ok, ok
}

// inRange reports whether a version is known to lie in a VERS range. Where that cannot be
// told, because there is no version or the range is none, the statement does not apply.
func inRange(versions string, actual *purl.Package, matchVersion string) bool {
	if actual == nil {
		return false
	}
	v := actual.Version
	if matchVersion != "" {
		v = matchVersion
	}
	in, err := version.InVers(versions, v)
	return err == nil && in && v != ""
}

// caution orders statuses for a tie: the more cautious wins.
var caution = map[string]int{
	normalize.Affected: 3, normalize.UnderInvestigation: 2, normalize.Fixed: 1, normalize.NotAffected: 0,
}

// beats is the precedence of statements, docs/vex.md: scope, then time, then caution,
// then the content hash and the id, so that no two statements are ever equal. Issuers
// are trusted alike.
func beats(a *statement, aScope int, b *statement, bScope int) bool {
	if aScope != bScope {
		return aScope > bScope
	}
	at, bt := timeOf(a), timeOf(b)
	if !at.Equal(bt) {
		return at.After(bt)
	}
	if d := caution[a.Status] - caution[b.Status]; d != 0 {
		return d > 0
	}
	if d := bytes.Compare(a.Hash, b.Hash); d != 0 {
		return d > 0
	}
	return a.ID.Compare(b.ID) > 0
}

func timeOf(s *statement) time.Time {
	if s.Time == nil {
		return time.Time{}
	}
	return *s.Time
}

// decision is a row of vex_decision.
type decision struct {
	ID        id.ID
	Package   id.ID
	VulnID    string
	Status    string
	Rationale string
	Proof     string
	At        time.Time
}

// verdict is what is said about one finding.
type verdict struct {
	decision   *decision
	statement  *statement
	scope      int
	superseded []*statement // statements that are about it too, and lost
}

// resolve applies the precedence: the tenant's decision, then the statements.
func resolve(p *pair, statements []*statement, decided *decision) verdict {
	v := verdict{decision: decided}
	for _, s := range statements {
		scope := s.scope(p)
		if scope == scopeNone {
			continue
		}
		switch {
		case v.statement == nil:
			v.statement, v.scope = s, scope
		case beats(s, scope, v.statement, v.scope):
			v.superseded = append(v.superseded, v.statement)
			v.statement, v.scope = s, scope
		default:
			v.superseded = append(v.superseded, s)
		}
	}
	if decided != nil && v.statement != nil {
		v.superseded = append(v.superseded, v.statement)
		v.statement = nil
	}
	return v
}

// status is the status in force, "" where nobody said anything.
func (v verdict) status() string {
	switch {
	case v.decision != nil:
		return v.decision.Status
	case v.statement != nil:
		return v.statement.Status
	}
	return ""
}

// suppresses reports whether the finding is not open because of the verdict.
func (v verdict) suppresses() bool {
	s := v.status()
	return s == normalize.NotAffected || s == normalize.Fixed
}
