// Package arch holds the program to its own layout: which package may import which
// (DESIGN section 3), and that each says what it is for. It has tests only.
package arch
