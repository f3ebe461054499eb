// Package bomlink reads BOM-Links, by which CycloneDX, CSAF and OpenVEX documents name a
// part of a CycloneDX BOM: urn:cdx:SERIAL/VERSION#BOM-REF.
package bomlink

import (
	"errors"
	"net/url"
	"strings"

	"sluice/normalize/purl"
)

// Prefix starts a BOM-Link.
const Prefix = "urn:cdx:"

// Errors of Parse.
var (
	ErrSerial  = errors.New("names no BOM by its serial number: write urn:cdx:SERIAL/VERSION#BOM-REF")
	ErrVersion = errors.New("has a version that is no whole number: write urn:cdx:SERIAL/VERSION#BOM-REF")
	ErrRef     = errors.New("names nothing after its #")
	ErrLong    = errors.New("is too long")
)

// maxLink is in bytes; what is longer cannot be looked up.
const maxLink = 2000

// Is reports whether s claims to be a BOM-Link.
func Is(s string) bool { return len(s) >= len(Prefix) && strings.EqualFold(s[:len(Prefix)], Prefix) }

// Parse takes a BOM-Link apart. Serial is the bare UUID in lower case, ref "" where the
// link means the BOM as a whole. A missing version is forgiven: nothing depends on it.
func Parse(s string) (serial, ref string, err error) {
	if !Is(s) {
		return "", "", ErrSerial
	}
	if len(s) > maxLink {
		return "", "", ErrLong
	}
	link, fragment, hasFragment := strings.Cut(s[len(Prefix):], "#")
	serial, version, hasVersion := strings.Cut(link, "/")
	if serial = Serial(serial); !IsUUID(serial) {
		return "", "", ErrSerial
	}
	if hasVersion && (version == "" || strings.Trim(version, "0123456789") != "") {
		return "", "", ErrVersion
	}
	if ref = decode(fragment); hasFragment && strings.TrimSpace(ref) == "" {
		return "", "", ErrRef
	}
	return serial, ref, nil
}

// decode is the bom-ref in the fragment of a BOM-Link. It should be escaped, but a purl is
// often put there as it is: unescaping its own %40 would make another purl of it. One that
// was escaped shows it by %3A or %25.
func decode(fragment string) string {
	if purl.Is(fragment) && !strings.Contains(fragment, "%25") {
		return fragment
	}
	if ref, err := url.PathUnescape(fragment); err == nil {
		return ref
	}
	return fragment
}

// Serial is a serial number without urn:uuid:, in lower case.
func Serial(s string) string {
	return strings.TrimPrefix(strings.ToLower(strings.TrimSpace(s)), "urn:uuid:")
}

// IsUUID reports whether s is a UUID in lower case.
func IsUUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		switch hyphen := i == 8 || i == 13 || i == 18 || i == 23; {
		case hyphen && c == '-':
		case !hyphen && (c >= '0' && c <= '9' || c >= 'a' && c <= 'f'):
		default:
			return false
		}
	}
	return true
}
