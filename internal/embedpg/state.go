//go:build linux || darwin

package embedpg

import (
	"encoding/json"
	"os"
)

// phase is what the supervisor is doing.
type phase string

const (
	phaseStarting phase = "starting" // or recovering, or starting again
	phaseReady    phase = "ready"
	phaseStopping phase = "stopping"
	phaseFailed   phase = "failed" // and ended; Error says why
)

// state is what the supervisor tells clients, in state.json. It means something
// only while supervisor.lock is held, except for phaseFailed.
type state struct {
	Phase      phase  `json:"phase"`
	Supervisor int    `json:"supervisor"` // process ids
	Postmaster int    `json:"postmaster"`
	Port       int    `json:"port"`
	Starts     int    `json:"starts"` // of the postmaster by this supervisor; 2 after a crash
	Error      string `json:"error,omitempty"`
}

func readState(path string) (state, error) {
	var st state
	text, err := os.ReadFile(path)
	if err != nil {
		return st, err
	}
	return st, json.Unmarshal(text, &st)
}

// write replaces the file at once, not durably: after a power cut it is stale
// anyway.
func (st state) write(path string) error {
	text, err := json.Marshal(st)
	if err != nil {
		return err
	}
	if err := os.WriteFile(path+".new", append(text, '\n'), 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}
