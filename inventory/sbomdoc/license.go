package sbomdoc

import (
	_ "embed"
	"strings"
	"sync"
)

// licenses.txt has the identifiers of the SPDX license list (CC0) that the schemas of CycloneDX
// take: any other is written as a name.
//
//go:embed licenses.txt
var licenseList string

var known = sync.OnceValue(func() map[string]bool { return set(strings.Fields(licenseList)...) })

func isLicense(id string) bool { return known()[id] }
