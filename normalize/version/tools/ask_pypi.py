import sys
import packaging
from packaging.version import InvalidVersion, Version

print("#", "packaging", packaging.__version__)
for line in sys.stdin:
    a, b = line.rstrip("\n").split("\t")
    try:
        x, y = Version(a), Version(b)
    except InvalidVersion:
        continue
    print(a, b, (x > y) - (x < y), sep="\t", flush=True)
