package version

import (
	"encoding/binary"
	"strconv"
	"strings"
)

// nugetKey is the order of NuGet.Versioning: up to four numbers, and pre-releases
// without regard to case. What it takes for a number there is what fits into an int of
// C#, with or without a sign: "-5" comes before "0", and of two dates with time the
// digits are compared like letters.
func nugetKey(s string) (string, bool) { return nugetForm.key(cutRuntime(s)) }

func appendNuGet(b []byte, s string) []byte {
	for id := range strings.SplitSeq(s, ".") {
		if n, err := strconv.ParseInt(id, 10, 32); err == nil {
			b = binary.BigEndian.AppendUint32(append(b, 2), uint32(n)^1<<31)
		} else {
			b = append(append(append(b, 3), lower(id)...), 0)
		}
	}
	return append(b, 1)
}
