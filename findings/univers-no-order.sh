#!/bin/sh
# Versions: univers 32.0.1 has versions of which none is smaller and which are not equal.
#
#   Semver     1.0.0+a               1.0.0+b    not <, not >, not =
#   Golang     v1.0.0+incompatible   v1.0.0     not <, not >, not =
#   Composer   1.0.0                 1.0.0.0    not <, not >, not =
#
# Build metadata (and a fourth zero) count for equality and not for the order. Sorting such
# versions keeps the order that they came in: sorted() of the same three versions gives
# another list for another start.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check univers==32.0.1
venv/bin/python - <<'PY'
from univers.versions import ComposerVersion, GolangVersion, SemverVersion

changed = False
for kind, a, b in [
    (SemverVersion, "1.0.0+a", "1.0.0+b"),
    (GolangVersion, "v1.0.0+incompatible", "v1.0.0"),
    (ComposerVersion, "1.0.0", "1.0.0.0"),
]:
    x, y = kind(a), kind(b)
    said = [x < y, x > y, x == y]
    print(kind.__name__, a, b, "smaller, greater, equal:", said)
    changed |= said != [False, False, False]
there = [str(v) for v in sorted([SemverVersion("1.0.0+a"), SemverVersion("1.0.0+b")])]
back = [str(v) for v in sorted([SemverVersion("1.0.0+b"), SemverVersion("1.0.0+a")])]
print("sorted:", there, "and", back)
changed |= there == back
if changed:
    raise SystemExit("it has changed")
PY
echo 'as described'
