package embedpg

import (
	"errors"
	"time"
)

// ErrHasServer says that a home has a server already, which Recover leaves alone.
var ErrHasServer = errors.New("there is a server already")

// Recovery is what Recover makes a server from.
type Recovery struct {
	// Fill puts the files of a backup and the WAL into data, which is empty, and tablespaces into folders below beside.
	Fill func(data, beside string) error
	// Settings hold for the recovery only: the recovery target.
	Settings map[string]string
	// Superuser is the one that the original was made with.
	Superuser string
	// Scratch drops the configuration in the files. That of a server that is not ours is dropped anyhow.
	Scratch bool
}

// Recovered is where the server is.
type Recovered struct {
	LastCommit time.Time // of the last transaction that was replayed; zero for none
	LSN        string    // where it goes on
	Timeline   int64
}
