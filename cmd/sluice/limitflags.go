package main

import (
	"github.com/spf13/pflag"

	"sluice/normalize"
)

// limitFlags bound what one document and one archive may cost.
type limitFlags struct{ normalize.Limits }

func (f *limitFlags) add(fl *pflag.FlagSet) {
	d := normalize.DefaultLimits
	fl.IntVar(&f.MaxDepth, "limit-depth", d.MaxDepth, "levels of nesting of a document")
	fl.IntVar(&f.MaxComponents, "limit-components", d.MaxComponents, "components of an SBOM, or products of all statements, of one document")
	fl.Int64Var(&f.MaxString, "limit-string-bytes", d.MaxString, "longest string of a document, in bytes")
	fl.IntVar(&f.MaxEntries, "limit-entries", d.MaxEntries, "entries of one archive")
	fl.Int64Var(&f.MaxArchive, "limit-archive-bytes", d.MaxArchive, "bytes of one archive, unpacked, all entries together")
	fl.Int64Var(&f.MaxRatio, "limit-ratio", d.MaxRatio, "how many times the bytes of a compressed stream it may become; counts from 8 MiB on")
	fl.IntVar(&f.MaxLayers, "limit-layers", d.MaxLayers, "wrappers inside wrappers: gzip in zip in tar")
}

// check returns a usage error where a limit makes no sense: 0 would be the default, unnoticed.
func (f *limitFlags) check() error {
	for _, c := range []struct {
		name             string
		value, low, high int64
	}{
		{"limit-depth", int64(f.MaxDepth), 8, 10_000},
		{"limit-components", int64(f.MaxComponents), 1, 100_000_000},
		{"limit-string-bytes", f.MaxString, 1 << 10, 1 << 28},
		{"limit-entries", int64(f.MaxEntries), 1, 1 << 31},
		{"limit-archive-bytes", f.MaxArchive, 1 << 20, 1 << 46},
		{"limit-ratio", f.MaxRatio, 10, 1 << 30},
		{"limit-layers", int64(f.MaxLayers), 1, 32},
	} {
		if c.value < c.low || c.value > c.high {
			return usagef("--%s %d: it is %d to %d", c.name, c.value, c.low, c.high)
		}
	}
	return nil
}
