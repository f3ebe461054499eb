// Package ask holds the two ways in which what somebody asks for can be wrong, so that every
// entry tells them apart from a failure of our own: the command line by its exit status,
// HTTP by its status code.
package ask

import "fmt"

// WrongError says that the question itself is wrong and will be at every try: a status that
// does not exist, a purl that is none. Exit status 2; HTTP 400.
type WrongError struct {
	// Field is the member that is wrong, named as in the flag and in JSON: artifact, limit.
	// Empty where it is none in particular.
	Field string
	Err   error // begins with the value
}

func (e *WrongError) Error() string {
	if e.Field == "" {
		return e.Err.Error()
	}
	return e.Field + " " + e.Err.Error()
}

func (e *WrongError) Unwrap() error { return e.Err }

// Wrong says what is wrong with a member of the question, "" for the whole of it.
func Wrong(field, format string, args ...any) error {
	return &WrongError{field, fmt.Errorf(format, args...)}
}

// NotFoundError says that what is asked about is not there, or not the tenant's to see, which
// must look the same. Exit status 1; HTTP 404.
type NotFoundError struct{ Err error }

func (e *NotFoundError) Error() string { return e.Err.Error() }

func (e *NotFoundError) Unwrap() error { return e.Err }

// NotFound says what there is not, and where to look.
func NotFound(format string, args ...any) error {
	return &NotFoundError{fmt.Errorf(format, args...)}
}

// OneOf checks a member that has a few values; "" is any.
func OneOf(field, value string, values ...string) error {
	for _, v := range values {
		if v == value {
			return nil
		}
	}
	return Wrong(field, "%q: it is %s", value, list(values))
}

// list writes values as a sentence does: a, b or c.
func list(values []string) string {
	text := ""
	for i, v := range values {
		switch {
		case v == "":
			continue
		case text == "":
		case i == len(values)-1:
			text += " or "
		default:
			text += ", "
		}
		text += v
	}
	return text
}

// Limit checks how many are asked for at most; 0 is all.
func Limit(limit int) error {
	if limit < 0 {
		return Wrong("limit", "%d: it is 0, for all, or more", limit)
	}
	return nil
}
