package main

import (
	"fmt"
	"os"

	"github.com/spf13/pflag"

	"sluice/ingest"
	"sluice/normalize/seal"
)

// sealFlags say whose signatures documents are to have.
type sealFlags struct {
	keys    []string
	require bool
}

func (f *sealFlags) add(fl *pflag.FlagSet) {
	fl.StringSliceVar(&f.keys, "verify-key", nil, "file with public keys to check signatures of documents with: PEM (ECDSA, Ed25519, RSA) or OpenPGP; may be given several times")
	fl.BoolVar(&f.require, "require-signature", false, "park documents without a signature by one of these keys, for the reason signature")
}

// set reads the keys for an import.
func (f *sealFlags) set(cfg *ingest.Config) error {
	if f.require && len(f.keys) == 0 {
		return usagef("--require-signature needs the keys: --verify-key FILE")
	}
	cfg.RequireSignature = f.require
	if len(f.keys) == 0 {
		return nil
	}
	cfg.Keys = &seal.Keys{}
	for _, name := range f.keys {
		content, err := os.ReadFile(name)
		if err != nil {
			return fmt.Errorf("--verify-key: %w", err)
		}
		if err := cfg.Keys.Add(name, content); err != nil {
			return usagef("--verify-key: %v", err)
		}
	}
	return nil
}
