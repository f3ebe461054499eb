package vex

import (
	"strconv"
	"strings"
	"time"

	"sluice/normalize"
	"sluice/normalize/purl"
)

// Statement is one VEX statement about one vulnerability and one product.
type Statement struct {
	ID       ID
	Document ID
	VulnID   string
	Status   string
	// Time is its own, else its document's (Standing.At); zero where nobody knows.
	Time time.Time
	// Entry is which entry of its document's list it was made of. One entry may make several
	// statements, of whose order the formats say nothing.
	Entry int

	Product  *purl.Package // nil where it has no purl
	Sub      *purl.Package
	Inside   bool        // it names something inside the product, readable or not
	Artifact *ID         // the SBOM's artifact, where it stands in one or is about what it describes
	Linked   bool        // it names its product by a BOM-Link
	Links    map[ID]Link // what the BOM-Link means, by artifact whose SBOM has the serial number
	Range    string      // VERS range of versions; goes with the most specific thing named
	// ProductRange is the product's own VERS range where Range is that of something inside it.
	ProductRange string
	Untrusted    bool   // its issuer is not trusted: it decides nothing
	Unreadable   bool   // what it names cannot be told: it is about nothing
	Tie          []byte // content hash of its document; of an SBOM the meaning hash, which its twins share
}

// Link is what a BOM-Link means in the SBOMs of one artifact: the artifact as a whole, a
// package in it, or, with neither, nothing that could be told.
type Link struct {
	Whole   bool
	Package *purl.Package
}

// Entry is the number of a document's entry in a JSON Pointer: 3 of "/statements/3/products/0";
// -1 where it has none.
func Entry(pointer string) int {
	_, rest, _ := strings.Cut(strings.TrimPrefix(pointer, "/"), "/")
	number, _, _ := strings.Cut(rest, "/")
	if n, err := strconv.Atoi(number); err == nil {
		return n
	}
	return -1
}

// Decision is the tenant's own verdict on a vulnerability of a package.
type Decision struct {
	ID       ID
	VulnID   string
	Status   string
	At       time.Time
	Artifact *ID  // it is about the package in this artifact alone; nil: wherever it is
	Expired  bool // its date has passed: it decides nothing, nor does an older one that it replaced
}

// caution orders statuses: the more cautious wins.
var caution = map[string]int{
	normalize.Affected: 3, normalize.UnderInvestigation: 2, normalize.Fixed: 1, normalize.NotAffected: 0,
}

// Suppresses reports whether a finding with this status in force is not open.
func Suppresses(status string) bool {
	return status == normalize.NotAffected || status == normalize.Fixed
}
