// Package vexdoc writes verdicts as VEX documents: OpenVEX 0.2.0, CSAF 2.0 and 2.1, CycloneDX 1.6
// and 1.7. It is pure: what is written depends on the Document alone, byte for byte.
//
// One verdict is about one vulnerability of one package in one artifact, and is written as just that: whoever
// reads the document comes to the same status. What a format has no place for is a Loss: it is
// returned, and never dropped in silence.
package vexdoc

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"sluice/normalize"
	"sluice/normalize/purl"
)

// Verdict is the status in force of a vulnerability of a package in an artifact.
type Verdict struct {
	Artifact, Package string // purls
	Vulnerability     string
	Status            string // "": nobody says anything; it is not written
	Justification     string // a word of any of the standards, else ""
	Impact, Action    string
	Time              time.Time // when it was said; zero where nobody knows

	// Source is "decision" or the format of the statement that decides, By who decided or the issuer.
	Source, By string
	// What only decisions have.
	Rationale, Proof, Ticket string
	Until                    time.Time
}

// Document is what is to be written.
type Document struct {
	ID       string      // a UUID, the same for all versions
	Version  int         // from 1
	First    time.Time   // of version 1
	Time     time.Time   // of this version
	Releases []time.Time // of versions 1 to Version, for formats that list them
	// Author is who says it; Namespace is a URI that is his.
	Author, Namespace string
	// Artifact is what it is about alone; "": several.
	Artifact string
	Verdicts []Verdict
}

// Loss is something that a format cannot say of a verdict.
type Loss struct {
	Artifact      string `json:"artifact"`
	Package       string `json:"package"`
	Vulnerability string `json:"vulnerability"`
	What          string `json:"what"`  // the member: until, action, justification …
	Value         string `json:"value"` // what is lost, or written otherwise
	Why           string `json:"why"`
}

// Formats are the names of the formats.
var Formats = []string{"openvex", "csaf-2.0", "csaf-2.1", "cyclonedx-1.6", "cyclonedx-1.7"}

// Single reports whether a document of the format is about one artifact.
func Single(format string) bool { return strings.HasPrefix(format, "cyclonedx") }

// Write writes the document in a format, with what that cannot say.
func Write(format string, d Document) (text []byte, losses []Loss, err error) {
	w := &writer{Document: d}
	w.order()
	switch format {
	case "openvex":
		text, err = w.openVEX()
	case "csaf-2.0", "csaf-2.1":
		text, err = w.csaf(strings.TrimPrefix(format, "csaf-"))
	case "cyclonedx-1.6", "cyclonedx-1.7":
		text, err = w.cycloneDX(strings.TrimPrefix(format, "cyclonedx-"))
	default:
		return nil, nil, fmt.Errorf("format %q: it is one of %s", format, strings.Join(Formats, ", "))
	}
	return text, w.losses, err
}

type writer struct {
	Document
	silent []Verdict // of findings about which nobody says anything
	losses []Loss
}

// order sorts the verdicts, so that the same ones make the same document.
func (w *writer) order() {
	var said []Verdict
	for _, v := range w.Verdicts {
		v.Time = v.Time.UTC().Truncate(time.Second)
		if v.Status == "" {
			w.silent = append(w.silent, v)
		} else {
			said = append(said, v)
		}
	}
	slices.SortFunc(said, func(a, b Verdict) int {
		return cmp.Or(strings.Compare(a.Vulnerability, b.Vulnerability), strings.Compare(a.Artifact, b.Artifact), strings.Compare(a.Package, b.Package))
	})
	w.Verdicts = said
	w.ambiguous()
}

func (w *writer) lose(v Verdict, what, value, why string) {
	w.losses = append(w.losses, Loss{v.Artifact, v.Package, v.Vulnerability, what, value, why})
}

// ambiguous finds verdicts that a reader takes for others too: a purl without qualifiers also names
// the one that has some.
func (w *writer) ambiguous() {
	type key struct{ artifact, pkg, vuln string }
	name := func(s string) (string, *purl.Package) {
		p, err := purl.Parse(s)
		if err != nil {
			return s, nil
		}
		return p.NameKey(), &p
	}
	type at struct {
		Verdict
		artifact, pkg *purl.Package
	}
	groups := map[key][]at{}
	for _, list := range [][]Verdict{w.Verdicts, w.silent} {
		for _, v := range list {
			an, a := name(v.Artifact)
			pn, p := name(v.Package)
			k := key{an, pn, v.Vulnerability}
			groups[k] = append(groups[k], at{v, a, p})
		}
	}
	for _, v := range w.Verdicts {
		an, a := name(v.Artifact)
		pn, p := name(v.Package)
		if a == nil || p == nil {
			continue
		}
		for _, o := range groups[key{an, pn, v.Vulnerability}] {
			if o.Artifact == v.Artifact && o.Package == v.Package || o.Status == v.Status || o.artifact == nil || o.pkg == nil {
				continue
			}
			if inArtifact, _ := a.Covers(*o.artifact); !inArtifact {
				continue
			}
			if ofPackage, _ := p.Covers(*o.pkg); ofPackage {
				w.lose(v, "product", v.Package+" in "+v.Artifact, fmt.Sprintf("a reader takes it for %s in %s too, which is %s", o.Package, o.Artifact, cmp.Or(o.Status, "without a verdict")))
			}
		}
	}
}

// common are the losses of every format.
func (w *writer) common(v Verdict) {
	if !v.Until.IsZero() {
		w.lose(v, "until", v.Until.UTC().Format(time.RFC3339), "no format says when a status ends; export again after it")
	}
	if v.Justification != "" && v.Status != normalize.NotAffected {
		w.lose(v, "justification", v.Justification, "only not_affected has one")
	}
}

// reason is what a not_affected verdict gives for it in words.
func (v Verdict) reason() string { return cmp.Or(v.Impact, v.Rationale) }

// provenance says in one line where a verdict comes from.
func (v Verdict) provenance() string {
	var parts []string
	add := func(name, text string) {
		if text != "" {
			parts = append(parts, name+": "+text)
		}
	}
	if v.Source == "decision" {
		add("decided by", v.By)
		add("rationale", v.Rationale)
	} else {
		add("stated by", v.By)
		add("in", v.Source)
	}
	add("ticket", v.Ticket)
	add("proof", v.Proof)
	if !v.Until.IsZero() {
		add("until", v.Until.UTC().Format(time.RFC3339))
	}
	return strings.Join(parts, "; ")
}

// The words of OpenVEX and CSAF for those of CycloneDX, and the other way round. None says quite the same.
var (
	plain = map[string]string{
		"code_not_present": "vulnerable_code_not_present", "code_not_reachable": "vulnerable_code_not_in_execute_path",
		"requires_configuration": "vulnerable_code_cannot_be_controlled_by_adversary", "requires_dependency": "component_not_present",
		"requires_environment": "vulnerable_code_cannot_be_controlled_by_adversary", "protected_by_compiler": "inline_mitigations_already_exist",
		"protected_at_runtime": "inline_mitigations_already_exist", "protected_at_perimeter": "inline_mitigations_already_exist",
		"protected_by_mitigating_control": "inline_mitigations_already_exist",
	}
	detailed = map[string]string{
		"component_not_present": "code_not_present", "vulnerable_code_not_present": "code_not_present",
		"vulnerable_code_not_in_execute_path":               "code_not_reachable",
		"vulnerable_code_cannot_be_controlled_by_adversary": "protected_by_mitigating_control",
		"inline_mitigations_already_exist":                  "protected_by_mitigating_control",
	}
)

// justification is the word of a format for that of a verdict; words has those of others that it has
// none for.
func (w *writer) justification(v Verdict, words map[string]string, format string) string {
	if v.Justification == "" || v.Status != normalize.NotAffected {
		return ""
	}
	if _, foreign := words[v.Justification]; !foreign {
		return v.Justification
	}
	word := words[v.Justification]
	w.lose(v, "justification", v.Justification, "it is no word of "+format+"; "+word+" is written")
	return word
}

// Without a reason or an action a format would not be valid: the document says that there is none.
const (
	noReason = "No reason is recorded."
	noAction = "No action is recorded."
)
