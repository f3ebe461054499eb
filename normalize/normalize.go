// Package normalize turns the bytes of a document into domain values: what an
// SBOM contains, what a VEX statement says, which versions a vulnerability record
// covers. It is pure: no database, no Kafka, no clock, no network.
//
// The words used here (document, component, package, statement, fact) are defined
// in docs/architecture.md. A document goes through three steps:
//
//	Scan       one pass over the bytes: is it JSON that PostgreSQL can hold, what
//	           are its telling members, what does it mean without the volatile ones
//	Detect     which Format it is, by content alone; file names are never looked at
//	Normalize  the format's own small package reads it, member by member
//
// A new format is a new package under normalize/ that implements Format, its
// testdata, and one line in the list in cmd/sluice. See docs/adding-a-format.md.
package normalize

import (
	"errors"
	"fmt"
	"time"
)

// Revision counts the changes after which a document that was parked may be
// accepted, or be read differently: new formats, wider limits, mended readers.
const Revision = 4

// Kind is what a document is for.
type Kind string

// The three kinds of documents.
const (
	SBOM Kind = "sbom"
	VEX  Kind = "vex"
	Vuln Kind = "vuln"
)

// Input is one document, decompressed and unwrapped.
type Input struct {
	// Bytes is the whole document. Formats must not keep or change it.
	Bytes []byte
	// Head is what Scan saw.
	Head *Head
	// Limits bounds what one document may hold.
	Limits Limits
}

// Head holds the telling parts of a document, collected by Scan in one pass.
type Head struct {
	Syntax Syntax
	// Members holds the telling values by JSON Pointer: "/bomFormat", "/document/csaf_version".
	//
	// Of JSON it has the members of the top-level object, those of the objects directly
	// inside it, and of the arrays directly inside it the first four elements as far as
	// they are scalars ("/@context/0"). Of a top-level array it has the first element ("/0")
	// and, if that is an object, its members ("/0/id"). Strings are unquoted, other scalars
	// as written, both cut at 256 bytes; an object or array has the value "{" or "[". Of
	// members with one name the last counts.
	//
	// Of YAML and SPDX tag-value it has the "key: value" lines that are not indented,
	// without quotes and comments; "" where the value is below the line. The first of
	// several with one key counts. Of XML it has what prefixes the root element declares
	// ("/@xmlns:spdx") and, where the root is in no namespace, the first elements directly
	// inside it with their texts, "{" where those hold elements. Of other text it has nothing.
	//
	// It has at most 1,000 values of the top level and as many of what is inside.
	Members map[string]string
	// Hint says what a document seems to be whose members do not tell: "a PDF file",
	// "SPDX tag-value". It is for messages, Formats do not decide by it. May be "".
	Hint string
	// Columns are the names of the columns where the first line, but for comments (#), is that of
	// a CSV file: words with commas between them.
	Columns []string
	// Root and Namespace are the local name and the namespace of an XML document's root element.
	Root, Namespace string
	// Warnings are oddities of the syntax itself, such as a duplicate member name.
	Warnings []Warning
}

// Has reports whether the document has the member at pointer.
func (h *Head) Has(pointer string) bool { _, ok := h.Members[pointer]; return ok }

// Syntax is the notation that a document is written in.
type Syntax string

// The notations that Scan tells apart.
const (
	JSON Syntax = "json"
	XML  Syntax = "xml"
	YAML Syntax = "yaml"
	Text Syntax = "text"
	// Workbook is a spreadsheet in Office Open XML. Members has its sheets, by name.
	Workbook Syntax = "workbook"
	// Protobuf and TextProto are a CycloneDX BOM as Protocol Buffers, whose bytes alone say
	// nothing of what they hold: Scan knows no other message.
	Protobuf  Syntax = "protobuf"
	TextProto Syntax = "textproto"
)

// Format reads one document format. Implementations are stateless.
type Format interface {
	// Name is the word for receipts and sbom_document.format: "cyclonedx-json".
	Name() string
	// Detect reports whether the head belongs to this format, in any version:
	// a version that Normalize cannot read is its error, not another format's.
	Detect(h *Head) bool
	// Normalize reads the document. Odd but usable content is a Warning. An error
	// is a *ParkError: the same bytes would fail the same way again.
	Normalize(in Input) (*Document, error)
}

// Document is what an original says.
type Document struct {
	Kind          Kind
	Format        string // Format.Name
	FormatVersion string // "1.6", "SPDX-2.3", "2.0"; "" where the format has none
	// ID is what the document calls itself (serial number, namespace, @id,
	// tracking id). Ids are reused in the wild: it is shown, never a key.
	ID string
	// Series is what all versions of the document share: a CycloneDX serial number (the bare
	// UUID in lower case), an OpenVEX @id, a CSAF publisher's namespace and the tracking id.
	// "" where the document has none, as SPDX: then it is the only version of itself.
	Series string
	// Version is the document's own number among those of its series, as written: "3", "1.2.0".
	Version string
	// VersionRank is [VersionRank] of Version: it orders the versions of a series by its bytes,
	// the greater is the newer one. "" where the version is missing or cannot be read; that is
	// the least. Of equal ones the Time decides: many writers never count.
	VersionRank string
	// Status is draft, interim or final where the format has such a word (CSAF); else "".
	Status string
	// Time is the document's own time, zero where it has none or an impossible
	// one (before 1990, as the year 1 of some feeds).
	Time time.Time
	// Issuer is who speaks: OpenVEX author, CSAF publisher, CycloneDX supplier. May be "".
	Issuer string
	// Tools made the document: those that an SBOM names, the one that speaks for it first.
	Tools []Tool

	Subject    Subject     // SBOM: what it describes
	Components []Component // SBOM, without the main component
	// Main is the main component, which is a package too: a vulnerable application is found by
	// its own SBOM. Nil where there is none, several entries where it has several purls.
	Main       []Component
	Statements []Statement // VEX documents, and SBOMs with a vulnerabilities section
	// Vulnerabilities are the facts of a Vuln document.
	Vulnerabilities []Vulnerability
	// Feed is what a Vuln document of a feed says that comes whole (EPSS, KEV); nil for others.
	Feed *Feed

	// Stated counts what an SBOM states, as far as readers of its format see it in passing.
	Stated Stated

	// JSON is the document in JSON where the original is not JSON (XML as
	// CycloneDX JSON, YAML as JSON); nil where the original is the JSON.
	JSON     []byte
	Warnings []Warning
}

// Subject is what an SBOM describes.
type Subject struct {
	// Purl is the purl of the artifact as the document gives it; "" where it gives none.
	Purl string
	// Name and Version name the main component, or else the document.
	Name, Version string
	// From says where the above came from: "component", "document", or "" when both are empty.
	From string
}

// Component is an entry of one SBOM, nested ones included, flattened.
type Component struct {
	Ref     string // bom-ref or SPDXID, "" where absent
	Type    string // CycloneDX type, or the SPDX primaryPackagePurpose in lower case; "" unknown
	Group   string
	Name    string
	Version string
	Purl    string // as written
	CPE     string // first one
	Scope   string // required, optional, excluded; "" unknown
	// Source and SourceVersion are the source package that a distribution's package was built
	// from, as the document says beside the purl: "openssl", "1:3.0.7-27.el9". The version has
	// the epoch of the source, which need not be the binary's. "" where it does not say so.
	Source, SourceVersion string
	// Module is the label of the rpm module that the package belongs to, NAME:STREAM:VERSION:CONTEXT.
	Module string
	// Pointer is the JSON Pointer of the entry ("/components/3"), for warnings and evidence.
	Pointer string
}

// VEX statuses, the words of the specification's vex_decision.status.
const (
	NotAffected        = "not_affected"
	Affected           = "affected"
	Fixed              = "fixed"
	UnderInvestigation = "under_investigation"
)

// IsJustification reports whether word is one of the five reasons for not_affected
// that OpenVEX and the flags of CSAF share.
func IsJustification(word string) bool {
	switch word {
	case "component_not_present", "vulnerable_code_not_present", "vulnerable_code_not_in_execute_path",
		"vulnerable_code_cannot_be_controlled_by_adversary", "inline_mitigations_already_exist":
		return true
	}
	return false
}

// Statement is one VEX statement about one vulnerability.
type Statement struct {
	VulnID        string   // as written, trimmed: "CVE-2024-1234"
	Aliases       []string // other ids that the statement gives for the same vulnerability
	Status        string   // one of the four above
	Justification string   // the format's own word, lower case with underscores: vulnerable_code_not_present
	Impact        string   // free text: impact statement, detail
	Action        string   // free text: remediation, action statement
	Time          time.Time
	Issuer        string // overrides Document.Issuer where the statement has its own
	Products      []Product
	// Pointer is the JSON Pointer of the statement: "/statements/3".
	Pointer string
}

// Product is what a statement is about. At least one field is set.
type Product struct {
	// ID is the product as written: a purl, a CPE, an IRI, a CSAF product id.
	ID string
	// Purl is the product's purl where one is known. It may lack a version
	// (every version) and it may name an artifact or a package.
	Purl string
	CPE  string
	// Name and Version are for people; nothing is matched by them.
	Name, Version string
	// Subcomponent narrows the statement to this package inside the product; "" means the product itself.
	Subcomponent string
	// SubcomponentID is the subcomponent as written where it is no purl (bom-ref, BOM-Link).
	SubcomponentID string
	// BOMSerial and BOMRef are set where a CycloneDX BOM-Link names the product in another
	// BOM: urn:cdx:SERIAL/VERSION#REF. BOMSerial is the bare UUID.
	BOMSerial, BOMRef string
	// VersionRange is a VERS range (vers:npm/<2.0.0) where the statement covers versions by
	// range: those of the subcomponent where there is one, else those of the product.
	VersionRange string
	// ProductRange is the product's own range where VersionRange is, or could be, that of its
	// subcomponent: the package is meant only inside of these versions of the product.
	ProductRange string
	// Unreadable says why what the document names here cannot be told: an invalid purl, an id
	// that nothing defines, a name past all limits, a CPE alone. The statement is then about
	// nothing: it never widens to what is left of it. "" where it can. See AboutNothing.
	Unreadable string
	// InDocument is true where the product is the document's own main component (CycloneDX
	// affects.ref of an embedded VEX): the SBOM's artifact, whatever purl it gets.
	InDocument bool
}

// AboutNothing is p where what it names cannot be told: it keeps what people read, and
// nothing that could match.
func (p Product) AboutNothing(why string) Product {
	return Product{ID: p.ID, CPE: p.CPE, Name: p.Name, Version: p.Version, SubcomponentID: firstOf(p.SubcomponentID, p.Subcomponent), Unreadable: why}
}

func firstOf(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// Vulnerability is a record of one source about one advisory: a fact.
type Vulnerability struct {
	ID     string
	Source string // the database that issued the id: "ghsa", "go", "pysec", "rustsec", "almalinux", "osv"
	// Names are the vulnerabilities that the record speaks of: the record's own id for a
	// vulnerability record; the CVEs (upstream, else related) for a distribution's advisory
	// that fixes several, its own id where it names none. Never empty, sorted, distinct.
	Names []string
	// Aliases join records into groups; Related never does. Sorted, distinct, without ID.
	Aliases, Related, Upstream     []string
	Modified, Published, Withdrawn time.Time // zero where absent or impossible
	Summary                        string
	// Score is CVSS in tenths (98 = 9.8), -1 where unknown; Severity is none, low, medium, high, critical or "".
	Score    int16
	Severity string
	Vector   string // the vector that gave Score
	Affected []AffectedPackage
	// JSON is this record alone; nil where the document is the record and is JSON.
	JSON []byte
	// Pointer is "" for a document that is one record, "/3" inside an array.
	Pointer string
}

// AffectedPackage says which versions of one package a fact covers.
type AffectedPackage struct {
	Ecosystem string // OSV's word, release included: "npm", "Debian:12", "AlmaLinux:9"
	Name      string
	// Key is what packages are looked up by; see purl.Key.
	Key           string
	Purl          string  // as the record gives it
	Ranges        []Range // SEMVER and ECOSYSTEM only; GIT ranges cannot match a version
	Versions      []string
	FixedVersions []string // distinct, in order of appearance
	Score         int16    // per package where the record says so; -1 otherwise
	Severity      string
	Vector        string
}

// Range is an OSV range: its events in the order of the record.
type Range struct {
	Type   string  `json:"type"`
	Events []Event `json:"events"`
}

// Event is an OSV event; exactly one field is set.
type Event struct {
	Introduced   string `json:"introduced,omitzero"`
	Fixed        string `json:"fixed,omitzero"`
	LastAffected string `json:"last_affected,omitzero"`
	Limit        string `json:"limit,omitzero"`
}

// Limits bounds what one document may cost. A limit that is zero is that of DefaultLimits.
type Limits struct {
	MaxBytes      int64 // of one document, decompressed
	MaxDepth      int   // of nesting
	MaxComponents int
	MaxEntries    int   // of one archive
	MaxArchive    int64 // bytes of one archive, decompressed, all entries together
	MaxLayers     int   // wrappers inside wrappers: gzip in zip in tar
	MaxRatio      int64 // what a compressed stream becomes, in times of its bytes
	MaxString     int64 // bytes of one string of a document
}

// DefaultLimits are the limits that `sluice` starts with.
var DefaultLimits = Limits{
	MaxBytes:      64 << 20,
	MaxDepth:      512,
	MaxComponents: 1_000_000,
	MaxEntries:    1_000_000,
	MaxArchive:    64 << 30,
	MaxLayers:     4,
	MaxRatio:      1000,
	MaxString:     16 << 20,
}

// OrDefault is l with the default for each limit that is not set.
func (l Limits) OrDefault() Limits {
	d := DefaultLimits
	if l.MaxBytes <= 0 {
		l.MaxBytes = d.MaxBytes
	}
	if l.MaxDepth <= 0 {
		l.MaxDepth = d.MaxDepth
	}
	if l.MaxComponents <= 0 {
		l.MaxComponents = d.MaxComponents
	}
	if l.MaxEntries <= 0 {
		l.MaxEntries = d.MaxEntries
	}
	if l.MaxArchive <= 0 {
		l.MaxArchive = d.MaxArchive
	}
	if l.MaxLayers <= 0 {
		l.MaxLayers = d.MaxLayers
	}
	if l.MaxRatio <= 0 {
		l.MaxRatio = d.MaxRatio
	}
	if l.MaxString <= 0 {
		l.MaxString = d.MaxString
	}
	return l
}

// Reasons why a document is parked; parked.reason and receipts hold these words.
const (
	ReasonEmpty          = "empty"                // no bytes
	ReasonUnknownFormat  = "unknown-format"       // no format recognises it
	ReasonUnsupported    = "unsupported-version"  // the format is known, this version of it is not
	ReasonSyntax         = "syntax"               // not well-formed JSON, XML, YAML
	ReasonInvalid        = "invalid"              // well-formed, but lacks what nobody can do without
	ReasonEncoding       = "encoding"             // invalid UTF-8
	ReasonNUL            = "nul-character"        // \u0000: PostgreSQL cannot hold it
	ReasonSurrogate      = "lone-surrogate"       // \ud800 without its partner
	ReasonNumber         = "number-out-of-range"  // 1e400
	ReasonDepth          = "too-deep"             // Limits.MaxDepth
	ReasonTooLarge       = "too-large"            // Limits.MaxBytes, MaxArchive
	ReasonTooMany        = "too-many"             // Limits.MaxComponents, MaxEntries
	ReasonLayers         = "too-many-layers"      // Limits.MaxLayers
	ReasonCorruptArchive = "corrupt-archive"      // truncated gzip, bad zip directory
	ReasonEmptyArchive   = "empty-archive"        // an archive without entries
	ReasonDatabase       = "refused-by-database"  // PostgreSQL refused a value that got past the checks
	ReasonTooSlow        = "too-slow"             // PostgreSQL's time-outs do not suffice for it, several times
	ReasonSwitchedOff    = "switched-off"         // documents of the format are switched off for the tenant
	ReasonUnreadable     = "unreadable"           // the file could not be opened or read
	ReasonProducer       = "producer-not-allowed" // a message that names a tenant whose documents its topic may not carry
	ReasonTenant         = "unknown-tenant"       // a message that names no tenant, or one that there is not
	ReasonHeader         = "invalid-header"       // of a message
	ReasonReference      = "unreachable"          // what document-ref names is not allowed or could not be fetched
	ReasonHash           = "hash-mismatch"        // other bytes than document-sha256 says
	ReasonSignature      = "signature"            // none by a key that was given, where one is required
	ReasonTime           = "time-out-of-bounds"   // of an event: no partition is made for it
)

// Reasons are all of them.
var Reasons = []string{
	ReasonEmpty, ReasonUnknownFormat, ReasonUnsupported, ReasonSyntax, ReasonInvalid, ReasonEncoding, ReasonNUL, ReasonSurrogate, ReasonNumber,
	ReasonDepth, ReasonTooLarge, ReasonTooMany, ReasonLayers, ReasonCorruptArchive, ReasonEmptyArchive, ReasonDatabase, ReasonTooSlow,
	ReasonUnreadable, ReasonSwitchedOff, ReasonTenant, ReasonProducer, ReasonHeader, ReasonReference, ReasonHash, ReasonSignature, ReasonTime,
}

// ParkError says why a document can never be normalised by this version.
// Retrying cannot help, so ingest parks the bytes and moves on.
type ParkError struct {
	Reason  string // one of the Reason constants
	Pointer string // where in the document, as a JSON Pointer; for other syntaxes "line:column"; may be ""
	Format  string // the format that was recognised, set by whoever chose it; "" if none was
	Err     error
}

func (e *ParkError) Error() string {
	s := e.Reason
	if e.Pointer != "" {
		s += " at " + e.Pointer
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

func (e *ParkError) Unwrap() error { return e.Err }

// Park builds a ParkError.
func Park(reason, pointer, format string, args ...any) *ParkError {
	return &ParkError{Reason: reason, Pointer: pointer, Err: fmt.Errorf(format, args...)}
}

// Permanent reports whether the same bytes would fail the same way again.
func Permanent(err error) bool {
	var park *ParkError
	return errors.As(err, &park)
}
