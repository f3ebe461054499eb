//go:build !linux && !darwin

package serve

import "errors"

// diskSpace is not known on this system.
func diskSpace(string) (free, size float64, err error) { return 0, 0, errors.ErrUnsupported }
