package inventory

import (
	"strings"

	"sluice/internal/ask"
	"sluice/normalize/purl"
)

// glob is what purls have to look like. The zero value is any.
type glob struct {
	given  string   // as it was asked for
	exact  string   // the purl itself; "" where several may be meant
	prefix string   // what all of them begin with
	like   []string // LIKE patterns of which one has to fit, for what is no exact purl
}

// parseGlob reads a purl, or a text with * for any text: pkg:npm/*, *log4j*. An artifact is named whole.
// A package without a version is meant in every version, and without qualifiers with any.
func parseGlob(field, given string) (glob, error) {
	given = strings.TrimSpace(given)
	if given == "" {
		return glob{}, nil
	}
	if len(given) > 2000 {
		return glob{}, ask.Wrong(field, "%.40q... is too long for a purl", given)
	}
	if before, _, star := strings.Cut(given, "*"); star {
		return glob{given: given, prefix: before, like: []string{likeOf(given)}}, nil
	}
	p, err := purl.Parse(given)
	if err != nil {
		example := "pkg:oci/app@1.2, or with * for any text: pkg:oci/team-a/*"
		if field == "package" {
			example = "pkg:npm/lodash@4.17.20, or with * for any text: *lodash*"
		}
		return glob{}, ask.Wrong(field, "%q: %w; write it like %s", given, err, example)
	}
	if field == "artifact" {
		return glob{given: given, exact: p.Purl, prefix: p.Purl}, nil
	}
	if strings.ContainsAny(p.Purl, "?#") {
		return glob{given: given, prefix: p.Purl, like: []string{likeOf(p.Purl)}}, nil
	}
	g := glob{given: given, prefix: p.Purl, like: []string{likeOf(p.Purl), likeOf(p.Purl + "?*"), likeOf(p.Purl + "#*")}}
	if p.Version == "" {
		g.like = append(g.like, likeOf(p.Purl+"@*"))
	}
	return g, nil
}
