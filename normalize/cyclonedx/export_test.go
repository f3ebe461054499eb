package cyclonedx

import "sluice/normalize"

// BinaryForm is the binary form of a text document.
func BinaryForm(text []byte) ([]byte, error) {
	return binaryForm(text, normalize.DefaultLimits, func(string, string, string, ...any) {})
}
