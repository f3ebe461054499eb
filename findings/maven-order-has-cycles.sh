#!/usr/bin/env bash
# Software:  org.apache.maven:maven-artifact 3.9.11 (ComparableVersion), from Maven Central, JDK 17
# Expected:  Comparable's contract: if a < b and b < c, then a < c. Sorting versions relies on it.
# Behaviour: 1.0-0-rc1 < 1.0 < 1.0-jre < 1.0-0-rc1. "-0-rc1" is a list in a list, which comes after
#            any plain qualifier ("jre"), but before nothing at all. Which of the three is the newest
#            depends on which two are compared, and a sorted list on the order it had before.
# Seen:      1.0-0-rc1 < 1.0
#            1.0 < 1.0-jre
#            1.0-jre < 1.0-0-rc1
# Ends with 0 while it is so, with 1 when it has changed.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
mvn -q -B dependency:copy -Dartifact=org.apache.maven:maven-artifact:3.9.11 -DoutputDirectory="$dir" >/dev/null
cat >Order.java <<'JAVA'
import org.apache.maven.artifact.versioning.ComparableVersion;

public class Order {
    public static void main(String[] v) {
        for (int i = 0; i < v.length; i++) {
            String a = v[i], b = v[(i + 1) % v.length];
            int c = new ComparableVersion(a).compareTo(new ComparableVersion(b));
            System.out.println(a + (c < 0 ? " < " : c > 0 ? " > " : " = ") + b);
        }
    }
}
JAVA
got=$(java -cp maven-artifact-3.9.11.jar Order.java 1.0-0-rc1 1.0 1.0-jre)
printf '%s\n' "$got"
[ "$got" = "1.0-0-rc1 < 1.0
1.0 < 1.0-jre
1.0-jre < 1.0-0-rc1" ] || { echo "changed" >&2; exit 1; }
