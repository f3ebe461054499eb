package inventory

import (
	"strings"

	"sluice/internal/near"
)

// nearest lists up to three of the names that somebody who wrote word may have meant, the nearest first.
func nearest(word string, names []string) string {
	return strings.Join(near.Names(word, names, 3), ", ")
}

// orNear is nearest for the end of a message; "" where nothing is.
func orNear(word string, names []string) string {
	if list := nearest(word, names); list != "" {
		return "; near: " + list
	}
	return ""
}
