package broker

import (
	"errors"
	"net/url"
	"strings"
)

// hidden stands where a user and password, or a token, were.
const hidden = "xxxxx"

// Redacted is a nats:// address, or several with commas between them, without
// what lets somebody in: user and password, or a token, which stands in the
// place of a user. Of one that cannot be read nothing is shown.
func Redacted(urls string) string {
	servers := strings.Split(urls, ",")
	for i, s := range servers {
		servers[i] = redacted(strings.TrimSpace(s))
	}
	return strings.Join(servers, ",")
}

func redacted(server string) string {
	scheme, rest, ok := strings.Cut(server, "://")
	if !ok {
		scheme, rest = "", server
	} else {
		scheme += "://"
	}
	// Up to the last @, not the first: a password in which one was not escaped.
	at := strings.LastIndex(rest, "@")
	u, err := url.Parse("nats://" + rest[at+1:])
	if err != nil || strings.Contains(scheme, "@") {
		return hidden
	}
	shown := scheme + u.Host
	if at >= 0 {
		shown = scheme + hidden + "@" + u.Host
	}
	return shown
}

// connectError is an error of the client without the address: one that cannot
// be read it repeats, with whatever is in it.
func connectError(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return errors.New("want addresses like nats://HOST:PORT, with commas between them")
	}
	return err
}
