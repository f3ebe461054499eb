package projections

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"sluice/ingest"
	"sluice/internal/id"
	"sluice/normalize/purl"
)

// universe is a set of documents and decisions, made at random from a small vocabulary so
// that they have much to do with each other.
type universe struct {
	r         *rand.Rand
	tenants   []id.ID
	envelopes []ingest.Envelope
	decisions []decided
	n         int
	name      *strings.Replacer // makes the names its own
}

var (
	// What components are: the purl without version, and its versions.
	vocabulary = []struct {
		ecosystem, name, purl, suffix string
		versions                      []string
	}{
		{"npm", "left", "pkg:npm/left", "", []string{"1.0.0", "1.5.0", "2.0.0", "3.0.0"}},
		{"npm", "@acme/core", "pkg:npm/%40acme/core", "", []string{"1.0.0", "2.0.0"}},
		{"PyPI", "foo-bar", "pkg:pypi/foo-bar", "", []string{"1.0", "2.0"}},
		{"Debian:12", "openssl", "pkg:deb/debian/libssl3", "?arch=amd64&distro=debian-12&upstream=openssl", []string{"3.0.1-1", "3.0.9-1"}},
		{"AlmaLinux:9", "bash", "pkg:rpm/almalinux/bash", "?distro=almalinux-9", []string{"5.1.8-4.el9", "5.1.8-6.el9"}},
		{"Go", "example.com/mod", "pkg:golang/example.com/mod", "", []string{"v1.0.0", "v1.2.0"}},
		{"", "", "pkg:generic/thing", "", []string{"1", "2"}},
		{"", "", "pkg:npm/unversioned", "", []string{""}},
	}
	artifactPurls = []string{
		"pkg:oci/app@1?repository_url=example.com/app", "pkg:oci/app@2?repository_url=example.com/app",
		"pkg:oci/svc@1", "pkg:npm/left@2.0.0", "pkg:generic/Plain%20Name@7",
	}
	vulnIDs = []string{
		"CVE-2024-1", "CVE-2024-2", "CVE-2024-3", "GHSA-aaaa-aaaa-aaaa", "GHSA-bbbb-bbbb-bbbb", "GHSA-cccc-cccc-cccc", "PYSEC-2024-1", "GO-2024-1",
	}
	statuses = []string{"not_affected", "affected", "fixed", "under_investigation"}
	serials  = []string{
		"3e671687-395b-41f5-a30f-a58921a69b79", "4e671687-395b-41f5-a30f-a58921a69b79", "5e671687-395b-41f5-a30f-a58921a69b79",
	}
	vexSerials = []string{"6e671687-395b-41f5-a30f-a58921a69b79", "7e671687-395b-41f5-a30f-a58921a69b79"}
	vectors    = []string{"", "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", "CVSS:3.1/AV:L/AC:H/PR:L/UI:N/S:U/C:L/I:N/A:N"}
)

// newUniverse makes a universe of about the given number of documents. Its packages and
// vulnerabilities have names that no other one has, so that several can be in one database:
// they share the feed.
func newUniverse(seed uint64, size int, tenants ...id.ID) *universe {
	own := fmt.Sprintf("%05d", seed)
	var pairs []string
	for _, word := range []string{"CVE-2024-", "GHSA-aaaa-", "GHSA-bbbb-", "GHSA-cccc-", "PYSEC-2024-", "GO-2024-", "DSA-", "ALSA-2024:"} {
		pairs = append(pairs, word, word+own)
	}
	for _, word := range []string{"npm/left", "\"left", "acme/core", "foo-bar", "libssl3", "openssl", "rpm/almalinux/bash", "\"bash", "example.com/mod", "npm/unversioned"} {
		pairs = append(pairs, word, word+own)
	}
	u := &universe{r: rand.New(rand.NewPCG(seed, 1)), tenants: tenants, name: strings.NewReplacer(pairs...)}
	for len(u.envelopes)+len(u.decisions) < size {
		switch u.r.IntN(13) {
		case 0, 1, 2:
			u.sbom()
		case 3:
			u.spdx()
		case 4, 5, 6:
			u.fact()
		case 7:
			u.advisory()
		case 8:
			u.openvex()
		case 9:
			u.csaf()
		case 10:
			u.cyclonedxVEX()
		case 11, 12:
			u.decision()
		}
	}
	return u
}

func pick[T any](u *universe, list []T) T { return list[u.r.IntN(len(list))] }

// likely picks the first ones of a list more often than the last.
func likely[T any](u *universe, list []T) T {
	return list[min(u.r.IntN(len(list)), u.r.IntN(len(list)), u.r.IntN(len(list)))]
}

func (u *universe) chance(percent int) bool { return u.r.IntN(100) < percent }

// time is one of a few, so that there are ties.
func (u *universe) time() string {
	return time.Date(2026, 1, 1+u.r.IntN(5), 0, 0, 0, 0, time.UTC).Format(time.RFC3339)
}

func (u *universe) add(tenant id.ID, artifact, stream string, doc any) {
	b, err := json.Marshal(doc)
	if err != nil {
		panic(err)
	}
	u.n++
	u.envelopes = append(u.envelopes, ingest.Envelope{
		Tenant: tenant, Origin: fmt.Sprintf("universe/%d", u.n), Bytes: []byte(u.name.Replace(string(b))), Artifact: u.name.Replace(artifact), Stream: stream,
	})
}

// next is a number that no document had before: no two say the same by chance.
func (u *universe) next() string { u.n++; return fmt.Sprint(u.n) }

func (u *universe) packagePurl() string {
	v := likely(u, vocabulary)
	version := pick(u, v.versions)
	if version != "" {
		version = "@" + version
	}
	return v.purl + version + v.suffix
}

type object = map[string]any

func (u *universe) components() []any {
	list := []any{}
	for range 2 + u.r.IntN(6) {
		p := u.packagePurl()
		c := object{"type": "library", "name": "c", "bom-ref": fmt.Sprintf("ref%d", u.r.IntN(4)), "purl": p}
		switch u.r.IntN(10) {
		case 0:
			delete(c, "purl")
			c["name"], c["version"] = pick(u, []string{"nameless", "other"}), "1"
		case 1:
			c["purl"] = "no purl"
		case 2:
			// Nested, inside of something without a purl.
			c = object{"type": "application", "name": "holder", "version": "1", "bom-ref": "holder", "components": []any{c}}
		}
		list = append(list, c)
	}
	return list
}

// sbom adds a CycloneDX SBOM, and mostly a second or third version, or one that says the same later.
func (u *universe) sbom() {
	tenant, artifact, stream := likely(u, u.tenants), likely(u, artifactPurls), pick(u, []string{"", "", "build"})
	serial := likely(u, serials)
	main := object{"type": "application", "name": "Plain Name", "version": "7", "bom-ref": "main"}
	doc := object{
		"bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1 + u.r.IntN(3), "serialNumber": "urn:uuid:" + serial,
		"properties": []any{object{"name": "n", "value": u.next()}},
		"metadata":   object{"timestamp": u.time(), "component": main},
		"components": u.components(),
	}
	given := artifact
	if strings.HasPrefix(artifact, "pkg:generic/") {
		given = "" // by the name of the main component
	} else if u.chance(30) {
		main["purl"] = artifact
		given = ""
	}
	if u.chance(30) {
		doc["vulnerabilities"] = u.embedded()
	}
	if u.chance(10) {
		delete(doc["metadata"].(object), "timestamp")
	}
	if u.chance(15) && given != "" {
		delete(doc["metadata"].(object), "component")
	}
	u.add(tenant, given, stream, doc)
	for u.chance(40) {
		// One that says the same, or a version that says something else.
		doc["metadata"].(object)["timestamp"] = u.time()
		doc["version"] = 1 + u.r.IntN(3)
		switch u.r.IntN(4) {
		case 0:
			doc["serialNumber"] = "urn:uuid:" + likely(u, serials)
		case 1:
			doc["components"] = u.components()
		case 2:
			delete(doc, "vulnerabilities")
		}
		u.add(tenant, given, stream, doc)
	}
}

// embedded are the vulnerabilities of an SBOM: about the whole, or about a component of it.
func (u *universe) embedded() []any {
	list := []any{}
	for range 1 + u.r.IntN(2) {
		affects := object{"ref": pick(u, []string{"main", "ref0", "ref0", "ref1", "holder", "nowhere", u.packagePurl()})}
		if u.chance(30) {
			affects["versions"] = []any{object{"range": pick(u, []string{"vers:generic/<5", "vers:npm/>=1.0.0|<3.0.0"}), "status": pick(u, []string{"affected", "unaffected"})}}
		}
		list = append(list, object{
			"id":       likely(u, vulnIDs),
			"analysis": u.analysis(),
			"affects":  []any{affects},
		})
	}
	return list
}

// analysis has a time of its own, or not.
func (u *universe) analysis() object {
	a := object{"state": pick(u, []string{"not_affected", "exploitable", "resolved", "in_triage"})}
	if u.chance(40) {
		a["lastUpdated"] = u.time()
	}
	return a
}

func (u *universe) spdx() {
	packages := []any{}
	for i := range 1 + u.r.IntN(4) {
		packages = append(packages, object{
			"SPDXID": fmt.Sprintf("SPDXRef-%d", i), "name": "p", "downloadLocation": "NOASSERTION",
			"externalRefs": []any{object{"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": u.packagePurl()}},
		})
	}
	u.add(likely(u, u.tenants), likely(u, artifactPurls), pick(u, []string{"", "spdx"}), object{
		"spdxVersion": "SPDX-2.3", "SPDXID": "SPDXRef-DOCUMENT", "name": "doc " + u.next(), "dataLicense": "CC0-1.0",
		"documentNamespace": "https://example.com/" + u.next(), "creationInfo": object{"created": u.time(), "creators": []any{"Tool: t"}},
		"packages": packages,
	})
}

// fact adds versions of an OSV record of a language ecosystem.
func (u *universe) fact() {
	v := likely(u, vocabulary[:6])
	for v.ecosystem == "Debian:12" || v.ecosystem == "AlmaLinux:9" {
		v = likely(u, vocabulary[:6])
	}
	tenant := id.Shared
	if u.chance(25) {
		tenant = likely(u, u.tenants)
	}
	if u.chance(20) {
		u.recordOfCVE(tenant, likely(u, vulnIDs[:3]), v.purl, v.versions)
		return
	}
	name := likely(u, vulnIDs)
	for {
		record := object{"id": name, "modified": u.time(), "summary": u.next()}
		if u.chance(35) {
			aliases := []any{likely(u, vulnIDs)}
			for u.chance(30) {
				aliases = append(aliases, likely(u, vulnIDs)) // an advisory about several
			}
			record["aliases"] = aliases
		}
		if u.chance(10) {
			record["withdrawn"] = u.time()
		}
		if u.chance(80) {
			versions := []string{}
			for _, s := range v.versions {
				if u.chance(30) {
					versions = append(versions, strings.TrimPrefix(s, "v"))
				}
			}
			events := []any{object{"introduced": "0"}}
			if u.chance(50) {
				events = append(events, object{"fixed": strings.TrimPrefix(v.versions[len(v.versions)-1-u.r.IntN(2)], "v")})
			}
			kind := "ECOSYSTEM"
			if v.ecosystem == "npm" || v.ecosystem == "Go" {
				kind = "SEMVER"
			}
			affected := object{"package": object{"ecosystem": v.ecosystem, "name": v.name}, "ranges": []any{object{"type": kind, "events": events}}}
			if len(versions) > 0 {
				affected["versions"] = versions
			}
			record["affected"] = []any{affected}
		} else {
			record["affected"] = []any{}
		}
		if vector := pick(u, vectors); vector != "" {
			record["severity"] = []any{object{"type": "CVSS_V3", "score": vector}}
		} else if u.chance(50) {
			record["database_specific"] = object{"severity": pick(u, []string{"LOW", "HIGH"})}
		}
		u.add(tenant, "", "", record)
		if !u.chance(50) {
			return
		}
	}
}

// recordOfCVE adds versions of what the CVE list, or NVD, says about a CVE: facts beside those of others
// about the same one, never in their place.
func (u *universe) recordOfCVE(tenant id.ID, name, purl string, versions []string) {
	nvd := u.chance(40)
	for {
		rejected := u.chance(15)
		var record object
		if nvd {
			record = object{"id": name, "lastModified": u.time(), "vulnStatus": "Analyzed", "sourceIdentifier": u.next(), "configurations": []any{object{"nodes": []any{object{"cpeMatch": []any{
				object{"vulnerable": true, "criteria": "cpe:2.3:a:acme:left:*:*:*:*:*:*:*:*"},
			}}}}}}
			if rejected {
				record["vulnStatus"] = "Rejected"
			}
			if vector := pick(u, vectors); vector != "" {
				record["metrics"] = object{"cvssMetricV31": []any{object{"type": "Primary", "cvssData": object{"vectorString": vector}}}}
			}
		} else {
			product := object{"packageURL": purl, "defaultStatus": pick(u, []string{"affected", "unaffected"}), "versions": []any{object{
				"version": "0", "lessThan": strings.TrimPrefix(versions[len(versions)-1], "v"), "status": pick(u, []string{"affected", "unaffected"}),
			}}}
			metadata := object{"cveId": name, "state": "PUBLISHED", "dateUpdated": u.time()}
			if rejected {
				metadata["state"] = "REJECTED"
			}
			record = object{"dataType": "CVE_RECORD", "dataVersion": "5.2", "cveMetadata": metadata, "containers": object{"cna": object{"title": u.next(), "affected": []any{product}}}}
		}
		u.add(tenant, "", "", record)
		if !u.chance(50) {
			return
		}
	}
}

// advisory adds a distribution's record, which fixes several CVEs.
func (u *universe) advisory() {
	v, name, list := vocabulary[3], "DSA-"+fmt.Sprint(1+u.r.IntN(2))+"-1", "upstream"
	if u.chance(50) {
		v, name, list = vocabulary[4], "ALSA-2024:"+fmt.Sprint(1+u.r.IntN(2)), "related"
	}
	for {
		record := object{
			"id": name, "modified": u.time(), "summary": u.next(), list: []any{"CVE-2024-1", likely(u, vulnIDs[:3])},
			"affected": []any{object{
				"package": object{"ecosystem": v.ecosystem, "name": v.name},
				"ranges":  []any{object{"type": "ECOSYSTEM", "events": []any{object{"introduced": "0"}, object{"fixed": v.versions[len(v.versions)-1]}}}},
			}},
		}
		u.add(id.Shared, "", "", record)
		if !u.chance(40) {
			return
		}
	}
}

// product is what a statement may be about: an artifact or a package, with or without version.
func (u *universe) product() string {
	p := likely(u, artifactPurls)
	if u.chance(40) {
		p = u.packagePurl()
	}
	if u.chance(30) {
		parsed, _ := purl.Parse(p)
		p = parsed.WithVersion("").Purl
	}
	if u.chance(30) {
		p, _, _ = strings.Cut(p, "?")
	}
	return p
}

// series is the id of a document: mostly one of a few, of which there are more versions.
func (u *universe) series() string {
	if u.chance(30) {
		return u.next()
	}
	return "series" + fmt.Sprint(u.r.IntN(3))
}

func (u *universe) openvex() {
	statements := []any{}
	for range 1 + u.r.IntN(3) {
		product := object{"@id": u.product()}
		if u.chance(40) {
			sub := u.packagePurl()
			switch u.r.IntN(4) {
			case 0:
				sub, _, _ = strings.Cut(sub, "@")
			case 1:
				sub = pick(u, []string{"urn:something:else", "pkg:golang/@%28devel%29", "pkg:npm/"})
			}
			product["subcomponents"] = []any{object{"@id": sub}}
		}
		vuln := object{"name": likely(u, vulnIDs)}
		if u.chance(5) {
			vuln["aliases"] = []any{likely(u, vulnIDs)}
		}
		s := object{"vulnerability": vuln, "products": []any{product}, "status": pick(u, statuses)}
		if u.chance(50) {
			s["timestamp"] = u.time()
		}
		statements = append(statements, s)
		for u.chance(30) {
			// The same again, with another status, later in the document.
			again := object{}
			for k, v := range s {
				again[k] = v
			}
			again["status"] = pick(u, statuses)
			statements = append(statements, again)
		}
	}
	u.add(likely(u, u.tenants), "", "", object{
		"@context": "https://openvex.dev/ns/v0.2.0", "@id": "https://openvex.dev/docs/" + u.series(), "author": "a", "timestamp": u.time(),
		"version": 1 + u.r.IntN(3), "statements": statements, "tooling": u.next(),
	})
}

func (u *universe) csaf() {
	named := func(id, purl string) object {
		return object{"name": id, "product_id": id, "product_identification_helper": object{"purl": purl}}
	}
	status := pick(u, []string{"known_not_affected", "known_affected", "fixed", "under_investigation"})
	u.add(likely(u, u.tenants), "", "", object{
		"document": object{
			"category": "csaf_vex", "csaf_version": "2.0", "title": u.next(), "publisher": object{"category": "vendor", "name": "v", "namespace": "https://example.com"},
			"tracking": object{
				"id": u.series(), "current_release_date": u.time(), "initial_release_date": "2026-01-01T00:00:00Z",
				"status": pick(u, []string{"final", "final", "interim", "draft"}), "version": pick(u, []string{"1", "2", "1.9.0", "1.10.0", "2.0.0-rc.1", "odd"}),
				"revision_history": []any{object{"date": "2026-01-01T00:00:00Z", "number": "1", "summary": "x"}},
			},
		},
		"product_tree": object{
			"branches": []any{u.csafBranch(named("WHOLE", u.product())), u.csafBranch(named("PART", u.packagePurl()))},
			"relationships": []any{object{
				"category": "default_component_of", "full_product_name": object{"name": "x", "product_id": "PART:WHOLE"},
				"product_reference": "PART", "relates_to_product_reference": "WHOLE",
			}},
		},
		"vulnerabilities": []any{object{"cve": likely(u, vulnIDs[:3]), "product_status": object{status: []any{pick(u, []string{"WHOLE", "PART:WHOLE", "PART"})}}}},
	})
}

// csafBranch puts a product under a branch, which may give its purl a version or a range: read
// or not, contradicting it or not.
func (u *universe) csafBranch(product object) object {
	category := pick(u, []string{"vendor", "product_version", "product_version_range", "patch_level"})
	name := pick(u, []string{"1.0.0", "2.0.0", "vers:npm/<2.0.0", ">=1|<2", "prior to 2.0", "some of them"})
	if u.chance(40) {
		helper := product["product_identification_helper"].(object)
		helper["purl"], _, _ = strings.Cut(helper["purl"].(string), "@")
	}
	return object{"category": category, "name": name, "product": product}
}

// cyclonedxVEX speaks of other SBOMs by BOM-Link, or of the product that it names itself.
func (u *universe) cyclonedxVEX() {
	ref := "urn:cdx:" + likely(u, serials) + "/1" + pick(u, []string{"", "#main", "#ref0", "#ref1", "#ref2", "#holder", "#nowhere", "#pkg:npm/left@2.0.0"})
	doc := object{"bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1 + u.r.IntN(3), "properties": []any{object{"name": "n", "value": u.next()}}, "metadata": object{"timestamp": u.time()}}
	if u.chance(60) {
		doc["serialNumber"] = "urn:uuid:" + likely(u, vexSerials)
	}
	if u.chance(30) {
		doc["metadata"].(object)["component"] = object{"type": "application", "name": "Plain Name", "version": "7", "bom-ref": "main"}
		ref = "main"
	}
	affects := object{"ref": ref}
	if u.chance(30) {
		affects["versions"] = []any{object{pick(u, []string{"version", "range"}): pick(u, []string{"1.0.0", "vers:npm/<2.0.0", "vers:generic/>=1"}), "status": pick(u, []string{"affected", "unaffected"})}}
	}
	doc["vulnerabilities"] = []any{object{
		"id": likely(u, vulnIDs), "analysis": u.analysis(), "affects": []any{affects},
	}}
	if u.chance(10) {
		doc["vulnerabilities"] = []any{} // it takes back what it said
	}
	u.add(likely(u, u.tenants), "", "", doc)
}

func (u *universe) decision() {
	p, err := purl.Parse(u.name.Replace(u.packagePurl()))
	if err != nil {
		panic(err)
	}
	d := decided{
		tenant: likely(u, u.tenants), pkg: p.Purl, vuln: u.name.Replace(likely(u, vulnIDs)), status: pick(u, statuses),
		at: time.Date(2026, 1, 1+u.r.IntN(3), 0, 0, 0, 0, time.UTC), withdrawn: u.chance(25),
	}
	for _, o := range u.decisions {
		if o.id() == d.id() {
			return // a later decision replaces the earlier one: their order is what they mean
		}
	}
	u.decisions = append(u.decisions, d)
}
