package broker

import (
	"errors"
	"net/url"
)

// connectError is an error of the client without the address: one that cannot
// be read it repeats, with whatever is in it.
func connectError(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return errors.New("want addresses like nats://HOST:PORT, with commas between them")
	}
	return err
}
