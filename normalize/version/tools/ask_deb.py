import subprocess, sys
# dpkg's own comparison, asked by the command line. A version that `--validate-version` refuses is left out.
print("#", subprocess.run(["dpkg", "--version"], capture_output=True, text=True).stdout.split("\n")[0])


def valid(v):
    return subprocess.run(["dpkg", "--validate-version", v], capture_output=True).returncode == 0


def holds(a, op, b):
    return subprocess.run(["dpkg", "--compare-versions", a, op, b], capture_output=True).returncode == 0


for line in sys.stdin:
    a, b = line.rstrip("\n").split("\t")
    if valid(a) and valid(b):
        print(a, b, -1 if holds(a, "lt", b) else 1 if holds(a, "gt", b) else 0, sep="\t", flush=True)
