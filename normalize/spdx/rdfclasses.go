package spdx

// rdfKind is how the value of a property in RDF is written in JSON.
type rdfKind uint8

const (
	rdfText     rdfKind = iota // a text, or the IRI of a resource
	rdfBool                    // filesAnalyzed
	rdfNumber                  // offsets and lines
	rdfWord                    // relationshipType_dynamicLink is DYNAMIC_LINK
	rdfLicense                 // an expression, as a text or as resources
	rdfObject                  // a resource that is an object in JSON
	rdfRef                     // the SPDXID of an element
	rdfRelation                // a relationship, which JSON has in a list of the document
	rdfSkipped                 // said elsewhere
)

// rdfMember is a property: its member in JSON, and what that is.
type rdfMember struct {
	member string
	kind   rdfKind
	list   bool
	class  string // of an object
}

// rdfClasses are the members that a resource of a class has, by the name of the property.
// The order is that of the JSON.
var rdfClasses = map[string]map[string]rdfMember{
	"SpdxDocument": {
		"specVersion": {member: "spdxVersion"}, "dataLicense": {member: "dataLicense", kind: rdfLicense}, "name": {member: "name"},
		"comment":             {member: "comment"},
		"creationInfo":        {member: "creationInfo", kind: rdfObject, class: "CreationInfo"},
		"externalDocumentRef": {member: "externalDocumentRefs", kind: rdfObject, list: true, class: "ExternalDocumentRef"},
		"describesPackage":    {member: "documentDescribes", kind: rdfRef, list: true},
		"relationship":        {kind: rdfRelation},
		"annotation":          {member: "annotations", kind: rdfObject, list: true, class: "Annotation"},
		"reviewed":            {member: "revieweds", kind: rdfObject, list: true, class: "Review"},
		// All licences with a text are listed, wherever they are mentioned.
		"hasExtractedLicensingInfo": {kind: rdfSkipped},
	},
	"CreationInfo": {
		"created": {member: "created"}, "creator": {member: "creators", list: true}, "comment": {member: "comment"},
		"licenseListVersion": {member: "licenseListVersion"},
	},
	"ExternalDocumentRef": {
		"externalDocumentId": {member: "externalDocumentId"}, "spdxDocument": {member: "spdxDocument"},
		"checksum": {member: "checksum", kind: rdfObject, class: "Checksum"},
	},
	"Checksum":   {"algorithm": {member: "algorithm", kind: rdfWord}, "checksumValue": {member: "checksumValue"}},
	"Annotation": {"annotator": {member: "annotator"}, "annotationDate": {member: "annotationDate"}, "annotationType": {member: "annotationType", kind: rdfWord}, "comment": {member: "comment"}},
	"Review":     {"reviewer": {member: "reviewer"}, "reviewDate": {member: "reviewDate"}, "comment": {member: "comment"}},
	"Package": {
		"name": {member: "name"}, "versionInfo": {member: "versionInfo"}, "packageFileName": {member: "packageFileName"}, "supplier": {member: "supplier"},
		"originator": {member: "originator"}, "downloadLocation": {member: "downloadLocation"}, "filesAnalyzed": {member: "filesAnalyzed", kind: rdfBool},
		"packageVerificationCode": {member: "packageVerificationCode", kind: rdfObject, class: "PackageVerificationCode"},
		"checksum":                {member: "checksums", kind: rdfObject, list: true, class: "Checksum"},
		"homepage":                {member: "homepage"}, "sourceInfo": {member: "sourceInfo"},
		"licenseConcluded":     {member: "licenseConcluded", kind: rdfLicense},
		"licenseInfoFromFiles": {member: "licenseInfoFromFiles", kind: rdfLicense, list: true},
		"licenseDeclared":      {member: "licenseDeclared", kind: rdfLicense},
		"licenseComments":      {member: "licenseComments"}, "copyrightText": {member: "copyrightText"}, "summary": {member: "summary"},
		"description": {member: "description"}, "comment": {member: "comment"},
		"externalRef":     {member: "externalRefs", kind: rdfObject, list: true, class: "ExternalRef"},
		"hasFile":         {member: "hasFiles", kind: rdfRef, list: true},
		"attributionText": {member: "attributionTexts", list: true}, "primaryPackagePurpose": {member: "primaryPackagePurpose", kind: rdfWord},
		"releaseDate": {member: "releaseDate"}, "builtDate": {member: "builtDate"}, "validUntilDate": {member: "validUntilDate"},
		"annotation":   {member: "annotations", kind: rdfObject, list: true, class: "Annotation"},
		"relationship": {kind: rdfRelation},
	},
	"PackageVerificationCode": {
		"packageVerificationCodeValue":        {member: "packageVerificationCodeValue"},
		"packageVerificationCodeExcludedFile": {member: "packageVerificationCodeExcludedFiles", list: true},
	},
	"ExternalRef": {
		"referenceCategory": {member: "referenceCategory", kind: rdfWord}, "referenceType": {member: "referenceType"},
		"referenceLocator": {member: "referenceLocator"}, "comment": {member: "comment"},
	},
	"File": {
		"fileName": {member: "fileName"}, "name": {member: "fileName"}, "fileType": {member: "fileTypes", kind: rdfWord, list: true},
		"checksum":          {member: "checksums", kind: rdfObject, list: true, class: "Checksum"},
		"licenseConcluded":  {member: "licenseConcluded", kind: rdfLicense},
		"licenseInfoInFile": {member: "licenseInfoInFiles", kind: rdfLicense, list: true},
		"licenseComments":   {member: "licenseComments"}, "copyrightText": {member: "copyrightText"}, "comment": {member: "comment"},
		"noticeText": {member: "noticeText"}, "fileContributor": {member: "fileContributors", list: true},
		"fileDependency": {member: "fileDependencies", kind: rdfRef, list: true}, "attributionText": {member: "attributionTexts", list: true},
		"annotation":   {member: "annotations", kind: rdfObject, list: true, class: "Annotation"},
		"relationship": {kind: rdfRelation},
	},
	"Snippet": {
		"name": {member: "name"}, "snippetFromFile": {member: "snippetFromFile", kind: rdfRef},
		"range":                {member: "ranges", kind: rdfObject, list: true, class: "StartEndPointer"},
		"licenseConcluded":     {member: "licenseConcluded", kind: rdfLicense},
		"licenseInfoInSnippet": {member: "licenseInfoInSnippets", kind: rdfLicense, list: true},
		"licenseComments":      {member: "licenseComments"}, "copyrightText": {member: "copyrightText"}, "comment": {member: "comment"},
		"attributionText": {member: "attributionTexts", list: true},
		"annotation":      {member: "annotations", kind: rdfObject, list: true, class: "Annotation"},
		"relationship":    {kind: rdfRelation},
	},
	"StartEndPointer": {
		"startPointer": {member: "startPointer", kind: rdfObject, class: "Pointer"}, "endPointer": {member: "endPointer", kind: rdfObject, class: "Pointer"},
	},
	"Pointer": {
		"offset": {member: "offset", kind: rdfNumber}, "lineNumber": {member: "lineNumber", kind: rdfNumber}, "reference": {member: "reference", kind: rdfRef},
	},
	"ExtractedLicensingInfo": {
		"licenseId": {member: "licenseId"}, "extractedText": {member: "extractedText"}, "name": {member: "name"}, "comment": {member: "comment"},
		"seeAlso": {member: "seeAlsos", list: true},
	},
	"Relationship": {
		"relationshipType": {member: "relationshipType", kind: rdfWord}, "relatedSpdxElement": {member: "relatedSpdxElement", kind: rdfRef},
		"comment": {member: "comment"},
	},
}

// rdfMembers are the properties that are kept, so that a licence's many others, whole
// texts in HTML among them, cost nothing.
var rdfMembers = func() map[string]string {
	all := map[string]string{}
	for _, members := range rdfClasses {
		for name := range members {
			all[name] = name
		}
	}
	for _, name := range [...]string{"member", "licenseException", "licenseExceptionId"} {
		all[name] = name
	}
	return all
}()
