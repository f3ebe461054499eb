#!/usr/bin/env bash
# Software:  npm package semver 7.8.6, Node.js
# Expected:  In loose mode 1.2.34.5 is either no version, as 1.2.3.4 is none, or a version of 1.2.34.
# Behaviour: It is 1.2.3-4.5: the pattern gives the last digit of the third number to the pre-release.
#            So it comes before 1.2.3, and 1.2.34.5 is in the range <1.2.4 (with pre-releases).
# Seen:      1.2.3.4 null
#            1.2.34.5 1.2.3-4.5
#            1.2.34.5 < 1.2.3: true
# Ends with 0 while it is so, with 1 when it has changed.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-audit --no-fund semver@7.8.6 >/dev/null
got=$(node -e '
const semver = require("semver"), loose = { loose: true }
console.log("1.2.3.4", semver.parse("1.2.3.4", loose))
console.log("1.2.34.5", semver.parse("1.2.34.5", loose).version)
console.log("1.2.34.5 < 1.2.3:", semver.lt("1.2.34.5", "1.2.3", loose))')
printf '%s\n' "$got"
[ "$got" = "1.2.3.4 null
1.2.34.5 1.2.3-4.5
1.2.34.5 < 1.2.3: true" ] || { echo "changed" >&2; exit 1; }
