// Package trivy reads the package lists inside the JSON reports of Trivy.
//
// A report is written for its vulnerabilities. Those are what a scanner found with the
// database of that day, and no facts: nothing is taken of them. What was found to be there is
// listed only where Trivy was asked for it (--list-all-pkgs), and a report without the lists
// is refused rather than taken for an SBOM of what happens to be vulnerable.
//
// A package is read as Trivy writes it as CycloneDX: the purl, the source package and the
// rpm module of a distribution's, and the distribution itself as an operating system among
// the components, so that both outputs of one scan have the same packages.
package trivy

import (
	"slices"
	"strconv"
	"strings"

	"sluice/normalize"
	"sluice/normalize/lenient"
)

// meaning is what does not count when reports are compared: the time of the scan, and the
// order of what was found. The vulnerabilities count: who looks at a report sees them.
var meaning = &normalize.Meaning{
	Volatile: []string{"/CreatedAt", "/ReportID"},
	Sets: map[string]string{
		"Results": "", "Packages": "", "DependsOn": "", "Licenses": "", "Locations": "", "InstalledFiles": "", "Vulnerabilities": "", "RepoTags": "",
		"CweIDs": "", "References": "", "VendorIDs": "",
	},
}

// Format reads Trivy's reports.
type Format struct{}

// Name implements [normalize.Format].
func (Format) Name() string { return "trivy-json" }

// Meaning implements [normalize.Comparer].
func (Format) Meaning() *normalize.Meaning { return meaning }

// Detect implements [normalize.Format].
func (Format) Detect(h *normalize.Head) bool {
	return h.Syntax == normalize.JSON && h.Has("/SchemaVersion") && (h.Has("/Results") || h.Has("/ArtifactName"))
}

// Normalize implements [normalize.Format].
func (f Format) Normalize(in normalize.Input) (*normalize.Document, error) {
	return f.read(in, nil)
}

func (f Format) read(in normalize.Input, details *normalize.Details) (*normalize.Document, error) {
	doc := &normalize.Document{Kind: normalize.SBOM, Format: f.Name()}
	r := &reader{doc: doc, out: details, max: in.Limits.OrDefault().MaxComponents}
	if details != nil {
		details.Document = doc
	}
	r.Reader = lenient.New(in.Bytes, "", doc.Warn)
	r.document()
	if err := r.Err(); err != nil {
		return nil, err
	}
	return doc, nil
}

type reader struct {
	*lenient.Reader
	doc   *normalize.Document
	out   *normalize.Details // nil while nobody asks for details
	max   int                // components
	taken int                // details

	artifact, kind string
	metadata       metadata
	version        string // of the schema
	listed         bool   // a list of packages was there
	unlisted       string // where vulnerabilities are without one
	refs           map[string]bool
}

// metadata is what the report says of the artifact.
type metadata struct {
	digests      []string
	architecture string
}

func (r *reader) document() {
	if !r.IsObject() {
		r.Skip()
		r.Fail(normalize.Park(normalize.ReasonInvalid, "", "a Trivy report is a JSON object, this is not"))
		return
	}
	r.refs = make(map[string]bool)
	for ok := r.Object(); ok && r.Member(); {
		switch string(r.Name()) {
		case "SchemaVersion":
			if r.version = r.Scalar(); r.version != "2" {
				r.Fail(normalize.Park(normalize.ReasonUnsupported, "/SchemaVersion", "version %.20s of Trivy's reports is not read: write 2, with Trivy 0.20 or later", r.version))
			}
			r.doc.FormatVersion = r.version
		case "ReportID":
			r.doc.ID = r.Text()
		case "CreatedAt":
			r.doc.Time = r.Time()
		case "ArtifactName":
			r.artifact = r.Text()
		case "ArtifactType":
			r.kind = r.Text()
		case "Trivy":
			r.tool()
		case "Metadata":
			r.readMetadata()
		case "Results":
			for i, ok := 0, r.Array(); ok && r.Element(); i++ {
				r.result("/Results/" + strconv.Itoa(i))
			}
		default:
			r.Skip()
		}
	}
	r.End()
	switch {
	case r.Failed():
		return
	case r.unlisted != "":
		r.Fail(normalize.Park(normalize.ReasonInvalid, r.unlisted, "vulnerabilities without the list of packages that they were found in; %s", advice))
		return
	case !r.listed:
		r.Fail(normalize.Park(normalize.ReasonInvalid, "/Results", "a report without a list of packages; %s", advice))
		return
	}
	r.subject()
	if r.out != nil && len(r.doc.Main) > 0 {
		r.out.Roots = []string{mainRef}
		r.out.Components = slices.Insert(r.out.Components, 0, normalize.ComponentDetails{Ref: mainRef, Pointer: r.doc.Main[0].Pointer})
	}
}

// advice is what to do about a report that has no packages.
const advice = "let Trivy write them with --list-all-pkgs, or an SBOM with --format cyclonedx: what it found to be vulnerable is not what is there"

func (r *reader) tool() {
	tool := normalize.Tool{Name: "trivy"}
	for ok := r.Object(); ok && r.Member(); {
		if string(r.Name()) == "Version" {
			tool.Version = r.Text()
		} else {
			r.Skip()
		}
	}
	r.doc.Tools = []normalize.Tool{tool}
}

func (r *reader) readMetadata() {
	for ok := r.Object(); ok && r.Member(); {
		switch string(r.Name()) {
		case "OS":
			r.distro()
		case "RepoDigests":
			r.metadata.digests = r.Texts()
		case "ImageConfig":
			for ok := r.Object(); ok && r.Member(); {
				if string(r.Name()) == "architecture" {
					r.metadata.architecture = r.Text()
				} else {
					r.Skip()
				}
			}
		default:
			r.Skip()
		}
	}
}

// distro is the distribution, which purls say as well as a rule: an operating system among
// the components, as in Trivy's CycloneDX.
func (r *reader) distro() {
	c := normalize.Component{Type: "operating-system", Pointer: "/Metadata/OS"}
	for ok := r.Object(); ok && r.Member(); {
		switch string(r.Name()) {
		case "Family":
			c.Name = r.Text()
		case "Name":
			c.Version = r.Text()
		default:
			r.Skip()
		}
	}
	if c.Name != "" && r.add(c) && r.out != nil {
		r.out.Components = append(r.out.Components, normalize.ComponentDetails{Pointer: c.Pointer})
	}
}

// mainRef stands for the artifact, which has no id of its own.
const mainRef = "artifact"

// subject is what was scanned. An image is the purl that Trivy gives it in CycloneDX.
func (r *reader) subject() {
	main := normalize.Component{Ref: mainRef, Type: "application", Name: r.artifact, Pointer: "/ArtifactName"}
	if r.kind == "container_image" {
		main.Type = "container"
		if len(r.metadata.digests) > 0 {
			main.Purl = imagePurl(r.metadata.digests[0], r.metadata.architecture)
		}
	}
	if main.Name == "" && main.Purl == "" {
		return
	}
	r.doc.Main = []normalize.Component{main}
	r.doc.Subject = normalize.Subject{Purl: main.Purl, Name: main.Name, From: "component"}
}

// imagePurl is the purl of an image by the digest that a registry knows it by:
// "alpine@sha256:…", "ghcr.io/acme/app@sha256:…".
func imagePurl(digest, architecture string) string {
	repository, sum, ok := strings.Cut(digest, "@")
	if !ok || repository == "" || !strings.HasPrefix(sum, "sha256:") {
		return ""
	}
	registry, path, ok := strings.Cut(repository, "/")
	if !ok || !strings.ContainsAny(registry, ".:") && registry != "localhost" {
		registry, path = "index.docker.io", repository
		if !strings.Contains(path, "/") {
			path = "library/" + path
		}
	}
	name := strings.ToLower(path[strings.LastIndexByte(path, '/')+1:])
	query := "repository_url=" + escape(registry+"/"+path)
	if architecture != "" {
		query = "arch=" + escape(architecture) + "&" + query
	}
	return "pkg:oci/" + escape(name) + "@" + strings.Replace(sum, ":", "%3A", 1) + "?" + query
}
