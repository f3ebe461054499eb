package main

import (
	"slices"

	"sluice/ingest"
	"sluice/normalize"
	"sluice/normalize/csaf"
	"sluice/normalize/cyclonedx"
	"sluice/normalize/openvex"
	"sluice/normalize/osv"
	"sluice/normalize/spdx"
)

// formats is the one list of the document formats that Sluice reads. The first that
// recognises a document gets it.
func formats() []normalize.Format {
	return []normalize.Format{
		cyclonedx.JSON{},
		cyclonedx.XML{},
		spdx.JSON{},
		spdx.TagValue{},
		spdx.YAML{},
		spdx.JSONLD{},
		openvex.Format{},
		csaf.Format{},
		osv.JSON{},
		osv.YAML{},
	}
}

// volatile are the members that do not count for what a document means.
func volatile() []string { return slices.Concat(cyclonedx.Volatile, spdx.Volatile) }

// importer is what every import has in common.
func importer() ingest.Config { return ingest.Config{Formats: formats(), Volatile: volatile()} }
