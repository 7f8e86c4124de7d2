// Package field has the error of a field that is out of range. It says nothing
// of flags: the command names the flag of the field.
package field

import (
	"errors"
	"fmt"
	"net"
)

// Error is a field whose value is not allowed.
type Error struct {
	Field string // its Go name, such as ThinkTime; a path such as Sim.Latency where it is a field of a field
	Value any
	Want  string // what is allowed, such as "0 to 10s"
}

func (e *Error) Error() string { return fmt.Sprintf("%s is %v, want %s", e.Field, e.Value, e.Want) }

// Check is an [*Error] where ok is false, else nil.
func Check(ok bool, field string, value any, want string) error {
	if ok {
		return nil
	}
	return &Error{field, value, want}
}

// Address is an [*Error] where value is no TCP address to listen on.
func Address(field, value string) error {
	_, port, err := net.SplitHostPort(value)
	return Check(err == nil && port != "", field, value, "HOST:PORT, with port 0 for any free one")
}

// First is the first error that is not nil.
func First(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// In is err with the path of its field below parent, where it is an [*Error].
func In(parent string, err error) error {
	var e *Error
	if !errors.As(err, &e) {
		return err
	}
	return &Error{parent + "." + e.Field, e.Value, e.Want}
}
