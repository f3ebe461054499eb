#!/bin/sh
# SPDX: tools-golang v0.5.7 refuses a snippet after a package in tag-value form.
#
# In SPDX 2.2 and 2.3 a snippet names its file (SnippetFromFileSPDXID), so it may stand
# anywhere after it. In the document below it follows a package that comes after the file:
#
#   received unknown tag SnippetSPDXID in Package section
#
# and the whole document is lost. With the package before the file it is read.
set -eu
dir=$(mktemp -d)
trap 'chmod -R u+w "$dir"; rm -rf "$dir"' EXIT
cd "$dir"

cat >head.spdx <<'END'
SPDXVersion: SPDX-2.2
DataLicense: CC0-1.0
SPDXID: SPDXRef-DOCUMENT
DocumentName: example
DocumentNamespace: https://example.com/spdx/1
Creator: Person: Jane Doe
Created: 2024-01-01T00:00:00Z

END
cat >file.spdx <<'END'
FileName: ./src/a.c
SPDXID: SPDXRef-File
FileChecksum: SHA1: 2fd4e1c67a2d28fced849ee1bb76e7391b93eb12
LicenseConcluded: MIT
LicenseInfoInFile: MIT
FileCopyrightText: NONE

END
cat >package.spdx <<'END'
PackageName: p
SPDXID: SPDXRef-Package
PackageDownloadLocation: NOASSERTION
FilesAnalyzed: false
PackageLicenseConcluded: NOASSERTION
PackageLicenseDeclared: NOASSERTION
PackageCopyrightText: NOASSERTION

END
cat >snippet.spdx <<'END'
SnippetSPDXID: SPDXRef-Snippet
SnippetFromFileSPDXID: SPDXRef-File
SnippetByteRange: 310:420
SnippetLicenseConcluded: MIT
SnippetCopyrightText: NONE
END
cat >main.go <<'GO'
package main

import (
	"fmt"
	"os"

	"github.com/spdx/tools-golang/tagvalue"
)

func main() {
	_, err := tagvalue.Read(os.Stdin)
	fmt.Println(err)
}
GO
go mod init example >/dev/null 2>&1
go get github.com/spdx/tools-golang@v0.5.7 >/dev/null 2>&1
go mod tidy >/dev/null 2>&1
go build -o read .
a=$(cat head.spdx package.spdx file.spdx snippet.spdx | ./read)
b=$(cat head.spdx file.spdx package.spdx snippet.spdx | ./read)
echo "snippet after its file: $a"
echo "snippet after a package: $b"
[ "$a" = '<nil>' ] && [ "$b" = 'received unknown tag SnippetSPDXID in Package section' ] || { echo 'it has changed'; exit 1; }
echo 'as described'
