package vexdoc

import (
	"fmt"
	"regexp"
	"strconv"

	"sluice/normalize"
)

// members keep the order of a JSON object out of the way: encoding/json sorts them.
type members = map[string]any

var cveID = regexp.MustCompile(`^CVE-[0-9]{4}-[0-9]{4,}$`)

// csaf writes the profile VEX. Packages in artifacts are relationships; their product ids count in
// the order of the verdicts.
func (w *writer) csaf(version string) ([]byte, error) {
	tree := newTree(version)
	var vulnerabilities []members
	for i := 0; i < len(w.Verdicts); {
		n := i + 1
		for n < len(w.Verdicts) && w.Verdicts[n].Vulnerability == w.Verdicts[i].Vulnerability {
			n++
		}
		vulnerabilities = append(vulnerabilities, w.csafVulnerability(w.Verdicts[i:n], tree))
		i = n
	}
	history := make([]members, 0, w.Version)
	for n := 1; n <= w.Version; n++ {
		at := w.Time
		if n-1 < len(w.Releases) {
			at = w.Releases[n-1]
		}
		summary := "Verdicts changed."
		if n == 1 {
			summary = "First version."
		}
		history = append(history, members{"date": stamp(at), "number": strconv.Itoa(n), "summary": summary})
	}
	title := "Verdicts of " + w.Author
	if w.Artifact != "" {
		title += " on " + w.Artifact
	}
	document := members{
		"category": "csaf_vex", "csaf_version": version, "title": title,
		"publisher": members{"category": "other", "name": w.Author, "namespace": w.Namespace},
		"tracking": members{
			"id": w.ID, "status": "final", "version": strconv.Itoa(w.Version), "initial_release_date": stamp(w.First), "current_release_date": stamp(w.Time),
			"revision_history": history, "generator": members{"engine": members{"name": "sluice"}},
		},
	}
	doc := members{"document": document}
	if version == "2.1" {
		doc["$schema"] = "https://docs.oasis-open.org/csaf/csaf/v2.1/schema/csaf.json"
		document["distribution"] = members{"tlp": members{"label": "AMBER"}}
	}
	if len(vulnerabilities) > 0 {
		doc["product_tree"], doc["vulnerabilities"] = tree.members(), vulnerabilities
	}
	return indented(doc)
}

// tree is the product tree as it grows.
type tree struct {
	version       string
	ids           map[string]string // of purls
	names         []members
	relationships []members
}

func newTree(version string) *tree { return &tree{version: version, ids: map[string]string{}} }

func (t *tree) members() members {
	return members{"full_product_names": t.names, "relationships": t.relationships}
}

// product is the id of what a purl names.
func (t *tree) product(purl string) string {
	if id := t.ids[purl]; id != "" {
		return id
	}
	id := fmt.Sprintf("P%d", len(t.names)+1)
	helper := members{"purl": purl}
	if t.version == "2.1" {
		helper = members{"purls": []string{purl}}
	}
	t.ids[purl] = id
	t.names = append(t.names, members{"name": purl, "product_id": id, "product_identification_helper": helper})
	return id
}

// inside is the id of a package in an artifact.
func (t *tree) inside(pkg, artifact string) string {
	key := pkg + "\n" + artifact
	if id := t.ids[key]; id != "" {
		return id
	}
	p, a := t.product(pkg), t.product(artifact)
	id := fmt.Sprintf("R%d", len(t.relationships)+1)
	t.ids[key] = id
	t.relationships = append(t.relationships, members{
		"category": "default_component_of", "product_reference": p, "relates_to_product_reference": a,
		"full_product_name": members{"name": pkg + " in " + artifact, "product_id": id},
	})
	return id
}

var csafStatus = map[string]string{
	normalize.NotAffected: "known_not_affected", normalize.Affected: "known_affected", normalize.Fixed: "fixed", normalize.UnderInvestigation: "under_investigation",
}

// grouped collects product ids by what is said of them, in the order in which it is said first.
type grouped struct {
	keys []string
	ids  map[string][]string
}

func (g *grouped) add(key, id string) {
	if g.ids == nil {
		g.ids = map[string][]string{}
	}
	if g.ids[key] == nil {
		g.keys = append(g.keys, key)
	}
	g.ids[key] = append(g.ids[key], id)
}

func (g *grouped) list(member, category string, of func(string) members) []members {
	var out []members
	for _, key := range g.keys {
		m := of(key)
		if m["product_ids"] = g.ids[key]; category != "" {
			m["category"] = category
		}
		if member != "" {
			m[member] = key
		}
		out = append(out, m)
	}
	return out
}

func (w *writer) csafVulnerability(list []Verdict, t *tree) members {
	var status, flags, impacts, actions, none, notes grouped
	for _, v := range list {
		w.common(v)
		id := t.inside(v.Package, v.Artifact)
		status.add(csafStatus[v.Status], id)
		if !v.Time.IsZero() {
			w.lose(v, "time", stamp(v.Time), "CSAF has no time of a status; that of the document counts")
		}
		if p := v.provenance(); p != "" {
			notes.add(fmt.Sprintf("%s in %s: %s", v.Package, v.Artifact, p), id)
		}
		impact := v.Impact
		switch v.Status {
		case normalize.NotAffected:
			impact = v.reason()
			if word := w.justification(v, plain, "CSAF"); word != "" {
				flags.add(word, id)
			} else if impact == "" {
				impact = noReason
				w.lose(v, "impact", "", "CSAF's profile VEX wants a justification or an impact, and there is none; the document says so")
			}
			if v.Action != "" {
				w.lose(v, "action", v.Action, "there is nothing to do about what is not affected")
			}
		case normalize.Affected:
			if v.Action == "" {
				none.add(noAction, id)
				w.lose(v, "action", "", "CSAF's profile VEX wants an action, and there is none; the document says so")
			}
		}
		if impact != "" {
			impacts.add(impact, id)
		}
		if v.Action != "" && v.Status != normalize.NotAffected {
			actions.add(v.Action, id)
		}
	}
	out := members{"product_status": status.ids}
	if id := list[0].Vulnerability; cveID.MatchString(id) {
		out["cve"] = id
	} else {
		out["ids"] = []members{{"system_name": "id", "text": id}}
	}
	texts := []members{{"category": "summary", "text": "Verdicts on " + list[0].Vulnerability}}
	for _, text := range notes.keys {
		texts = append(texts, members{"category": "details", "text": text})
	}
	out["notes"] = texts
	empty := func(string) members { return members{} }
	put := func(member string, list []members) {
		if len(list) > 0 {
			out[member] = list
		}
	}
	put("flags", flags.list("label", "", empty))
	put("threats", impacts.list("details", "impact", empty))
	put("remediations", append(actions.list("details", "mitigation", empty), none.list("details", "none_available", empty)...))
	return out
}
