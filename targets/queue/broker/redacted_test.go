package broker

import (
	"strings"
	"testing"
)

func TestAddressesAreShownWithoutSecrets(t *testing.T) {
	for _, row := range []struct{ what, url, want string }{
		{"nothing", "", ""},
		{"no secret", "nats://127.0.0.1:4222", "nats://127.0.0.1:4222"},
		{"no scheme", "127.0.0.1:4222", "127.0.0.1:4222"},
		{"user and password", "nats://me:secret@a:4222", "nats://xxxxx@a:4222"},
		{"a token", "nats://secret@a:4222", "nats://xxxxx@a:4222"},
		{"neither, but an @", "nats://@a:4222", "nats://xxxxx@a:4222"},
		{"without a scheme", "me:secret@a:4222", "xxxxx@a:4222"},
		{"several servers", "nats://me:secret@a:4222, tls://secret@b:4223,nats://c:4224", "nats://xxxxx@a:4222,tls://xxxxx@b:4223,nats://c:4224"},
		{"characters that are not escaped", "nats://me:sec@ret/x@a:4222", "nats://xxxxx@a:4222"},
		{"a comma in a password", "nats://me:secret,secret@a:4222", "xxxxx,xxxxx@a:4222"},
		{"more than an address", "nats://a:4222/secret?token=secret#secret", "nats://a:4222"},
	} {
		if got := Redacted(row.url); got != row.want {
			t.Errorf("%s: %q is shown as %q, want %q", row.what, row.url, got, row.want)
		}
	}
}

// Errors are printed, stored and sent: none has the password, whatever it is
// about.
func TestErrorsAreWithoutSecrets(t *testing.T) {
	for _, url := range []string{
		"nats://me:secret@127.0.0.1:1", "nats://secret@127.0.0.1:1", "nats://127.0.0.1:1,nats://me:secret@127.0.0.1:1",
		"nats://me:secret@127.0.0.1:x", "nats://me:secret/@127.0.0.1:1", "nats://me:%secret@127.0.0.1:1", "me:secret@127.0.0.1:1", "nats://me:secret",
	} {
		c, err := Connect(t.Context(), url)
		if err == nil {
			c.Close()
			t.Fatalf("%s: somebody listens there", url)
		}
		if strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", url, err)
		}
		t.Log(err)
	}
}
