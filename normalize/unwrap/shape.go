package unwrap

import (
	"bytes"
	"strings"
)

// shape is what the members of a JSON object say that it is.
type shape int

const (
	document    shape = iota
	dsse              // a signed envelope
	statement         // in-toto: a predicate about subjects
	bundle            // Sigstore's envelope around the envelope
	oldBundle         // cosign's, before that
	bundles           // a list of them, as registries answer
	apart             // a Sigstore signature of something that is elsewhere
	feed              // a ROLIE feed: it names documents
	provider          // provider-metadata.json, aggregator.json of CSAF; ROLIE's list of services or categories
	ociManifest       // of an image
)

// decided are members that only documents have at their top. Most documents begin with one, so
// that the rest of them is not looked at.
var decided = map[string]bool{
	"bomFormat": true, "specVersion": true, "components": true, "spdxVersion": true, "SPDXID": true, "sbom": true, "@context": true, "@graph": true,
	"document": true, "id": true, "schema_version": true, "modified": true, "affected": true, "dataType": true, "dataVersion": true, "cveMetadata": true,
	"artifacts": true, "artifactRelationships": true, "descriptor": true, "SchemaVersion": true, "ArtifactName": true, "Results": true, "statements": true,
	"vulnerabilities": true, "catalogVersion": true, "resultsPerPage": true, "startIndex": true, "detector": true,
}

// shapeMembers is how many members are looked at before a document is taken for one.
const shapeMembers = 16

// shapeOf tells envelopes and metadata from documents.
func shapeOf(b []byte) shape {
	b = bytes.TrimPrefix(b, []byte("\xef\xbb\xbf"))
	if i := skipSpace(b, 0); i >= len(b) || b[i] != '{' {
		return document
	}
	has := map[string]bool{}
	media, kind := "", ""
	eachMember(b, func(name string, value []byte) bool {
		if decided[name] {
			has = nil
			return false
		}
		has[name] = true
		switch name {
		case "mediaType":
			media = scalar(value)
		case "_type":
			kind = scalar(value)
		case "feed", "service", "categories":
			if !rolie(value) {
				delete(has, name)
			}
		}
		return len(has) < shapeMembers
	})
	switch {
	case has == nil:
		return document
	case has["payloadType"] && has["payload"]:
		return dsse
	case has["predicateType"] && (has["predicate"] || has["_type"]), strings.Contains(kind, "in-toto.io/Statement"):
		return statement
	case has["dsseEnvelope"], has["dsse_envelope"]:
		return bundle
	case has["messageSignature"], has["message_signature"], strings.Contains(media, "dev.sigstore.bundle"):
		return apart
	case has["base64Signature"]:
		return oldBundle
	case has["attestations"]:
		return bundles
	case has["feed"]:
		return feed
	case has["canonical_url"] && has["publisher"], has["aggregator"] && has["csaf_providers"]:
		return provider
	case has["service"], has["categories"]:
		return provider
	case has["schemaVersion"] && (has["layers"] || has["manifests"] || has["config"]):
		return ociManifest
	}
	return document
}

// rolie reports whether value is what a document of ROLIE (RFC 8322, in JSON) has inside.
func rolie(value []byte) bool {
	found := false
	eachMember(value, func(name string, _ []byte) bool {
		found = name == "entry" || name == "workspace" || name == "category"
		return !found
	})
	return found
}

// scalar is the text of a string that value begins with.
func scalar(value []byte) string {
	if len(value) == 0 || value[0] != '"' {
		return ""
	}
	end := skipString(value, 0)
	if end < 0 {
		return ""
	}
	return unquoted(value[:end])
}
