#!/bin/sh
# Compares what `sluice match` and osv-scanner find in the SBOMs of fixtures/documents with the records of fixtures/feed:
# the same files, no network but for building the program. Prints a table of all pairs that one of them finds.
#
#   internal/test/accuracy/scanners.sh [OSV-SCANNER]
#
# Needs bin/sluice (make build) and python3; builds osv-scanner v2.2.4 where none is given (some minutes).
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/../../.." && pwd -P)
dir=$(mktemp -d)
export SLUICE_EMBEDDED_LINGER=1s
trap 'sleep 3; rm -rf "$dir"' EXIT
scanner=${1:-}
if [ -z "$scanner" ]; then
	GOBIN=$dir/bin go install github.com/google/osv-scanner/v2/cmd/osv-scanner@v2.2.4
	scanner=$dir/bin/osv-scanner
fi
chmod 755 "$dir"
export SLUICE_HOME="$dir/sluice"
"$root/bin/sluice" ingest file "$root/fixtures/feed" --shared >/dev/null
"$root/bin/sluice" tenant create scanners >/dev/null
"$root/bin/sluice" project --once

python3 - "$root" "$scanner" "$dir" <<'PYTHON'
import gzip, json, os, pathlib, re, subprocess, sys, zipfile

root, scanner, scratch = pathlib.Path(sys.argv[1]), sys.argv[2], pathlib.Path(sys.argv[3])

# Records by ecosystem, as osv-scanner keeps them. It reads JSON only: the one record in YAML is left out for both.
db, left_out = {}, set()
for path in sorted((root / "fixtures/feed").rglob("*")):
    if path.suffix == ".yaml":
        left_out.add(re.search(r"^id: *(\S+)", path.read_text(), re.M).group(1))
    elif path.suffix == ".json":
        record = json.loads(path.read_text())
        for base in {a["package"]["ecosystem"].split(":")[0] for a in record["affected"]}:
            db.setdefault(base, []).append(record)
for base, records in db.items():
    folder = scratch / "db/osv-scanner" / base
    folder.mkdir(parents=True)
    with zipfile.ZipFile(folder / "all.zip", "w") as z:
        for r in records:
            z.writestr(r["id"].replace(":", "_") + ".json", json.dumps(r))

# SBOMs under names that osv-scanner knows their formats by.
pairs = {}  # (SBOM, package, advisory) -> who finds it
(scratch / "in").mkdir()
for path in sorted((root / "fixtures/documents").iterdir()):
    name = path.name
    if not re.search(r"\.(cdx\.json|cdx\.xml|spdx\.json|cdx\.json\.gz)$", name) or "broken" in name or "vex" in name:
        continue
    text = gzip.decompress(path.read_bytes()) if name.endswith(".gz") else path.read_bytes()
    sbom = scratch / "in" / name.removesuffix(".gz")
    sbom.write_bytes(text)

    out = subprocess.run([root / "bin/sluice", "match", sbom, "--tenant", "scanners", "--output", "json"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True).stdout
    for m in json.loads(out):
        for advisory in m.get("advisories", []):
            p = re.sub(r"\?.*", "", m["purl"])
            pairs.setdefault((name, p, advisory), set()).add("sluice")

    run = subprocess.run([scanner, "scan", "source", "--offline", "--local-db-path", scratch / "db", "-L", sbom, "--format", "json", "--all-packages"],
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if run.returncode not in (0, 1):
        print(f"osv-scanner, {name}: status {run.returncode}: {run.stderr.decode().strip().splitlines()[-1:]}", file=sys.stderr)
        continue
    for result in json.loads(run.stdout).get("results") or []:
        for package in result["packages"]:
            for v in package.get("vulnerabilities") or []:
                p = package["package"]
                pairs.setdefault((name, p["name"] + "@" + p["version"], v["id"]), set()).add("osv-scanner")

# One of them names packages by purl, the other by name and version.
def key(p):
    p = p.replace("%40", "@").replace("%2B", "+")
    name, _, version = re.sub(r"^pkg:[a-z]+/", "", p).rpartition("@")
    return re.split("[/:]", name)[-1].lower(), re.sub(r"^v", "", version)

table = {}
for (sbom, package, advisory), who in pairs.items():
    if advisory not in left_out:
        table.setdefault((sbom, key(package), advisory), set()).update(who)
print("| SBOM | package | record | Sluice | osv-scanner |\n|---|---|---|---|---|")
for (sbom, (name, version), advisory), who in sorted(table.items()):
    print(f"| `{sbom}` | {name} {version} | {advisory} | {'found' if 'sluice' in who else ''} | {'found' if 'osv-scanner' in who else ''} |")
print(f"\nleft out, a record in YAML: {', '.join(sorted(left_out))}")
PYTHON
