package projections

import (
	"cmp"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"sluice/normalize/purl"
	"sluice/normalize/version"
)

func (s *knownStatement) tie() []byte {
	if s.sbom != nil {
		return s.id[:]
	}
	return s.hash[:]
}

// entryOf is the number in "/statements/3".
func entryOf(pointer string) int {
	n := -1
	if parts := strings.Split(pointer, "/"); len(parts) > 2 {
		n, _ = strconv.Atoi(parts[2])
	}
	return n
}

// scope is what DESIGN calls the product scope, 0 for none, 6 for the most specific.
func (o *oracle) scope(s *knownStatement, artifact, pkg purl.Package) int {
	sub, subText := s.sub, s.subText
	linked := false
	if s.serial != "" {
		main, found, what := o.follow(s, artifact)
		linked = found
		switch {
		case !found:
		case main:
			sub, subText = nil, ""
		case what != nil:
			sub, subText = what, what.Purl
		case subText == "":
			return 0
		}
	}
	artifactOK, artifactExact := false, false
	switch {
	case linked, s.inArtifact != "" && s.inArtifact == artifact.Purl:
		artifactOK, artifactExact = true, true
		if subText == "" && s.versions != "" {
			in, err := version.InVers(s.versions, artifact.Version)
			artifactOK = err == nil && in && artifact.Version != ""
		}
	case s.inArtifact != "" && s.inArtifact == artifact.WithVersion("").Purl && s.versions != "" && subText == "":
		in, err := version.InVers(s.versions, artifact.Version)
		artifactOK = err == nil && in
		artifactExact = artifactOK
	case s.product != nil && sameName(s.product, &artifact):
		versions := s.versions
		if subText != "" {
			versions = s.productVersions
		}
		artifactOK, artifactExact = names(*s.product, artifact, versions, artifact.Version)
	}
	if artifactOK && subText == "" {
		if artifactExact {
			return 4
		}
		return 3
	}
	if artifactOK {
		if sub == nil || !sameName(sub, &pkg) {
			return 0
		}
		ok, exact := names(*sub, pkg, s.versions, pkg.MatchVersion)
		switch {
		case ok && exact:
			return 6
		case ok:
			return 5
		}
		return 0
	}
	if subText == "" && s.serial == "" && s.product != nil && sameName(s.product, &pkg) {
		ok, exact := names(*s.product, pkg, s.versions, pkg.MatchVersion)
		switch {
		case ok && exact:
			return 2
		case ok:
			return 1
		}
	}
	return 0
}

func sameName(a, b *purl.Package) bool {
	return a.Type == b.Type && strings.EqualFold(a.Namespace, b.Namespace) && strings.EqualFold(a.Name, b.Name)
}

// names says whether named means actual, of which the name is known to be the same.
func names(named, actual purl.Package, versions, comparable string) (ok, exact bool) {
	for k, v := range named.Qualifiers {
		if w, both := actual.Qualifiers[k]; both && v != w {
			return false, false
		}
	}
	if comparable == "" {
		comparable = actual.Version
	}
	if versions != "" {
		in, err := version.InVers(versions, comparable)
		return err == nil && in && comparable != "", err == nil && in && comparable != ""
	}
	if named.Version == "" {
		return true, false
	}
	same := purl.SameVersion(named, actual)
	return same, same
}

// follow finds what a BOM-Link means in the artifact's SBOMs.
func (o *oracle) follow(s *knownStatement, artifact purl.Package) (main, found bool, what *purl.Package) {
	var newest *knownSBOM
	for _, b := range o.sboms {
		if b.tenant != s.tenant || b.artifact.Purl != artifact.Purl || b.serial != s.serial {
			continue
		}
		found = true
		isMain, component, ok := lookInto(b, s.ref)
		if ok && (newest == nil || cmp.Or(strings.Compare(b.rank, newest.rank), tieBreak(b.at, newest.at, b.hash, newest.hash)) > 0) {
			newest, main, what = b, isMain, component
		}
	}
	return main, found, what
}

func lookInto(b *knownSBOM, ref string) (main bool, what *purl.Package, ok bool) {
	var top struct {
		Metadata struct {
			Component struct {
				Ref string `json:"bom-ref"`
			}
		}
	}
	if json.Unmarshal(b.raw, &top) != nil {
		return false, nil, false
	}
	if ref == "" || top.Metadata.Component.Ref == ref {
		return true, nil, true
	}
	purls := []string{}
	for _, c := range b.doc.Components {
		if c.Ref == ref {
			ok = true
			if c.Purl != "" {
				purls = append(purls, c.Purl)
			}
		}
	}
	if len(purls) > 0 {
		what = parsePurl(slices.Min(purls))
	}
	return false, what, ok
}
