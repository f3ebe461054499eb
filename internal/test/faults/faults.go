// Package faults has what tests inject for each row of the table of faults: one SQLSTATE for
// every state and every class that it lists. It is for tests.
package faults

import (
	"fmt"
	"testing"

	"sluice/internal/pg"
	"sluice/internal/test/brief"
)

// Injected is a failure of the server, for pgproxy.Proxy.Fail.
type Injected struct {
	State string // with "!" where the session ends with it
	Fault pg.Fault
}

// members are SQLSTATEs of the classes that the table lists.
var members = map[string]string{
	"08": "08006!", "40": "40P01", "53": "53100", "57": "57P01!", "58": "58030",
	"0A": "0A000", "21": "21000", "22": "22P05", "23": "23514", "44": "44000", "54": "54000", "P0": "P0001",
	"42": "42601", "26": "26000", "28": "28000", "3D": "3D000", "XX": "XX001",
}

// Each runs fn, one after the other, with a failure for every state of the table; in short
// runs with one for every row.
func Each(t *testing.T, fn func(*testing.T, Injected)) {
	t.Helper()
	short := brief.Run(t)
	for _, row := range pg.Faults {
		for i, state := range row.States {
			switch {
			case short && i > 0:
				continue
			case len(state) == 2 && members[state] == "":
				t.Errorf("no member of class %s to inject: name one in internal/test/faults", state)
				continue
			case len(state) == 2:
				state = members[state]
			case state == "25P03", state == "25P04":
				state += "!"
			}
			t.Run(fmt.Sprintf("%s %s", row.Fault, state[:5]), func(t *testing.T) { fn(t, Injected{state, row.Fault}) })
		}
	}
}
