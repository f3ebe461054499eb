package yamljson

import (
	"github.com/go-json-experiment/json/jsontext"
)

// isNull reports whether a plain scalar is null.
func isNull(text []byte) bool {
	switch string(text) {
	case "", "~", "null", "Null", "NULL":
		return true
	}
	return false
}

// appendPlain writes a plain scalar as what it is in JSON.
func appendPlain(b, text []byte, kind Kind) []byte {
	if isNull(text) {
		return append(b, "null"...)
	}
	switch kind {
	case Bool:
		switch string(text) {
		case "true", "True", "TRUE":
			return append(b, "true"...)
		case "false", "False", "FALSE":
			return append(b, "false"...)
		}
	case Number:
		if len(text) < 25 && jsontext.Value(text).IsValid() && (text[0] == '-' || text[0] >= '0' && text[0] <= '9') {
			return append(b, text...)
		}
	}
	return appendText(b, text)
}

// appendText writes a string. Nearly all need no escape.
func appendText(b, text []byte) []byte {
	for _, c := range text {
		if !plainByte[c] || c == '"' || c == '\\' || c == '\n' {
			b, _ = jsontext.AppendQuote(b, text) // it is UTF-8
			return b
		}
	}
	b = append(b, '"')
	b = append(b, text...)
	return append(b, '"')
}
