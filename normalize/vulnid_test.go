package normalize

import "testing"

func TestVulnID(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"CVE-2024-1":                      "CVE-2024-1",
		"cve-2024-1":                      "CVE-2024-1",
		" Cve-2024-1\n":                   "CVE-2024-1",
		"ghsa-JFH8-c2jp-5v3q":             "GHSA-jfh8-c2jp-5v3q",
		"GHSA-JFH8-C2JP-5V3Q":             "GHSA-jfh8-c2jp-5v3q",
		"go-2024-2687":                    "GO-2024-2687",
		"pysec-2023-1":                    "PYSEC-2023-1",
		"Rustsec-2020-0070":               "RUSTSEC-2020-0070",
		"rhsa-2024:0001":                  "RHSA-2024:0001",
		"debian-cve-2024-1":               "DEBIAN-CVE-2024-1",
		"suse-su-2024:1-1":                "SUSE-SU-2024:1-1",
		"OPENSUSE-su-2024:1-1":            "openSUSE-SU-2024:1-1",
		"BIT-nginx-2024-7347":             "BIT-nginx-2024-7347",
		"bit-NGINX-2024-7347":             "BIT-nginx-2024-7347",
		"bit-cve-2024-1":                  "BIT-CVE-2024-1",
		"cga-2A34-bcde-2222":              "CGA-2a34-bcde-2222",
		"SNYK-js-lodash-590103":           "SNYK-JS-LODASH-590103",
		"ACME-sec-7":                      "ACME-sec-7", // whose, nobody knows: as it is
		"ROOT-OS-ALPINE-318-CVE-2024-123": "ROOT-OS-ALPINE-318-CVE-2024-123",
		"VU#123":                          "VU#123",
		"":                                "",
	} {
		if got := VulnID(in); got != want {
			t.Errorf("VulnID(%q) = %q, want %q", in, got, want)
		}
		if again := VulnID(want); again != want {
			t.Errorf("VulnID(%q) = %q: not stable", want, again)
		}
	}
}
