package csaf

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"sluice/normalize"
)

// said reads a document with this product tree whose only vulnerability has the product P
// as fixed, and writes what the statement is about: product, range / subcomponent, range.
func said(t *testing.T, tree string) (string, *normalize.Document) {
	t.Helper()
	doc, err := Format{}.Normalize(normalize.Input{Bytes: []byte(`{"document":{"csaf_version":"2.0"},"product_tree":` + tree +
		`,"vulnerabilities":[{"cve":"CVE-2024-1","product_status":{"fixed":["P"]}}]}`)})
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, s := range doc.Statements {
		for _, p := range s.Products {
			list = append(list, about(p))
		}
	}
	return strings.Join(list, "; "), doc
}

func about(p normalize.Product) string {
	if p.Unreadable != "" {
		if p.Purl != "" || p.Subcomponent != "" || p.BOMSerial != "" || p.VersionRange != "" || p.ProductRange != "" || p.InDocument {
			return fmt.Sprintf("unreadable, and yet %+v", p)
		}
		return "unreadable: " + p.Unreadable
	}
	s := p.Purl
	if p.BOMSerial != "" {
		s = p.BOMSerial + "#" + p.BOMRef
	}
	if p.Subcomponent == "" {
		return strings.TrimSpace(s + " " + p.VersionRange)
	}
	return strings.TrimSpace(s+" "+p.ProductRange) + " / " + strings.TrimSpace(p.Subcomponent+" "+p.VersionRange)
}

// branchesOf nests branches, outermost first, around a product with helper; each is
// "category=name".
func branchesOf(helper string, list ...string) string {
	inner := `"product":{"name":"the product","product_id":"P","product_identification_helper":` + helper + `}`
	for i := len(list) - 1; i >= 0; i-- {
		category, name, _ := strings.Cut(list[i], "=")
		quoted, _ := json.Marshal(name)
		// Alternately in the order of the schema and sorted by name, as many tools write them.
		if i%2 == 0 {
			inner = fmt.Sprintf(`"category":%q,"name":%s,%s`, category, quoted, inner)
		} else {
			inner = fmt.Sprintf(`%s,"category":%q,"name":%s`, inner, category, quoted)
		}
		if i > 0 {
			inner = `"branches":[{` + inner + `}]`
		}
	}
	return `{"branches":[{` + inner + `}]}`
}

// TestVersions holds which versions a product is about, by its branches and its purl.
func TestVersions(t *testing.T) {
	const lodash = `{"purl":"pkg:npm/lodash"}`
	for _, c := range []struct{ helper, branches, want string }{
		// The field case: fixed in 4.2.0 says nothing of 4.1.0.
		{lodash, "vendor=Example|product_name=lodash|product_version=4.2.0", "pkg:npm/lodash@4.2.0"},
		{lodash, "product_version=4.2.0", "pkg:npm/lodash@4.2.0"},
		{lodash, "product_version=v4.2.0", "pkg:npm/lodash@v4.2.0"},
		{lodash, "product_version=4.2.0+build 7", "pkg:npm/lodash@4.2.0%2Bbuild%207"},
		{lodash, "product_version=4.2 SP1", "pkg:npm/lodash@4.2%20SP1"}, // equal to that text only
		{lodash, "product_name=lodash", "pkg:npm/lodash"},
		{lodash, "product_family=4.0|product_name=lodash 4", "pkg:npm/lodash"}, // a family is no version
		// The inner of two counts, in any order of the levels.
		{lodash, "product_version=4|product_name=lodash|product_version=4.2.0", "pkg:npm/lodash@4.2.0"},
		{lodash, "product_version_range=vers:npm/<5|product_version=4.2.0|vendor=Example", "pkg:npm/lodash@4.2.0"},
		{lodash, "product_version=4.2.0|product_version_range=vers:npm/<5", "pkg:npm/lodash vers:npm/<5"},
		{lodash, "Product_Version=4.2.0", "pkg:npm/lodash@4.2.0"},
		// Names in place of versions, or in front of them.
		{lodash, "product_version=lodash", "pkg:npm/lodash"},
		{lodash, "product_version=lodash 4.2.0", "pkg:npm/lodash@4.2.0"},
		{lodash, "product_version=Lodash-4.2.0", "pkg:npm/lodash@4.2.0"},
		{lodash, "product_version=lodash-es-4.2.0", `unreadable: the product "P": the version in "lodash-es-4.2.0" cannot be told from the name`},
		{lodash, "product_version=lodash-es", `unreadable: the product "P": the version in "lodash-es" cannot be told from the name`},
		{lodash, "product_version=Kettle", `unreadable: the product "P": "Kettle" is no version`},
		{`{"purl":"pkg:maven/org.example/kettle?type=jar"}`, "product_version=org.example.kettle-1.2", "pkg:maven/org.example/kettle@1.2?type=jar"},
		{`{"purl":"pkg:maven/org.example/kettle"}`, "product_version=org.example/kettle", "pkg:maven/org.example/kettle"},
		{`{"purl":"pkg:rpm/redhat/mediawiki?arch=src"}`, "vendor=Red Hat|product_version=mediawiki", "pkg:rpm/redhat/mediawiki?arch=src"},
		{`{"purl":"pkg:rpm/redhat/nodejs"}`, "product_version=nodejs:16/nodejs", "pkg:rpm/redhat/nodejs"},
		{`{"purl":"pkg:rpm/redhat/kernel"}`, "product_version=kernel-3.10.0-1160.el7.x86_64", "pkg:rpm/redhat/kernel@3.10.0-1160.el7"},
		{`{"purl":"pkg:composer/a/b"}`, "product_version=dev-master", "pkg:composer/a/b@dev-master"},
		{`{"purl":"pkg:npm/lodash#lib"}`, "product_version=4.2.0", "pkg:npm/lodash@4.2.0#lib"},
		// Ranges: VERS, its constraints alone, words.
		{lodash, "product_version_range=vers:npm/>=4.0.0|<4.2.0", "pkg:npm/lodash vers:npm/>=4.0.0|<4.2.0"},
		{lodash, "product_version_range=<4.2.0", "pkg:npm/lodash vers:npm/<4.2.0"},
		{lodash, "product_version_range=>=4.0.0|<4.2.0", "pkg:npm/lodash vers:npm/>=4.0.0|<4.2.0"},
		{lodash, "product_version_range=4.2.0", "pkg:npm/lodash vers:npm/4.2.0"},
		{lodash, "product_version_range=lodash < 4.2.0", "pkg:npm/lodash vers:npm/<4.2.0"},
		{lodash, "product_version_range=prior to 4.2", "pkg:npm/lodash vers:npm/<4.2"},
		{lodash, "product_version_range=vers:all/*", "pkg:npm/lodash vers:all/*"},
		{lodash, "product_version_range=vers:all/<V3.1.4", "pkg:npm/lodash vers:npm/<3.1.4"},
		{lodash, "product_version_range=all versions", "pkg:npm/lodash vers:npm/*"},
		{lodash, "product_version=< 4.2.0", "pkg:npm/lodash vers:npm/<4.2.0"}, // against the rules, and plain
		{lodash, "product_version=4.1.0 and earlier", "pkg:npm/lodash vers:npm/<=4.1.0"},
		{lodash, "product_version=V3.0, V4.0", "pkg:npm/lodash vers:npm/3.0|4.0"},
		{lodash, "product_version_range=the newest", `unreadable: the product "P": "the newest" is no range of versions that can be read`},
		{lodash, "product_version_range=4.x", `unreadable: the product "P": "4.x" is no range of versions that can be read`},
		{lodash, "product_version_range=vers:npm/>=latest", `unreadable: the product "P": "vers:npm/>=latest" is no range of versions that can be read`},
		{lodash, "product_version_range=lodash", `unreadable: the product "P": "lodash" is no range of versions that can be read`},
		// A purl with its own version names the product outright.
		{`{"purl":"pkg:npm/lodash@4.1.0"}`, "product_name=lodash", "pkg:npm/lodash@4.1.0"},
		{`{"purl":"pkg:npm/lodash@4.1.0"}`, "product_version=4.1.0", "pkg:npm/lodash@4.1.0"},
		{`{"purl":"pkg:npm/lodash@4.1.0"}`, "product_version=v4.1", "pkg:npm/lodash@4.1.0"},
		{`{"purl":"pkg:npm/lodash@4.1.0"}`, "product_version=lodash", "pkg:npm/lodash@4.1.0"},
		{`{"purl":"pkg:npm/lodash@4.1.0"}`, "product_version=Kettle 7", "pkg:npm/lodash@4.1.0"},
		{`{"purl":"pkg:npm/lodash@4.1.0"}`, "product_version=4.2.0", `unreadable: the product "P": its purl has the version "4.1.0", and its branch "4.2.0"`},
		{`{"purl":"pkg:npm/lodash@4.1.0"}`, "product_version=4.1.01", `unreadable: the product "P": its purl has the version "4.1.0", and its branch "4.1.01"`},
		{`{"purl":"pkg:npm/lodash@4.1.0"}`, "product_version_range=vers:npm/<4.2.0", "pkg:npm/lodash@4.1.0"},
		{`{"purl":"pkg:npm/lodash@4.1.0"}`, "product_version_range=who knows", "pkg:npm/lodash@4.1.0"},
		{`{"purl":"pkg:npm/lodash@4.2.0"}`, "product_version_range=vers:npm/<4.2.0", `unreadable: the product "P": its purl has the version "4.2.0", which is not in the range "vers:npm/<4.2.0" of its branch`},
		{`{"purl":"pkg:rpm/redhat/kernel@3.10.0-1160.el7?arch=x86_64"}`, "architecture=x86_64|product_version=kernel-0:3.10.0-1160.el7.x86_64", "pkg:rpm/redhat/kernel@3.10.0-1160.el7?arch=x86_64"},
		// What a purl does not say.
		{`{"purl":"pkg:rpm/redhat/bash"}`, "architecture=s390x|product_version=5.1-2", "pkg:rpm/redhat/bash@5.1-2?arch=s390x"},
		{`{"purl":"pkg:rpm/redhat/bash?arch=x86_64&x=y"}`, "architecture=s390x", "pkg:rpm/redhat/bash?arch=x86_64&x=y"},
		{`{"purl":"pkg:rpm/redhat/bash?distro=el9"}`, "architecture=s390x", "pkg:rpm/redhat/bash?distro=el9&arch=s390x"},
		{`{"purl":"pkg:rpm/redhat/bash"}`, "architecture=src", "pkg:rpm/redhat/bash"},
		{lodash, "architecture=arm64", `unreadable: the product "P": it is narrowed by architecture, which its purl does not say`},
		{`{"purl":"pkg:npm/lodash@4.1.0"}`, "architecture=arm64", "pkg:npm/lodash@4.1.0"},
		{lodash, "product_version=4.2.0|patch_level=3", `unreadable: the product "P": it is narrowed by patch_level, which a purl without version does not say`},
		{lodash, "service_pack=1|product_version=4.2.0", `unreadable: the product "P": it is narrowed by service_pack, which a purl without version does not say`},
		{lodash, "host_name=db1", `unreadable: the product "P": it is narrowed by host_name, which a purl without version does not say`},
		{lodash, "language=de", `unreadable: the product "P": it is narrowed by language, which a purl without version does not say`},
		{lodash, "legacy=old|vendor=Example", "pkg:npm/lodash"},
		// Helpers.
		{`{"purls":["pkg:npm/lodash","pkg:npm/lodash-compat"]}`, "product_version=4.2.0", "pkg:npm/lodash@4.2.0; pkg:npm/lodash-compat@4.2.0"},
		{`{"purls":["pkg:golang/@%28devel%29","pkg:npm/lodash"]}`, "product_version=4.2.0", "pkg:npm/lodash@4.2.0"},
		{`{"purl":"pkg:npm/lodash","purls":["pkg:npm/lodash"]}`, "product_version=4.2.0", "pkg:npm/lodash@4.2.0"},
		{`{"purl":"pkg:npm/lodash","cpe":"cpe:2.3:a:lodash:lodash:4.0:*:*:*:*:*:*:*"}`, "product_version=4.2.0", "pkg:npm/lodash@4.2.0"},
		{`{"cpe":"cpe:/a:lodash:lodash:4.2.0"}`, "product_version=4.2.0", `unreadable: the product "P" has no purl, and nothing is matched by its CPE`},
		{`{"hashes":[{"filename":"a"}],"model_numbers":["1"],"skus":["2"],"serial_numbers":["3"],"sbom_urls":["https://example.org"]}`, "product_version=1", `unreadable: the product "P" has no purl, and nothing is matched by hashes, model_numbers, skus, serial_numbers, sbom_urls`},
		{`{}`, "product_version=1", `unreadable: the product "P" has no purl, and nothing is matched by its name`},
		{`{"purl":"pkg:golang/@%28devel%29"}`, "product_version=1", `unreadable: the product "P": the purl "pkg:golang/@%28devel%29" has no name`},
		{`{"purl":"lodash"}`, "product_version=1", `unreadable: the product "P": the purl "lodash" does not start with pkg:`},
		{`{"purl":"pkg:npm/` + strings.Repeat("a", 3000) + `"}`, "product_name=1", `unreadable: the product "P": the purl "pkg:npm/` + strings.Repeat("a", 52) + `"… is too long`},
		{
			`{"x_generic_uris":[{"namespace":"https://cyclonedx.org/capabilities/bomlink/","uri":"urn:cdx:411dafd2-c29f-491a-97d7-e97de5bc2289/1#pkg:maven/a/b@1"}]}`,
			"product_version=1", "411dafd2-c29f-491a-97d7-e97de5bc2289#pkg:maven/a/b@1",
		},
		{`{"x_generic_uris":[{"namespace":"https://spdx.dev","uri":"https://example.org/doc#SPDXRef-libc"}]}`, "product_version=1", `unreadable: the product "P" has no purl, and nothing is matched by x_generic_uris`},
		{`{"x_generic_uris":[{"uri":"urn:cdx:nobody/1#x"}]}`, "product_version=1", `unreadable: the product "P": "urn:cdx:nobody/1#x" names no BOM by its serial number: write urn:cdx:SERIAL/VERSION#BOM-REF`},
	} {
		got, doc := said(t, branchesOf(c.helper, strings.Split(c.branches, "|")...))
		if strings.Contains(c.branches, ">=4.0.0|<4.2.0") {
			got, doc = said(t, branchesOf(c.helper, c.branches))
		}
		if got != c.want {
			t.Errorf("%.200s under %s:\n got %.300s\nwant %.300s", c.helper, c.branches, got, c.want)
		}
		if unreadable := strings.HasPrefix(got, "unreadable"); unreadable != (len(doc.Warnings) > 0) {
			t.Errorf("%.100s under %s: %v", c.helper, c.branches, doc.Warnings)
		}
	}
}

// TestRelationships holds that a component inside a whole keeps the versions of both, and is
// about nothing where one of them cannot be read.
func TestRelationships(t *testing.T) {
	product := func(id, helper string) string {
		return `{"name":"` + id + `","product_id":"` + id + `","product_identification_helper":` + helper + `}`
	}
	branch := func(category, name, product string) string {
		return `{"category":"` + category + `","name":"` + name + `","product":` + product + `}`
	}
	relation := func(category, component, whole string) string {
		return `{"category":"` + category + `","full_product_name":{"name":"both","product_id":"P"},"product_reference":"` + component + `","relates_to_product_reference":"` + whole + `"}`
	}
	tree := func(relations string, branches ...string) string {
		return `{"branches":[` + strings.Join(branches, ",") + `],"relationships":[` + relations + `]}`
	}
	lodash := branch("product_version", "4.2.0", product("C", `{"purl":"pkg:npm/lodash"}`))
	lodashes := branch("product_version_range", "<4.2.0", product("C", `{"purl":"pkg:npm/lodash"}`))
	app := branch("product_version", "1.0", product("W", `{"purl":"pkg:oci/app"}`))
	apps := branch("product_version_range", "vers:generic/>=1|<2", product("W", `{"purl":"pkg:oci/app"}`))
	for name, c := range map[string]struct{ tree, want string }{
		"version in version": {tree(relation("default_component_of", "C", "W"), lodash, app), "pkg:oci/app@1.0 / pkg:npm/lodash@4.2.0"},
		"range in version":   {tree(relation("external_component_of", "C", "W"), lodashes, app), "pkg:oci/app@1.0 / pkg:npm/lodash vers:npm/<4.2.0"},
		"version in range":   {tree(relation("installed_on", "C", "W"), lodash, apps), "pkg:oci/app vers:generic/>=1|<2 / pkg:npm/lodash@4.2.0"},
		"range in range":     {tree(relation("installed_with", "C", "W"), lodashes, apps), "pkg:oci/app vers:generic/>=1|<2 / pkg:npm/lodash vers:npm/<4.2.0"},
		"optional component": {tree(relation("optional_component_of", "C", "W"), lodash, app), "pkg:oci/app@1.0 / pkg:npm/lodash@4.2.0"},
		"unknown component":  {tree(relation("default_component_of", "X", "W"), lodash, app), `unreadable: the product "X" is not in the product tree`},
		"unknown whole":      {tree(relation("default_component_of", "C", "X"), lodash, app), `unreadable: the product "X" is not in the product tree`},
		"half":               {tree(relation("default_component_of", "C", ""), lodash, app), `unreadable: the product "P" has no purl, and nothing is matched by its name`},
		"whole by CPE":       {tree(relation("default_component_of", "C", "W"), lodash, branch("product_name", "App", product("W", `{"cpe":"cpe:/a:example:app"}`))), `unreadable: the product "W" has no purl, and nothing is matched by its CPE`},
		"component by name":  {tree(relation("default_component_of", "C", "W"), branch("product_name", "x", product("C", `{}`)), app), `unreadable: the product "C" has no purl, and nothing is matched by its name`},
		"unreadable range of the whole": {
			tree(relation("default_component_of", "C", "W"), lodash, branch("product_version_range", "some", product("W", `{"purl":"pkg:oci/app"}`))),
			`unreadable: the product "W": "some" is no range of versions that can be read`,
		},
		"unreadable component": {
			tree(relation("default_component_of", "C", "W"), branch("product_version", "1", product("C", `{"purl":"pkg:golang/@%28devel%29"}`)), app),
			`unreadable: the product "C": the purl "pkg:golang/@%28devel%29" has no name`,
		},
		"the relationship's own purl, of a component without one": {
			`{"full_product_names":[` + product("C", `{}`) + `],"branches":[` + app + `],"relationships":[{"category":"default_component_of","full_product_name":` +
				product("P", `{"purl":"pkg:npm/lodash@4.2.0"}`) + `,"product_reference":"C","relates_to_product_reference":"W"}]}`,
			"pkg:oci/app@1.0 / pkg:npm/lodash@4.2.0",
		},
		"stacked": {
			tree(relation("default_component_of", "C", "M")+`,{"full_product_name":{"product_id":"M"},"product_reference":"Y","relates_to_product_reference":"W"}`, lodash, app,
				branch("product_version", "3", product("Y", `{"purl":"pkg:generic/module"}`))),
			"pkg:oci/app@1.0 / pkg:npm/lodash@4.2.0",
		},
		"circle": {
			tree(`{"full_product_name":{"product_id":"P"},"product_reference":"C","relates_to_product_reference":"Q"},{"full_product_name":{"product_id":"Q"},"product_reference":"C","relates_to_product_reference":"P"}`, lodash),
			`unreadable: the relationships of "P" go round in a circle, or are more than 16`,
		},
		"not defined": {`{}`, `unreadable: the product "P" is not in the product tree`},
		"defined in two ways": {
			`{"full_product_names":[` + product("P", `{"purl":"pkg:npm/a@1"}`) + `,` + product("P", `{"purl":"pkg:npm/a@2"}`) + `]}`,
			`unreadable: the product "P" is defined in different ways`,
		},
		"defined twice, sorted members": {
			`{"branches":[{"branches":[{"product":` + product("P", `{"purl":"pkg:npm/a"}`) + `,"category":"product_version","name":"1"}],"category":"vendor","name":"v"},` +
				branch("product_version", "1", product("P", `{"purl":"pkg:npm/a"}`)) + `]}`,
			"pkg:npm/a@1",
		},
		"under two versions": {
			`{"branches":[` + branch("product_version", "1", product("P", `{"purl":"pkg:npm/a"}`)) + `,` + branch("product_version", "2", product("P", `{"purl":"pkg:npm/a"}`)) + `]}`,
			`unreadable: the product "P" is defined in different ways`,
		},
	} {
		got, doc := said(t, c.tree)
		if got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", name, got, c.want)
		}
		if strings.HasPrefix(got, "unreadable") && len(doc.Warnings) == 0 {
			t.Errorf("%s: no warning", name)
		}
	}
}

// TestProductLists has lists of products that hold what is no id.
func TestProductLists(t *testing.T) {
	for _, list := range []string{`[""]`, `[{"product_id":"P"}]`, `{}`, `[["P"]]`, `[null]`, `["Q"]`, `"Q"`, `[7]`} {
		doc, err := Format{}.Normalize(normalize.Input{Bytes: []byte(`{"document":{"csaf_version":"2.0"},"product_tree":{"full_product_names":[
			{"name":"p","product_id":"P","product_identification_helper":{"purl":"pkg:npm/p"}}]},
			"vulnerabilities":[{"cve":"CVE-2024-1","product_status":{"known_not_affected":` + list + `}}]}`)})
		if err != nil {
			t.Fatal(err)
		}
		if len(doc.Statements) != 1 || len(doc.Statements[0].Products) != 1 || !strings.HasPrefix(about(doc.Statements[0].Products[0]), "unreadable: ") || len(doc.Warnings) == 0 {
			t.Errorf("%s: %+v, %v", list, doc.Statements, doc.Warnings)
		}
	}
}

// TestContradiction holds that of a product in two lists the cautious word comes last, in
// whatever order the members of product_status are.
func TestContradiction(t *testing.T) {
	for _, status := range []string{`"known_affected":["P"],"known_not_affected":["P"],"fixed":["P"],"under_investigation":["P"]`, `"under_investigation":["P"],"fixed":["P"],"known_not_affected":["P"],"first_affected":["P"]`} {
		doc, err := Format{}.Normalize(normalize.Input{Bytes: []byte(`{"document":{"csaf_version":"2.0"},"vulnerabilities":[{"cve":"CVE-2024-1","product_status":{` + status + `}}]}`)})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, s := range doc.Statements {
			got = append(got, s.Status)
		}
		if strings.Join(got, " ") != "not_affected fixed under_investigation affected" {
			t.Error(status, got)
		}
	}
}

// TestVulnerabilityIDs holds that an advisory about several vulnerabilities has statements
// about each, and joins none of them.
func TestVulnerabilityIDs(t *testing.T) {
	for name, c := range map[string]struct{ vulnerabilities, want string }{
		"cve and ids":          {`{"cve":"CVE-2024-1","ids":[{"system_name":"GHSA","text":"GHSA-a"}],%s}`, "CVE-2024-1=GHSA-a"},
		"ids alone":            {`{"ids":[{"system_name":"TW","text":"TW-7"},{"system_name":"GHSA","text":"GHSA-a"}],%s}`, "TW-7=GHSA-a"},
		"ids with several CVE": {`{"ids":[{"text":"GHSA-a"},{"text":"CVE-2024-1"},{"text":"CVE-2024-2"}],%s}`, "GHSA-a CVE-2024-1 CVE-2024-2"},
		"the advisory's id":    {`{"cve":"CVE-2024-1","ids":[{"text":"TW-7"}],%s},{"cve":"CVE-2024-2","ids":[{"text":"TW-7"}],%s}`, "CVE-2024-1 CVE-2024-2"},
		"one id of two":        {`{"ids":[{"text":"TW-7"},{"text":"GHSA-a"}],%s},{"cve":"CVE-2024-2","ids":[{"text":"TW-7"}],%s}`, "GHSA-a CVE-2024-2"},
		"nothing but that":     {`{"ids":[{"text":"TW-7"}],%s},{"ids":[{"text":"TW-7"}],%s}`, "TW-7 TW-7"},
		"the document's id":    {`{"cve":"CVE-2024-1","ids":[{"text":"TW-1"}],%s}`, "CVE-2024-1"},
		"bug numbers":          {`{"cve":"CVE-2024-1","ids":[{"system_name":"Bugzilla","text":"4711"},{"text":"https://example.org/1"}],%s}`, "CVE-2024-1"},
		"no name":              {`{"title":"x",%s}`, ""},
	} {
		text := strings.ReplaceAll(c.vulnerabilities, "%s", `"product_status":{"fixed":["P"]}`)
		doc, err := Format{}.Normalize(normalize.Input{Bytes: []byte(`{"document":{"csaf_version":"2.1","tracking":{"id":"TW-1"}},"vulnerabilities":[` + text + `]}`)})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, s := range doc.Statements {
			got = append(got, strings.Join(append([]string{s.VulnID}, s.Aliases...), "="))
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// TestDocument holds the document's series, version, status and time.
func TestDocument(t *testing.T) {
	for in, want := range map[string]string{
		`"publisher":{"name":"TW","namespace":"https://Example.org/"},"tracking":{"id":"A","version":"1.10.0","status":"final","current_release_date":"2024-03-01T00:00:00Z","initial_release_date":"2024-01-01T00:00:00Z"}`: "https://example.org A|1.10.0|final|2024-03-01",
		`"publisher":{"namespace":"https://example.org"},"tracking":{"id":"A","version":"2","status":"Interim","initial_release_date":"2024-01-01T00:00:00Z"}`:                                                               "https://example.org A|2|interim|2024-01-01",
		`"publisher":{"name":"TW"},"tracking":{"id":"A","version":3,"status":"draft","initial_release_date":"2024-01-01T00:00:00Z","revision_history":[{"date":"2024-02-02T00:00:00Z"},{"date":"2024-02-01T00:00:00Z"}]}`:    "TW A|3|draft|2024-02-02",
		`"tracking":{"id":"A","version":"1","status":"over"}`: "|1||0001-01-01",
		`"publisher":{"name":"TW"}`:                           "|||0001-01-01",
	} {
		doc, err := Format{}.Normalize(normalize.Input{Bytes: []byte(`{"document":{"csaf_version":"2.0",` + in + `}}`)})
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join([]string{doc.Series, doc.Version, doc.Status, doc.Time.Format("2006-01-02")}, "|"); got != want {
			t.Errorf("%s:\n got %s\nwant %s", in, got, want)
		}
		if (doc.VersionRank == "") != (doc.Version == "") {
			t.Errorf("%s: rank %q", in, doc.VersionRank)
		}
	}
}
