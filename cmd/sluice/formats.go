package main

import (
	"sluice/ingest"
	"sluice/normalize"
	"sluice/normalize/csaf"
	"sluice/normalize/cve"
	"sluice/normalize/cyclonedx"
	"sluice/normalize/epss"
	"sluice/normalize/govuln"
	"sluice/normalize/kev"
	"sluice/normalize/nvd"
	"sluice/normalize/openvex"
	"sluice/normalize/osv"
	"sluice/normalize/rubysec"
	"sluice/normalize/snapshot"
	"sluice/normalize/spdx"
	"sluice/normalize/syft"
	"sluice/normalize/trivy"
)

// formats is the one list of the document formats that Sluice reads. The first that
// recognises a document gets it.
func formats() []normalize.Format {
	return []normalize.Format{
		cyclonedx.JSON{},
		cyclonedx.XML{},
		cyclonedx.Protobuf{},
		cyclonedx.TextProto{},
		spdx.JSON{},
		spdx.TagValue{},
		spdx.YAML{},
		spdx.XML{},
		spdx.RDF{},
		spdx.XLSX{},
		spdx.JSONLD{},
		syft.Format{},
		trivy.Format{},
		snapshot.Format{},
		openvex.Format{},
		csaf.Format{},
		osv.JSON{},
		osv.YAML{},
		cve.JSON{},
		nvd.JSON{},
		rubysec.YAML{},
		govuln.YAML{},
		kev.JSON{},
		kev.CSV{},
		epss.CSV{},
	}
}

// importer is what every import has in common.
func importer() ingest.Config { return ingest.Config{Formats: formats()} }
