package inventory

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"sluice/internal/ask"
	"sluice/internal/id"
	nearby "sluice/internal/near"
	"sluice/normalize"
)

// named is what a question names: where to look, and what to look for. An empty answer about something that is
// not here would be taken for "clean". So whoever has none asks for what is missing, and an answer costs nothing more.
type named struct {
	artifact, pkg glob
	tag, vuln     string
}

// noPlace is an *ask.NotFoundError where it is not here what is to be looked at, with what may be meant.
func (n named) noPlace(ctx context.Context, tx pgx.Tx, tenant id.ID) error {
	if err := n.missingArtifact(ctx, tx, tenant); err != nil {
		return err
	}
	return n.missingTag(ctx, tx, tenant)
}

// Missing is an *ask.NotFoundError where a package or a vulnerability that the filter names is not here, with what may
// be meant. That is an answer, unlike an artifact or a tag that is not here, which every question itself refuses: but
// who looks for something has to know that it is no other one, spelled so.
func (inv *Inventory) Missing(ctx context.Context, tenant id.ID, f FindingFilter) error {
	n := named{vuln: f.Vuln}
	var err error
	if n.pkg, err = parseGlob("package", f.Package); err != nil {
		return err
	}
	if n.pkg.like == nil && n.vuln == "" {
		return nil
	}
	err = inv.read(ctx, tenant, func(tx pgx.Tx) error {
		if err := n.missingPackage(ctx, tx, tenant); err != nil {
			return err
		}
		return n.missingVuln(ctx, tx, tenant)
	})
	if err != nil {
		return during("what is named", err)
	}
	return nil
}

func (n named) missingArtifact(ctx context.Context, tx pgx.Tx, tenant id.ID) error {
	switch {
	case n.artifact.exact != "":
		var k known
		err := tx.QueryRow(ctx, sqlArtifact, tenant, id.Derive(tenant, "artifact", n.artifact.exact)).Scan(&k.ID, &k.Purl, &k.NameKey, &k.State)
		if !errors.Is(err, pgx.ErrNoRows) {
			return err
		}
		return noArtifact(ctx, tx, tenant, n.artifact.exact)
	case n.artifact.like != nil:
		var ids []id.ID
		if err := tx.QueryRow(ctx, sqlArtifactIDs, tenant, n.artifact.like, "").Scan(&ids); err != nil || len(ids) > 0 {
			return err
		}
		names, err := texts(ctx, tx, sqlNearArtifacts, tenant)
		if err != nil {
			return err
		}
		return ask.NotFound("no artifact of this tenant is like %s%s", n.artifact.given, orLike(n.artifact.given, names, "`sluice artifact list` has all"))
	}
	return nil
}

// MissingArtifacts is an *ask.NotFoundError where no artifact has such a purl, or the tag.
func (inv *Inventory) MissingArtifacts(ctx context.Context, tenant id.ID, f ArtifactFilter) error {
	n := named{tag: f.Tag}
	if f.Like != "" {
		n.artifact = glob{given: f.Like, like: []string{likeOf(f.Like)}}
	}
	err := inv.read(ctx, tenant, func(tx pgx.Tx) error { return n.noPlace(ctx, tx, tenant) })
	if err != nil {
		return during("what is named", err)
	}
	return nil
}

// noArtifact is the error for an artifact that nothing describes.
func noArtifact(ctx context.Context, tx pgx.Tx, tenant id.ID, purl string) error {
	names, err := texts(ctx, tx, sqlNearArtifacts, tenant)
	if err != nil {
		return err
	}
	hint := orVersions(purl, names, "; all of them: --artifact '%s@*'")
	if hint == "" {
		hint = orNear(purl, names)
	}
	if hint == "" {
		hint = "; see `sluice artifact list`"
	}
	return ask.NotFound("no SBOM of this tenant describes %s%s", purl, hint)
}

func (n named) missingTag(ctx context.Context, tx pgx.Tx, tenant id.ID) error {
	if n.tag == "" {
		return nil
	}
	names, err := texts(ctx, tx, sqlNearTags, tenant)
	if err != nil || slices.Contains(names, n.tag) {
		return err
	}
	return ask.NotFound("no artifact has the tag %s%s", n.tag, orNear(n.tag, names))
}

func (n named) missingPackage(ctx context.Context, tx pgx.Tx, tenant id.ID) error {
	if n.pkg.like == nil {
		return nil
	}
	var there bool
	if err := tx.QueryRow(ctx, sqlKnownLike, tenant, n.pkg.prefix, n.pkg.like).Scan(&there); err != nil || there {
		return err
	}
	kind, _, _ := strings.Cut(n.pkg.prefix, "/")
	if !strings.HasPrefix(kind, "pkg:") {
		kind = "pkg:"
	} else {
		kind += "/"
	}
	names, err := texts(ctx, tx, sqlNearPackages, tenant, kind)
	if err != nil {
		return err
	}
	if strings.Contains(n.pkg.given, "*") {
		return ask.NotFound("no SBOM of this tenant lists a package like %s%s", n.pkg.given, orLike(n.pkg.given, names, ""))
	}
	hint := orVersions(n.pkg.prefix, names, "")
	if hint == "" {
		hint = orNear(n.pkg.prefix, names)
	}
	if hint == "" {
		hint = orNear(nameOf(n.pkg.prefix), namesOf(names))
	}
	return ask.NotFound("no SBOM of this tenant lists %s%s", n.pkg.prefix, hint)
}

func (n named) missingVuln(ctx context.Context, tx pgx.Tx, tenant id.ID) error {
	vuln := normalize.VulnID(n.vuln)
	if vuln == "" {
		return nil
	}
	var same, told []string
	if err := tx.QueryRow(ctx, sqlVulnIDs, tenant, vuln).Scan(&same, &told); err != nil {
		return err
	}
	var there bool
	if err := tx.QueryRow(ctx, sqlKnownVuln, tenant, append(same, told...)).Scan(&there); err != nil || there {
		return err
	}
	names, err := texts(ctx, tx, sqlNearVulns, tenant, vuln[:strings.LastIndex(vuln, "-")+1])
	if err != nil {
		return err
	}
	hint := orNear(vuln, names)
	if hint == "" {
		hint = ": no record, no statement and no decision names it; `sluice feeds` says what records there are, and how old they are"
	}
	return ask.NotFound("nothing here knows the vulnerability %s%s", vuln, hint)
}

// nameOf is a purl without its version and what comes behind.
func nameOf(purl string) string {
	if i := strings.LastIndexByte(purl, '/'); i >= 0 {
		if j := strings.IndexAny(purl[i:], "@?#"); j >= 0 {
			return purl[:i+j]
		}
	}
	return purl
}

func namesOf(names []string) []string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = nameOf(n)
	}
	return out
}

// shownVersions is how many versions a message names.
const shownVersions = 3

// orVersions names other versions of what purl names, for the end of a message; "" where there are none. all is what
// to write for every one of them.
func orVersions(purl string, names []string, all string) string {
	base := nameOf(purl)
	var list []string
	for _, n := range names {
		if nameOf(n) == base && n != purl {
			list = append(list, n)
		}
	}
	if len(list) == 0 {
		return ""
	}
	slices.Sort(list)
	text := "; of other versions there "
	if purl == base {
		text = "; with a version there "
	}
	if len(list) == 1 {
		text += "is " + list[0]
	} else {
		shown := list[max(0, len(list)-shownVersions):]
		text += "are " + strings.Join(shown, ", ")
		if more := len(list) - len(shown); more > 0 {
			text += fmt.Sprintf(" and %d more", more)
		}
		if all != "" {
			text += fmt.Sprintf(all, base)
		}
	}
	return text
}

// orLike names what somebody may have meant who wrote a text with *: what has its longest part in another case, else
// what is near to that part. otherwise is said where there is nothing.
func orLike(given string, names []string, otherwise string) string {
	part := ""
	for p := range strings.SplitSeq(given, "*") {
		if len(p) > len(part) {
			part = p
		}
	}
	var list []string
	for _, n := range names {
		if part != "" && len(list) < shownVersions && strings.Contains(strings.ToLower(n), strings.ToLower(part)) {
			list = append(list, n)
		}
	}
	if list == nil {
		bases := map[string]string{}
		var short []string
		for _, n := range names {
			base := nameOf(n)
			base = base[strings.LastIndexByte(base, '/')+1:]
			if _, there := bases[base]; !there {
				bases[base] = n
				short = append(short, base)
			}
		}
		part = nameOf(part)
		for _, b := range nearby.Names(part[strings.LastIndexByte(part, '/')+1:], short, shownVersions) {
			list = append(list, bases[b])
		}
	}
	switch {
	case len(list) > 0:
		return "; near: " + strings.Join(list, ", ")
	case otherwise != "":
		return "; " + otherwise
	}
	return ""
}

// namedArtifact is what a question names that takes one artifact by its purl, canonical or "".
func namedArtifact(purl string) named { return named{artifact: glob{exact: purl, prefix: purl}} }
