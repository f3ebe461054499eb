package version

import "strings"

// Some documents carry along with a version what it was built for: the platform of a
// gem, the tags of a wheel, the runtime of a NuGet package, the architecture of an rpm
// or deb. It says nothing about the version: another build of it has the same code.

// gemSystems are the operating systems and interpreters of Gem::Platform.
var gemSystems = []string{
	"aix", "cygwin", "darwin", "macruby", "freebsd", "hpux", "java", "jruby", "dalvik", "dotnet", "linux", "mingw", "mswin",
	"netbsdelf", "openbsd", "bitrig", "solaris", "wasi", "haiku", "truffleruby",
}

// cutGemPlatform drops "-java", "-x86_64-linux-gnu", "-arm64-darwin-22", "-x64-mingw-ucrt"
// and "-ruby". A platform is [cpu-]os[-version], each part in one word.
func cutGemPlatform(s string) string {
	version, platform, found := strings.Cut(s, "-")
	if !found || version == "" {
		return s
	}
	if platform == "ruby" {
		return version
	}
	for i, part := range strings.SplitN(platform, "-", 3) {
		if i == 2 {
			break
		}
		for _, system := range gemSystems {
			if rest, found := strings.CutPrefix(lower(part), system); found && (rest == "" || !isLetter(rest[0])) {
				return version
			}
		}
		// mingw32, mswin64_140, x64-mingw-ucrt; the processor comes first.
		if !gemProcessor(part) {
			break
		}
	}
	return s
}

func gemProcessor(s string) bool {
	switch lower(s) {
	case "universal", "x64", "arm", "arm64", "aarch64", "amd64", "riscv64", "s390x", "loongarch64", "sparc", "sparc64", "mips", "mips64", "wasm32":
		return true
	}
	s = lower(s)
	return strings.HasPrefix(s, "x86") || strings.HasPrefix(s, "armv") || strings.HasPrefix(s, "ppc") || strings.HasPrefix(s, "powerpc") ||
		len(s) == 4 && s[0] == 'i' && s[2:] == "86" && isDigit(s[1])
}

// cutWheelTags drops what follows the version in the name of a wheel (PEP 427):
// "1.0-py3-none-any", "1.0-1-cp312-cp312-manylinux_2_17_x86_64.whl".
func cutWheelTags(s string) string {
	if strings.IndexByte(s, '-') < 0 {
		return s
	}
	s = strings.TrimSuffix(s, ".whl")
	parts := strings.Split(s, "-")
	n := len(parts)
	if n < 4 || !pythonTag(parts[n-3]) || !abiTag(parts[n-2]) {
		return s
	}
	if n >= 5 && isDigit(parts[n-4][0:][0]) && n-4 > 0 {
		n-- // a build number
	}
	return strings.Join(parts[:n-3], "-")
}

// pythonTag reports whether s is a tag like py3, py2.py3, cp312, pp310.
func pythonTag(s string) bool {
	for part := range strings.SplitSeq(s, ".") {
		if len(part) < 3 || !isDigit(part[2]) {
			return false
		}
		switch part[:2] {
		case "py", "cp", "pp", "ip", "jy", "gr":
		default:
			return false
		}
	}
	return true
}

func abiTag(s string) bool {
	return s == "none" || strings.HasPrefix(s, "abi") || pythonTag(s) || strings.HasPrefix(s, "pypy")
}

// runtimeSystems are the operating systems of .NET's runtime identifiers.
var runtimeSystems = []string{
	"win", "linux", "osx", "unix", "android", "ios", "iossimulator", "tvos", "maccatalyst", "browser", "freebsd", "alpine", "debian", "ubuntu",
	"rhel", "centos", "fedora", "opensuse", "sles", "ol", "any",
}

// cutRuntime drops a runtime identifier: "-win-x64", "-linux-musl-arm64",
// "-osx.11.0-arm64", "/win7-x86". Without the architecture it would be a pre-release.
func cutRuntime(s string) string {
	if version, _, found := strings.Cut(s, "/"); found {
		return version
	}
	i := strings.LastIndexByte(s, '-')
	if i < 0 {
		return s
	}
	switch lower(s[i+1:]) {
	case "x64", "x86", "arm", "arm64", "armel", "armv6", "s390x", "ppc64le", "loongarch64", "riscv64", "wasm", "mips64":
	default:
		return s
	}
	rest := strings.TrimSuffix(strings.TrimSuffix(lower(s[:i]), "-musl"), "-bionic")
	if i = strings.LastIndexByte(rest, '-'); i < 0 {
		return s
	}
	for _, system := range runtimeSystems {
		if tail, found := strings.CutPrefix(rest[i+1:], system); found && onlyNumbers(tail, ".") {
			return s[:i]
		}
	}
	return s
}

// cutArch drops the architecture that file names of packages have behind the version:
// "1.2-3.el9.x86_64" of an rpm, "1.2-3_amd64" of a deb.
func cutArch(s string, separator byte) string {
	i := strings.LastIndexByte(s, separator)
	if separator == '.' && strings.HasSuffix(s, ".x86_64") {
		i = len(s) - len(".x86_64")
	}
	if i <= 0 {
		return s
	}
	switch s[i+1:] {
	case "x86_64", "noarch", "aarch64", "i386", "i486", "i586", "i686", "ppc64", "ppc64le", "s390x", "armv7hl", "riscv64", "loongarch64", "src", "nosrc":
		if separator == '.' {
			return s[:i]
		}
	}
	switch s[i+1:] {
	case "amd64", "all", "arm64", "armel", "armhf", "i386", "mips64el", "mipsel", "ppc64el", "s390x", "riscv64", "source":
		if separator == '_' {
			return s[:i]
		}
	}
	return s
}
