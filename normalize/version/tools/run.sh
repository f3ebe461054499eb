#!/usr/bin/env bash
# Asks the ecosystems' own tools how they order our pairs of versions, and writes their
# answers to ../testdata/tools: run.sh [ECOSYSTEM...]. It needs a Debian 12 with apt, pip,
# npm, cargo, Maven and Go; the tools are installed at fixed versions below $WORK. The
# tests read the answers only. For a longer run: COUNT=20000 SEED=2 OUT=/tmp/answers run.sh,
# then SLUICE_TOOL_ANSWERS=/tmp/answers go test -run TestTools ./normalize/version
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
out=${OUT:-$here/../testdata/tools}
work=${WORK:-$(mktemp -d)}
count=${COUNT:-2000}
mkdir -p "$out" "$work"

apt() { dpkg -s "$@" >/dev/null 2>&1 || apt-get install -y -qq "$@" >/dev/null; }

# answers NAME COMMAND...: the first $count pairs that the tool takes, behind its version.
answers() {
    local name=$1
    shift
    python3 "$here/pairs.py" "$name" "${candidates:-$((count * 10))}" "${SEED:-1}" >"$work/$name.pairs"
    "$@" <"$work/$name.pairs" >"$work/$name.all" || [ "$name" = deb ]
    head -n $((count + 1)) "$work/$name.all" >"$out/$name.tsv"
    printf '%-9s %5d pairs, %s\n' "$name" $(($(wc -l <"$out/$name.tsv") - 1)) "$(head -n 1 "$out/$name.tsv")"
}

deb() { candidates=$((count * 5 / 2)) answers deb python3 "$here/ask_deb.py"; }
rpm() { apt rpm python3-rpm; answers rpm /usr/bin/python3 "$here/ask_rpm.py"; }
apk() {
    # apk-tools is in no registry that we install from: give the path of a static apk.
    : "${APK:?path of the apk binary of apk-tools 3}"
    answers apk python3 "$here/ask_apk.py" "$APK"
}
maven() {
    local v=3.9.11 jar
    mvn -q dependency:copy -Dartifact=org.apache.maven:maven-artifact:$v -DoutputDirectory="$work/maven"
    jar=$work/maven/maven-artifact-$v.jar
    answers maven java -cp "$jar" "$here/Maven.java" $v
}
pypi() {
    python3 -m venv "$work/pypi" && "$work/pypi/bin/pip" -q install packaging==25.0
    answers pypi "$work/pypi/bin/python" "$here/ask_pypi.py"
}
gem() { apt ruby; answers gem ruby "$here/ask_gem.rb"; }
npm() {
    command npm --prefix "$work/npm" install --silent --no-audit --no-fund semver@7.7.2 >/dev/null
    NODE_PATH=$work/npm/node_modules answers npm node "$here/ask_npm.js"
}
composer() {
    apt php-cli php-composer-semver
    TOOL_VERSION=$(dpkg-query -W -f '${Version}' php-composer-semver) answers composer php "$here/ask_composer.php"
}
nuget() {
    apt mono-runtime mono-mcs libmono-system-core4.0-cil
    command npm --prefix "$work/nuget" install --silent --no-audit --no-fund --ignore-scripts nuget-exe@5.8.0 >/dev/null
    mcs -out:"$work/nuget/pairs.exe" "$here/NuGet.cs"
    answers nuget mono "$work/nuget/pairs.exe" "$(find "$work/nuget" -name "nuget-*.exe" | head -n 1)"
}
cargo() {
    cp -r "$here/cargo" "$work/"
    (cd "$work/cargo" && command cargo build -q --release)
    answers cargo "$work/cargo/target/release/pairs"
}
conan() {
    python3 -m venv "$work/conan" && "$work/conan/bin/pip" -q install conan==2.20.1
    answers conan "$work/conan/bin/python" "$here/ask_conan.py"
}
hex() { apt elixir; answers hex elixir "$here/ask_hex.exs"; }
go() {
    mkdir -p "$work/go"
    cp "$here/go/go.mod.txt" "$work/go/go.mod"
    cp "$here/go/main.go.txt" "$work/go/main.go"
    (cd "$work/go" && command go mod tidy && command go build -o pairs .) >/dev/null 2>&1
    answers go "$work/go/pairs"
}

for name in "${@:-deb rpm apk maven pypi gem npm composer nuget cargo hex go conan}"; do
    for one in $name; do "$one"; done
done
