import re
import sys

import conan
from conan.tools.scm import Version

print("#", "conan", conan.__version__)
# Conan takes any text; these are the characters that a reference may hold, without empty parts.
PARTS = r"[0-9A-Za-z_%s]+(\.[0-9A-Za-z_%s]+)*"
ALLOWED = re.compile("^%s(-%s)?(\\+%s)?$" % (PARTS % ("", ""), PARTS % ("-", "-"), PARTS % ("-", "-")))
for line in sys.stdin:
    a, b = line.rstrip("\n").split("\t")
    if ALLOWED.match(a) and ALLOWED.match(b):
        x, y = Version(a), Version(b)
        print(a, b, -1 if x < y else 1 if x > y else 0, sep="\t", flush=True)
