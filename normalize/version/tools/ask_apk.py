import subprocess
import sys

# apk's own comparison: `apk version -t A B` prints <, = or >, and `-c` the versions that are none.
apk = sys.argv[1]
print("#", subprocess.run([apk, "--version"], capture_output=True, text=True).stdout.strip())
for line in sys.stdin:
    a, b = line.rstrip("\n").split("\t")
    if subprocess.run([apk, "version", "-c", a, b], capture_output=True).returncode == 0:
        sign = subprocess.run([apk, "version", "-t", a, b], capture_output=True, text=True).stdout.strip()
        print(a, b, {"<": -1, "=": 0, ">": 1}[sign], sep="\t", flush=True)
