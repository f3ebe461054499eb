package cyclonedx

import "sluice/normalize"

// Volatile lists the members that change with every run of a generator although
// the document means the same, and the one that only JSON has. They do not count for
// the meaning hash.
var Volatile = []string{"/serialNumber", "/version", "/metadata/timestamp", "/$schema"}

// Sets lists the arrays that are in no order. Of what is not here the order says
// something or may do so: the first author is the issuer, steps and tasks are taken one
// after the other, a call stack has a top. Of two entries about the same vulnerability,
// or the same thing affected by it, the later one counts.
var Sets = map[string]string{
	"advisories": "", "algorithms": "", "aliases": "", "altIds": "", "annotations": "", "assemblies": "", "assessors": "",
	"certificateExtensions": "", "certificationLevel": "", "cipherSuites": "", "citations": "", "claims": "", "components": "",
	"compositions": "", "copyright": "", "cryptoFunctions": "", "cryptoRefArray": "", "cwes": "", "dependencies": "", "dependsOn": "",
	"endpoints": "", "environmentVars": "", "expressionDetails": "", "expressions": "", "externalReferences": "", "hashes": "",
	"identifiers": "", "identity": "", "licenses": "", "licenseTypes": "", "lifecycles": "", "methods": "", "occurrences": "",
	"omniborId": "", "patentAssertions": "", "patentRefs": "", "patents": "", "pointers": "", "properties": "", "provides": "",
	"ratings": "", "relatedCryptographicAssets": "", "requirements": "", "resolves": "", "resourceReferences": "", "response": "",
	"services": "", "standards": "", "subjects": "", "swhid": "", "tags": "", "tools": "", "workspaces": "",

	"vulnerabilities": "id", "affects": "ref",
}

// times lists the members that hold a time, of all versions of the schema.
var times = map[string]bool{
	"activationDate": true, "created": true, "creationDate": true, "deactivationDate": true, "destructionDate": true, "expiration": true,
	"expirationDate": true, "expires": true, "firstIssued": true, "lastRenewal": true, "lastUpdated": true, "notValidAfter": true,
	"notValidBefore": true, "published": true, "rejected": true, "revocationDate": true, "timeActivated": true, "timeEnd": true,
	"timeReceived": true, "timeStart": true, "timestamp": true, "updateDate": true, "updated": true,
}

// meaning is what does not count when documents are compared, in all notations.
var meaning = &normalize.Meaning{Volatile: Volatile, Sets: Sets, Times: times, NoEmpty: true}
