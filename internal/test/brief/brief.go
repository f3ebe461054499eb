// Package brief tells a test that it is to be brief, and makes a note of it in the test's output.
//
// CI runs the short tests under the race detector and after that, without it, what they left
// out: internal/test/testsum finds the tests by the note and runs those again, whole.
package brief

import "testing"

// Note is what the output of a test says that left something out.
const Note = "left out by -short"

// Run reports whether the tests are run with -short. A test that asks does less then, or skips.
func Run(t testing.TB) bool {
	t.Helper()
	if testing.Short() {
		t.Log(Note)
	}
	return testing.Short()
}
