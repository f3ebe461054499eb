package backup

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
)

// LSN is a place in the WAL: bytes since the cluster was made.
type LSN uint64

func (l LSN) String() string { return fmt.Sprintf("%X/%X", uint32(l>>32), uint32(l)) }

// ParseLSN reads PostgreSQL's form of one, 16/B374D848.
func ParseLSN(s string) (LSN, error) {
	var high, low uint32
	if n, err := fmt.Sscanf(s, "%X/%X", &high, &low); err != nil || n != 2 {
		return 0, fmt.Errorf("%q is no place in the WAL such as 16/B374D848", s)
	}
	return LSN(high)<<32 | LSN(low), nil
}

// MarshalText and UnmarshalText are for JSON.
func (l LSN) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

func (l *LSN) UnmarshalText(b []byte) (err error) {
	*l, err = ParseLSN(string(b))
	return err
}

var _ json.Marshaler = (*systemID)(nil)

// systemID is the number of a cluster. JSON's numbers are too short for it.
type systemID uint64

func (s systemID) String() string               { return strconv.FormatUint(uint64(s), 10) }
func (s systemID) MarshalJSON() ([]byte, error) { return []byte(`"` + s.String() + `"`), nil }

func (s *systemID) UnmarshalJSON(b []byte) error {
	text, err := strconv.Unquote(string(b))
	if err != nil {
		return err
	}
	n, err := strconv.ParseUint(text, 10, 64)
	*s = systemID(n)
	return err
}

// segment is a file of WAL: the number'th of its size since the cluster was made, on a timeline.
type segment struct {
	timeline uint32
	number   uint64
}

// name is PostgreSQL's: timeline, and the number in two halves of 4 GB.
func (s segment) name(size uint64) string {
	per := uint64(1<<32) / size
	return fmt.Sprintf("%08X%08X%08X", s.timeline, s.number/per, s.number%per)
}

func segmentOf(timeline uint32, at LSN, size uint64) segment {
	return segment{timeline, uint64(at) / size}
}

// lastSegment is the one that holds the byte before at.
func lastSegment(timeline uint32, at LSN, size uint64) segment {
	return segment{timeline, (uint64(at) - 1) / size}
}

func (s segment) start(size uint64) LSN { return LSN(s.number * size) }
func (s segment) end(size uint64) LSN   { return LSN((s.number + 1) * size) }

var (
	segmentName = regexp.MustCompile(`^([0-9A-F]{8})([0-9A-F]{8})([0-9A-F]{8})$`)
	historyName = regexp.MustCompile(`^[0-9A-F]{8}\.history$`)
	backupName  = regexp.MustCompile(`^[0-9A-F]{24}\.[0-9A-F]{8}\.backup$`)
	partialName = regexp.MustCompile(`^[0-9A-F]{24}\.partial$`)
)

func parseSegment(name string, size uint64) (segment, bool) {
	m := segmentName.FindStringSubmatch(name)
	if m == nil {
		return segment{}, false
	}
	var n [3]uint64
	for i := range n {
		n[i], _ = strconv.ParseUint(m[i+1], 16, 32)
	}
	per := uint64(1<<32) / size
	return segment{uint32(n[0]), n[1]*per + n[2]}, n[2] < per
}

// segmentSize tells a size that PostgreSQL allows.
func segmentSize(n uint64) bool { return n >= 1<<20 && n <= 1<<30 && n&(n-1) == 0 }
