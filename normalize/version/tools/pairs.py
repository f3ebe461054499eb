#!/usr/bin/env python3
"""Prints pairs of versions of an ecosystem, one a line with a tab between.

    pairs.py ECOSYSTEM [COUNT [SEED]]

A pair is mostly a version and a near relative of it: another spelling, a number more, a
suffix less, for that is where orders differ. Not every version is one for the ecosystem's
tool: the scripts beside this one leave out what their tool refuses.
"""
import random
import re
import signal
import sys

# Versions as they are published, to start from.
REAL = {
    "deb": "1:2.36-9+deb12u4 2.31-13+deb11u11 3.0.11-1~deb12u2 1.1.1n-0+deb11u5 7.88.1-10+deb12u5 2:8.2.2434-3+deb12u1 5.36.0-7 1.2.13.dfsg-1 20230311 0.17029-2 2.0~rc1-1 4.9.0-1ubuntu1~20.04.1 6.1.0-5 1.0~beta3~git20200101-1 9.55.0~dfsg-4 0.0~git20210101.abc123-1 3.0.2-0ubuntu1.10 1.8.5p2-1+nmu1 10.42+dfsg1-2 1.0-0",
    "rpm": "1:3.0.7-25.el9 2.34-60.el9 3.0.7-27.el9_3.2 8.0.0-23.module+el8.10.0+21972+d7867c71 1.0~rc1-1.fc39 1.0^20230101git1234567-2 2:1.34-6.el9_1 4.18.0-477.27.1.el8_8 1.8.0.392.b08-4.el8 20230731-1.git94f0e2c.el9 6.2.3a-1 0.9.8e-7.el5 5.15.0-1001.2 1.1.1k-12.el8_9 9.0.83~beta1-3.ph5 3.11-1.azl3",
    "apk": "1.2.3-r0 3.1.4-r5 1.36.1-r15 20230506-r0 9.3_p2-r0 1.2.3_rc1-r0 2.38.1_git20230101-r1 0.9.8e-r2 1.1.1w-r1 4.0_alpha2-r0 2.0_beta3_p1-r0 1.0.5a-r3 8.5.0-r0 0.0.20210101-r0 3.21.0_alpha20240923-r0 1.02.05-r1 2.9.14_pre1-r0 1.0_cvs20100101-r0",
    "maven": "1.0 2.17.1 1.0.0.Final 5.3.18.RELEASE 3.0.0-M1 1.0-alpha-1 2.0-beta4 31.1-jre 31.1-android 1.0-SNAPSHOT 9.4.43.v20210629 1.2.17 2.0.0.RC1 1.0-rc.2 1.0.0-CR1 1.2.3-sp1 r09 Finchley.SR2 20030203.000550 1.0.GA 4.1.94.Final 1.8.0_201 2.9.10.8 1.4-b01 2.0-m4 1.0-1 1.0.1-20200101.120000-3 8.0.0-atlassian-hosted 3.2.1-redhat-00001",
    "pypi": "1.0 2.0.0rc1 2.0-rc.1 1!2.0 1.0.post1 1.0-1 1.0.dev3 1.0a1 1.0b2.dev4 2.1.0+cu118 1.0+local.1 3.0.0.0 2023.7.22 0.1.0alpha2 1.0c1 1.0preview3 1.0.rev2 1.0r5 v1.2 1.0a.post1.dev3 5.0.0.post20200101 1.1.0.post1+abc.7 0.0.1 4.2.16",
    "gem": "1.0.0 5.2.3.1 7.0.0.rc1 1.0.0.beta2 2.0.0.pre 1.13.0.a 3.0.0.pre.rc.1 0.9.28 1.2 4.0.0.beta1.1 1.0.0-alpha 6.1.7.8 2.3.0.20190101 1.a 1.0.0.a.0.1",
    "npm": "1.2.3 1.0.0-rc.1 2.0.0-alpha.10 1.0.0-beta 4.17.21 0.0.1 1.0.0-0 5.0.0-next.123 1.0.0+build.5 1.0.0-rc.1+sha.5114f85 0.0.0-canary-20200101 1.0.0-alpha.beta 1.0.0--5 3.0.0-x.7.z.92",
    "composer": "1.0.0 v2.3.4 5.4.21 1.0.0-beta1 2.0-RC3 1.0.0-alpha.2 1.0.0p1 1.2.3-patch2 3.0.x-dev 2010.01.02 20100102 1.0.0.0 1.0-stable 1.0.0-dev 2.1.0-beta.2-dev 8.x-dev 1.0.0+build 10.4.35 1.0b2 2.0pl4 1.0.0-RC1-dev",
    "nuget": "1.0.0 1.0.0.0 13.0.1 4.3.0-preview1 6.0.0-rc.2.21480.5 1.2.3.4 1.0.0-beta+meta 2.0.0-BETA.1 1.0 01.02.03 5.0.0-alpha.10",
    "cargo": "1.0.0 0.4.2 1.2.3-alpha.1 0.1.0-rc.1 1.0.0+build 0.0.0-0 2.0.0-beta.11 0.9.36+deprecated 1.0.0-pre.1+x",
    "conan": "1.1.1k 1.1.1 3.0.8 1.2.13 cci.20200521 8.1.1 1.81.0 2.0.0-rc1 1.0.0-pre.1+build 9e 5.15.2 0.9.1-alpha 1.0+2 system 1.3a 20210324.2",
    "hex": "1.0.0 1.7.10 0.4.2-rc.1 1.0.0-dev 2.0.0-alpha.3+build 1.0.0+20130313144700",
    "go": "1.2.3 0.0.0-20200101000000-abcdef123456 2.0.0+incompatible 1.2.3-0.20210101120000-abcdef123456 1.0.0-rc.1 1.2.4-beta.1.0.20210101120000-abcdef123456 0.5.0 1 1.18",
}


def number(r):
    k = r.random()
    if k < 0.55:
        return str(r.randrange(4))
    if k < 0.8:
        return str(r.randrange(30))
    if k < 0.9:
        return str(r.randrange(2000))
    if k < 0.95:
        return "0" + str(r.randrange(12))
    return str(r.choice([20200101, 20230731, 99999, 123456789, 2147483648, 900719925474099]))


def dotted(r, least, most):
    return ".".join(number(r) for _ in range(r.randint(least, most)))


def word(r, words):
    w = r.choice(words)
    return w.upper() if r.random() < 0.08 else w.capitalize() if r.random() < 0.05 else w


def deb(r):
    v = dotted(r, 1, 4)
    if r.random() < 0.3:
        v += r.choice(["a", "b2", "p1", "rc1", "+dfsg", "+git20200101", "~rc1", "~beta2", "~", "~~", "~~a", ".ds1", "-1", "+really1.0", "+~1.2"])
    if r.random() < 0.3:
        v += r.choice(["~", "+", ".", "~rc", "+b"]) + number(r)
    if r.random() < 0.75:
        v += "-" + r.choice(["0", "1", "2", "10", "0ubuntu1", "1ubuntu2", "1+b1", "1~bpo12+1", "1.1", "0.1", "2+deb12u" + number(r), "1~deb12u1", "01"])
    if r.random() < 0.2:
        v = r.choice(["0:", "1:", "2:", "01:", "10:"]) + v
    return v


def rpm(r):
    v = dotted(r, 1, 4)
    if r.random() < 0.35:
        v += r.choice(["a", "b2", "p1", "rc1", "~rc1", "~beta2", "^git1", "^20200101", "~", "^", "~~", "_1", ".x", "+git", "..1", "a.b", "~rc1^git2", "^1~rc1"])
    if r.random() < 0.8:
        v += "-" + r.choice(["0", "1", "2", "10", "01"]) + r.choice(["", ".el9", ".el8", ".el9_3", ".el9_3.1", ".fc39", ".module+el8.10.0+21972+d7867c71", ".1", ".ph5", "~1", "^2", ".a"])
    if r.random() < 0.25:
        v = r.choice(["0:", "1:", "2:", "10:", "01:"]) + v
    return v


def apk(r):
    v = dotted(r, 1, 4)
    if r.random() < 0.2:
        v += r.choice("abpz")
    for _ in range(r.choice([0, 0, 1, 1, 2])):
        v += "_" + r.choice(["alpha", "beta", "pre", "rc", "cvs", "svn", "git", "hg", "p"]) + r.choice(["", "0", "1", "2", "10", "01", "20200101"])
    if r.random() < 0.08:
        v += "~" + r.choice(["abcdef1", "0123abc", "9", "a"])
    if r.random() < 0.75:
        v += "-r" + r.choice(["0", "1", "2", "10", "01"])
    return v


MAVEN = ["alpha", "beta", "milestone", "rc", "cr", "snapshot", "ga", "final", "release", "sp", "a", "b", "m", "x", "jre", "android", "redhat", "v", "xyz", "pre", "dev", "abc"]


def maven(r):
    v = dotted(r, 1, 4)
    for _ in range(r.choice([0, 1, 1, 2, 3])):
        v += r.choice([".", "-", "", "_"])
        v += word(r, MAVEN) if r.random() < 0.65 else number(r)
        if r.random() < 0.4:
            v += r.choice(["", "-", "."]) + number(r)
    return v


def pypi(r):
    v = dotted(r, 1, 4)
    sep = lambda: r.choice(["", "", "", ".", "-", "_"])
    if r.random() < 0.45:
        v += sep() + word(r, ["a", "b", "c", "rc", "alpha", "beta", "pre", "preview"]) + sep() + r.choice(["", "0", "1", "2", "10", "01"])
    if r.random() < 0.25:
        v += r.choice(["-" + number(r), sep() + word(r, ["post", "rev", "r"]) + sep() + r.choice(["", "0", "1", "2", "10"])])
    if r.random() < 0.25:
        v += sep() + word(r, ["dev"]) + sep() + r.choice(["", "0", "1", "2", "10"])
    if r.random() < 0.2:
        v += "+" + r.choice(["cu118", "local.1", "1", "01", "abc", "ABC", "abc-1", "abc_1", "1.abc", "10", "a.1.b"])
    if r.random() < 0.1:
        v = r.choice(["0!", "1!", "2!"]) + v
    if r.random() < 0.08:
        v = r.choice("vV") + v
    return v


def gem(r):
    v = dotted(r, 1, 4)
    for _ in range(r.choice([0, 0, 1, 2, 3])):
        v += r.choice([".", ".", ".", "-"])
        v += r.choice(["rc", "a", "b", "beta", "pre", "alpha", "rc1", "beta2", "0", "1", "2", "00", "a0", "1a", "B", "20200101"])
    return v


def semver(r, numbers=(3, 3), build=0.2, case=False):
    v = ".".join(str(int(number(r))) for _ in range(r.randint(*numbers)))
    if r.random() < 0.5:
        ids = [r.choice(["alpha", "beta", "rc", "0", "1", "2", "10", "11", "x", "a-b", "-", "-5", "rc1", "rc10", "next", "20200101", "RC", "z", "1a", "A", "Beta"]) for _ in range(r.choice([1, 1, 2, 2, 3]))]
        v += "-" + ".".join(ids)
    if r.random() < build:
        v += "+" + r.choice(["build", "1", "2", "10", "sha.5114f85", "a.b", "001", "-"])
    return v


def npm(r):
    v = semver(r)
    return r.choice(["v", "=", "=v", " "]) + v if r.random() < 0.1 else v


def go(r):
    v = semver(r, numbers=(3, 3))
    k = r.random()
    if k < 0.15:
        v = semver(r, numbers=(3, 3), build=0).split("-")[0] + "-0.2020010112000%d-abcdef12345%d" % (r.randrange(10), r.randrange(10))
    elif k < 0.25:
        v = v.split("+")[0] + "+incompatible"
    elif k < 0.3:
        v = ".".join(str(int(number(r))) for _ in range(r.randint(1, 2)))
    return v


def composer(r):
    k = r.random()
    if k < 0.08:
        return r.choice(["", "v"]) + ".".join([str(r.randrange(12))] + [r.choice(["x", "X", "*", "1", "0"]) for _ in range(r.randint(0, 3))]) + r.choice(["-dev", ".dev", "dev"])
    if k < 0.14:
        s = r.choice(["", "-", "."])
        return "20%02d%s%02d%s%02d" % (r.randrange(30), s, r.randrange(1, 13), s, r.randrange(1, 29)) + r.choice(["", s + "%02d" % r.randrange(30), "-1", "-beta1"])
    v = dotted(r, 1, 4)
    if r.random() < 0.5:
        v += r.choice(["", "-", ".", "_"]) + word(r, ["stable", "beta", "b", "RC", "alpha", "a", "patch", "pl", "p", "dev"]) + r.choice(["", "", "1", "2", "10", ".1", "-1", "01", "1.2", "0"])
    if r.random() < 0.12:
        v += r.choice(["-dev", ".dev", "dev"])
    if r.random() < 0.1:
        v += r.choice(["+build", "+1.2"])
    if r.random() < 0.12:
        v = r.choice("vV") + v
    if r.random() < 0.06:
        v += r.choice(["@dev", "@stable", "@beta", "@RC", "@alpha"])
    return v


def conan(r):
    v = dotted(r, 1, 4)
    if r.random() < 0.3:
        v += r.choice(["a", "b", "k", "w", "rc1", ".beta1", "_1", ".x", "p2"])
    if r.random() < 0.3:
        v += "-" + r.choice(["rc1", "rc.2", "alpha", "1", "10", "pre.1", "-5", "0", "a-b", "beta.0"])
    if r.random() < 0.2:
        v += "+" + r.choice(["1", "2", "build", "10", "a.b", "0", "1.0"])
    return v


def nuget(r):
    return semver(r, numbers=(1, 4))


GENERATORS = {
    "deb": deb, "rpm": rpm, "apk": apk, "maven": maven, "pypi": pypi, "gem": gem, "npm": npm, "composer": composer,
    "nuget": nuget, "conan": conan, "cargo": semver, "hex": semver, "go": go,
}


def runs(v):
    """Cuts v into runs of digits, runs of letters and single other characters."""
    out, kind = [], None
    for c in v:
        k = "d" if c.isdigit() else "l" if c.isalpha() else None
        if k and k == kind:
            out[-1] += c
        else:
            out.append(c)
        kind = k
    return out


def relative(r, v, generate):
    """A version that is close to v."""
    parts = runs(v)
    i = r.randrange(len(parts))
    k = r.random()
    if k < 0.2 and parts[i].isdigit():
        parts[i] = r.choice([str(int(parts[i]) + 1), str(max(0, int(parts[i]) - 1)), "0" + parts[i], "0", parts[i] + "0"])
    elif k < 0.32:
        del parts[i]
    elif k < 0.42:
        parts.insert(i + 1, r.choice([".0", ".1", "0", "-", ".", "a", "~", "^", "_", "+", "-1", ".0.0"]))
    elif k < 0.5:
        parts = parts[:i + 1]
    elif k < 0.58:
        parts[i] = parts[i].swapcase() if r.random() < 0.6 else r.choice([".", "-", "_", ""])
    elif k < 0.78:
        # The tail of another version behind the head of this one.
        other = runs(generate(r))
        parts = parts[:i + 1] + other[min(i + 1, len(other)):]
    elif k < 0.9:
        parts.append(r.choice([".0", ".0.0", "-0", "-r0", "-1", ".1", "a", "-rc1", "rc1", "+1", "~rc1", ".final", "-ga", "-SNAPSHOT", ".pre", "-dev", ".post1", "p1", "-alpha"]))
    else:
        parts = [{"rc": "c", "c": "rc", "alpha": "a", "a": "alpha", "beta": "b", "b": "beta", "pre": "preview", "final": "ga", "ga": "release",
                  "m": "milestone", "cr": "rc", "p": "pl", "pl": "patch", "post": "r", "rev": "post", "x": "X"}.get(p, p) for p in parts]
    return "".join(parts) or v


def main():
    name = sys.argv[1]
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 6000
    seed = sys.argv[3] if len(sys.argv) > 3 else "1"
    generate = GENERATORS[name]
    # A string as seed is hashed by the generator itself, the same in every Python 3.
    r = random.Random(name + "/" + seed)
    real = REAL[name].split()
    seen = set()
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    while len(seen) < count:
        a = r.choice(real) if r.random() < 0.3 else generate(r)
        k = r.random()
        if k < 0.1:
            b = generate(r)
        elif k < 0.2:
            b = r.choice(real)
        else:
            b = a
            for _ in range(r.choice([1, 1, 1, 2, 3])):
                b = relative(r, b, generate)
        # A version without a digit is none to Sluice, whatever the tool says.
        if a == b and r.random() < 0.9 or len(a) > 60 or len(b) > 60 or (a, b) in seen or not all(re.search("[0-9]", v.split(":")[-1]) for v in (a, b)):
            continue
        seen.add((a, b))
        print(a, b, sep="\t")


main()
