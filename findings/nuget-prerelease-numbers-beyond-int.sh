#!/usr/bin/env bash
# Software:  NuGet.Versioning in nuget.exe 5.8.0 (npm package nuget-exe 5.8.0), on Debian's mono-runtime
# Expected:  Semantic Versioning 2.0.0, section 11.4, which NuGet says it follows: "Identifiers consisting of
#            only digits are compared numerically", those with letters or hyphens as text.
# Behaviour: An identifier is a number if it fits into an int of C#. So longer ones are compared as text:
#            1.0.0-ci.10000000000 comes before 1.0.0-ci.9999999999, so a build number that grows past ten digits
#            makes every later build an older one. And "-5" is taken for a negative number: 1.0.0--5 comes
#            before 1.0.0-0.
# Seen:      1.0.0-ci.10000000000 < 1.0.0-ci.9999999999
#            1.0.0--5 < 1.0.0-0
# Ends with 0 while it is so, with 1 when it has changed. Needs mono and mcs (apt-get install mono-runtime mono-mcs).
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
command -v mcs >/dev/null || apt-get install -y -qq mono-runtime mono-mcs libmono-system-core4.0-cil >/dev/null
npm install --silent --no-audit --no-fund --ignore-scripts nuget-exe@5.8.0 >/dev/null
cat >Order.cs <<'CS'
using System;
using System.Reflection;

class Order {
    static void Main(string[] v) {
        var type = Assembly.LoadFrom(v[0]).GetType("NuGet.Versioning.NuGetVersion", true);
        for (int i = 1; i < v.Length; i += 2) {
            var a = (IComparable)Activator.CreateInstance(type, v[i]);
            int c = a.CompareTo(Activator.CreateInstance(type, v[i + 1]));
            Console.WriteLine(v[i] + (c < 0 ? " < " : c > 0 ? " > " : " = ") + v[i + 1]);
        }
    }
}
CS
mcs -out:order.exe Order.cs
got=$(mono order.exe node_modules/nuget-exe/nuget-5.8.0.exe \
    1.0.0-ci.10000000000 1.0.0-ci.9999999999 1.0.0--5 1.0.0-0)
printf '%s\n' "$got"
[ "$got" = "1.0.0-ci.10000000000 < 1.0.0-ci.9999999999
1.0.0--5 < 1.0.0-0" ] || { echo "changed" >&2; exit 1; }
