package near

import "testing"

func TestHint(t *testing.T) {
	names := []string{"example", "Lodash", "lodash-es", "loadash", "default", "example"}
	for word, want := range map[string]string{
		"exmaple":    "; did you mean example?",
		"LODASH":     "; did you mean Lodash or loadash?",
		"kubernetes": "",
		"":           "",
	} {
		if got := Hint(word, names); got != want {
			t.Errorf("%q: %q, want %q", word, got, want)
		}
	}
	if got := Names("ab", []string{"ac", "ad", "ae", "ab"}, 2); len(got) != 2 || got[0] != "ab" || got[1] != "ac" {
		t.Error(got)
	}
}
