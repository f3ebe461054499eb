import re, sys
import rpm

# labelCompare orders (epoch, version, release) as rpm does; rpm.ver parses the text as rpm does.
print("#", "rpm", rpm.__version__)
ALLOWED = re.compile(r"^([0-9]{1,9}:)?[0-9A-Za-z._+~^]+(-[0-9A-Za-z._+~^]+)?$")
for line in sys.stdin:
    a, b = line.rstrip("\n").split("\t")
    if ALLOWED.match(a) and ALLOWED.match(b):
        x, y = rpm.ver(a), rpm.ver(b)
        print(a, b, -1 if x < y else 1 if x > y else 0, sep="\t", flush=True)
