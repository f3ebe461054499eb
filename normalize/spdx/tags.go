package spdx

// scope is what of a tag-value document a tag belongs to.
type scope uint8

const (
	ofDocument scope = iota
	ofCreation
	ofPackage
	ofFile
	ofSnippet
	ofLicense
	ofRelationship
	ofAnnotation
	ofReview
	ofExternalRef
	ofAnything // SPDXID: what was begun last
)

func (s scope) String() string {
	return [...]string{
		"document", "document", "package", "file", "snippet", "extracted licence", "relationship", "annotation", "review", "external reference", "document",
	}[s]
}

// shape is how the value of a tag is written in JSON.
type shape uint8

const (
	textValue  shape = iota
	listValue        // a tag that comes several times
	linksValue       // one or several, with commas in between
	boolValue
	checksumValue
	verificationValue
	externalRefValue
	externalDocumentValue
	relationshipValue
	rangeValue
)

// tag is what a tag of SPDX 2.1 to 2.3 is in JSON.
type tag struct {
	scope scope
	shape shape
	// begins is true of the tags that open an element.
	begins bool
	member string
	once   uint64 // the bit of a tag that one element has once at most
}

// tags are those of the specification, SPDX 2.1 to 2.3.
var tags = func() map[string]*tag {
	all := map[string]*tag{
		"SPDXVersion":         {scope: ofDocument, member: "spdxVersion"},
		"DataLicense":         {scope: ofDocument, member: "dataLicense"},
		"SPDXID":              {scope: ofAnything, member: "SPDXID"},
		"DocumentName":        {scope: ofDocument, member: "name"},
		"DocumentNamespace":   {scope: ofDocument, member: "documentNamespace"},
		"DocumentComment":     {scope: ofDocument, member: "comment"},
		"ExternalDocumentRef": {scope: ofDocument, shape: externalDocumentValue, member: "externalDocumentRefs"},

		"LicenseListVersion": {scope: ofCreation, member: "licenseListVersion"},
		"Creator":            {scope: ofCreation, shape: listValue, member: "creators"},
		"Created":            {scope: ofCreation, member: "created"},
		"CreatorComment":     {scope: ofCreation, member: "comment"},

		"PackageName":                 {scope: ofPackage, begins: true, member: "name"},
		"PackageVersion":              {scope: ofPackage, member: "versionInfo"},
		"PackageFileName":             {scope: ofPackage, member: "packageFileName"},
		"PackageSupplier":             {scope: ofPackage, member: "supplier"},
		"PackageOriginator":           {scope: ofPackage, member: "originator"},
		"PackageDownloadLocation":     {scope: ofPackage, member: "downloadLocation"},
		"FilesAnalyzed":               {scope: ofPackage, shape: boolValue, member: "filesAnalyzed"},
		"PackageVerificationCode":     {scope: ofPackage, shape: verificationValue, member: "packageVerificationCode"},
		"PackageChecksum":             {scope: ofPackage, shape: checksumValue, member: "checksums"},
		"PackageHomePage":             {scope: ofPackage, member: "homepage"},
		"PackageSourceInfo":           {scope: ofPackage, member: "sourceInfo"},
		"PackageLicenseConcluded":     {scope: ofPackage, member: "licenseConcluded"},
		"PackageLicenseInfoFromFiles": {scope: ofPackage, shape: listValue, member: "licenseInfoFromFiles"},
		"PackageLicenseDeclared":      {scope: ofPackage, member: "licenseDeclared"},
		"PackageLicenseComments":      {scope: ofPackage, member: "licenseComments"},
		"PackageCopyrightText":        {scope: ofPackage, member: "copyrightText"},
		"PackageSummary":              {scope: ofPackage, member: "summary"},
		"PackageDescription":          {scope: ofPackage, member: "description"},
		"PackageComment":              {scope: ofPackage, member: "comment"},
		"PackageAttributionText":      {scope: ofPackage, shape: listValue, member: "attributionTexts"},
		"PrimaryPackagePurpose":       {scope: ofPackage, member: "primaryPackagePurpose"},
		"ReleaseDate":                 {scope: ofPackage, member: "releaseDate"},
		"BuiltDate":                   {scope: ofPackage, member: "builtDate"},
		"ValidUntilDate":              {scope: ofPackage, member: "validUntilDate"},
		"ExternalRef":                 {scope: ofPackage, shape: externalRefValue, member: "externalRefs"},
		"ExternalRefComment":          {scope: ofExternalRef, member: "comment"},

		"FileName":            {scope: ofFile, begins: true, member: "fileName"},
		"FileType":            {scope: ofFile, shape: listValue, member: "fileTypes"},
		"FileChecksum":        {scope: ofFile, shape: checksumValue, member: "checksums"},
		"LicenseConcluded":    {scope: ofFile, member: "licenseConcluded"},
		"LicenseInfoInFile":   {scope: ofFile, shape: listValue, member: "licenseInfoInFiles"},
		"LicenseComments":     {scope: ofFile, member: "licenseComments"},
		"FileCopyrightText":   {scope: ofFile, member: "copyrightText"},
		"FileComment":         {scope: ofFile, member: "comment"},
		"FileNotice":          {scope: ofFile, member: "noticeText"},
		"FileContributor":     {scope: ofFile, shape: listValue, member: "fileContributors"},
		"FileAttributionText": {scope: ofFile, shape: listValue, member: "attributionTexts"},
		"FileDependency":      {scope: ofFile, shape: listValue, member: "fileDependencies"},

		"SnippetSPDXID":           {scope: ofSnippet, begins: true, member: "SPDXID"},
		"SnippetSPDXIdentifier":   {scope: ofSnippet, begins: true, member: "SPDXID"}, // as some write
		"SnippetFromFileSPDXID":   {scope: ofSnippet, member: "snippetFromFile"},
		"SnippetByteRange":        {scope: ofSnippet, shape: rangeValue, member: "offset"},
		"SnippetLineRange":        {scope: ofSnippet, shape: rangeValue, member: "lineNumber"},
		"SnippetLicenseConcluded": {scope: ofSnippet, member: "licenseConcluded"},
		"LicenseInfoInSnippet":    {scope: ofSnippet, shape: listValue, member: "licenseInfoInSnippets"},
		"SnippetLicenseComments":  {scope: ofSnippet, member: "licenseComments"},
		"SnippetCopyrightText":    {scope: ofSnippet, member: "copyrightText"},
		"SnippetComment":          {scope: ofSnippet, member: "comment"},
		"SnippetName":             {scope: ofSnippet, member: "name"},
		"SnippetAttributionText":  {scope: ofSnippet, shape: listValue, member: "attributionTexts"},

		"LicenseID":             {scope: ofLicense, begins: true, member: "licenseId"},
		"ExtractedText":         {scope: ofLicense, member: "extractedText"},
		"LicenseName":           {scope: ofLicense, member: "name"},
		"LicenseCrossReference": {scope: ofLicense, shape: linksValue, member: "seeAlsos"},
		"LicenseComment":        {scope: ofLicense, member: "comment"},

		"Relationship":        {scope: ofRelationship, begins: true, shape: relationshipValue},
		"RelationshipComment": {scope: ofRelationship, member: "comment"},

		"Annotator":         {scope: ofAnnotation, begins: true, member: "annotator"},
		"AnnotationDate":    {scope: ofAnnotation, member: "annotationDate"},
		"AnnotationType":    {scope: ofAnnotation, member: "annotationType"},
		"AnnotationComment": {scope: ofAnnotation, member: "comment"},
		"SPDXREF":           {scope: ofAnnotation}, // which element it is about

		"Reviewer":      {scope: ofReview, begins: true, member: "reviewer"},
		"ReviewDate":    {scope: ofReview, member: "reviewDate"},
		"ReviewComment": {scope: ofReview, member: "comment"},
	}
	var bits [ofAnything + 1]uint
	for _, t := range all {
		if t.shape == textValue || t.shape == boolValue || t.shape == verificationValue {
			t.once = 1 << bits[t.scope]
			bits[t.scope]++
		}
	}
	all["SPDXID"].once = 1 << 63 // it is of every scope
	return all
}()

// oldTags were of some version and say nothing that JSON has a place for.
var oldTags = map[string]bool{"ArtifactOfProjectName": true, "ArtifactOfProjectHomePage": true, "ArtifactOfProjectURI": true}
