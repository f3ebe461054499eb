//go:build linux || darwin

package embedpg

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// passwords are made up once per home. The server listens on the loopback
// address, which every user of the machine reaches.
type passwords struct {
	Postgres string `json:"postgres"` // superuser, for tests and drills
	Sluice   string `json:"sluice"`
}

// loadPasswords reads the passwords of a home, making them up for a new server.
// The caller holds start.lock.
func loadPasswords(l layout) (passwords, error) {
	pw, err := readPasswords(l)
	if !errors.Is(err, fs.ErrNotExist) {
		return pw, err
	}
	if _, err := os.Stat(l.data()); err == nil {
		return pw, fmt.Errorf("%s is missing, and without it nobody can open the database in %s: put the file back, "+
			"or move %s away to start with an empty database", l.passwords(), l.data(), l.dir)
	}
	pw = passwords{Postgres: rand.Text(), Sluice: rand.Text()}
	text, err := json.MarshalIndent(pw, "", "  ")
	if err != nil {
		return pw, err
	}
	if err := writeFile(l.passwords(), string(text)+"\n", 0o600, l.keep); err != nil {
		return pw, cannotWrite(l.home, err)
	}
	return pw, nil
}

func readPasswords(l layout) (passwords, error) {
	var pw passwords
	text, err := os.ReadFile(l.passwords())
	if err != nil {
		return pw, fmt.Errorf("passwords of the embedded server: %w", err)
	}
	if err := json.Unmarshal(text, &pw); err != nil || pw.Postgres == "" || pw.Sluice == "" {
		return pw, fmt.Errorf("%s does not hold the passwords of the embedded server: put the right file back, "+
			"or move it and %s away to start with an empty database", l.passwords(), l.dir)
	}
	return pw, nil
}
