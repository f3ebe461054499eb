#!/bin/sh
# Fills a new database with the program of a release, for ../dump:
#
#   git worktree add OLD COMMIT && (cd OLD && go build -o bin/sluice ./cmd/sluice)
#   SLUICE_HOME=$(mktemp -d) ./make.sh OLD
#
# Two tenants: `example` has what `make demo` of that release shows; `field` the documents
# beside this script, each one a kind of document that a later release reads better, in an
# order that matters. At the end it says how to dump.
set -eu
old=$(cd "$1" && pwd)
documents=$(cd "$(dirname "$0")" && pwd)/documents
sluice=$old/bin/sluice
cd "$old"

# import FLAGS...: 3 is the status where documents were parked.
import() { "$sluice" ingest file "$@" || [ $? -eq 3 ]; }

"$sluice" tenant create example
"$sluice" tenant create field
import fixtures/feed --shared
import fixtures/documents --tenant example --wait
"$sluice" vex decide --tenant example --package pkg:npm/lodash@4.17.20 --vuln CVE-2099-1001 \
	--status not_affected --rationale 'template() is never called' --proof https://example.com/ticket/1 --wait
cd "$documents" # the paths are kept as origins, so they are short ones
for document in *; do
	import "$document" --tenant field
done
"$sluice" vex decide --tenant field --package pkg:npm/sail@1.0.0 --vuln CVE-2098-0007 \
	--status not_affected --rationale 'rowed' --wait
for tenant in example field; do
	"$sluice" findings --tenant "$tenant" --status all
	"$sluice" unknowns --tenant "$tenant"
	"$sluice" parked list --tenant "$tenant"
done
cat <<END
Now dump it, as the superuser whose password is in $SLUICE_HOME/postgres-passwords.json, while
$sluice database run
runs beside it.
END
