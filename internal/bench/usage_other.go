//go:build !unix

package bench

import "time"

// ownTime is the processor time that this process has used so far; 0: it is not known.
func ownTime() time.Duration { return 0 }
