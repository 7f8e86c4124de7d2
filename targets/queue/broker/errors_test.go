package broker

import (
	"strings"
	"testing"
)

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
			t.Fatalf("%s: there is a server", url)
		}
		if strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", url, err)
		}
		t.Log(err)
	}
}
