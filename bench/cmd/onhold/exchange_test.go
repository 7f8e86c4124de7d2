package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/urfave/cli/v3"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/bench/internal/wiretest"
)

// What the flags about TLS let through, and what they say where they do not: before
// anything is run, with the exit code and the next step.
func TestTLSFlags(t *testing.T) {
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	authority := wiretest.Sign(x509.Certificate{Subject: pkix.Name{CommonName: "ca"}, IsCA: true, KeyUsage: x509.KeyUsageCertSign}, nil)
	wiretest.WritePEM(t, dir, "ca", authority)
	pairs := map[string]tls.Certificate{}
	for name, c := range map[string]x509.Certificate{
		"good": {IPAddresses: wiretest.Local}, "named": {DNSNames: []string{"app.example"}},
		"expired": {IPAddresses: wiretest.Local, NotAfter: time.Now().Add(-time.Hour)}, "client": {ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}},
	} {
		pairs[name] = wiretest.Sign(c, &authority)
		wiretest.WritePEM(t, dir, name, pairs[name])
	}
	pool := x509.NewCertPool()
	pool.AddCert(authority.Leaf)
	serve := func(name string, config *tls.Config) string {
		config.Certificates = []tls.Certificate{pairs[name]}
		s := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
		s.TLS, s.Config.ErrorLog = config, log.New(io.Discard, "", 0)
		s.StartTLS()
		t.Cleanup(s.Close)
		return s.URL
	}
	good, named, expired := serve("good", &tls.Config{}), serve("named", &tls.Config{}), serve("expired", &tls.Config{})
	wants := serve("good", &tls.Config{ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool, MaxVersion: tls.VersionTLS12})
	modern := serve("good", &tls.Config{MinVersion: tls.VersionTLS13})
	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	mute, err := net.Listen("tcp", "127.0.0.1:0") // takes no handshake
	if err != nil {
		t.Fatal(err)
	}
	defer mute.Close()
	go func() {
		for c, err := mute.Accept(); err == nil; c, err = mute.Accept() {
			c.Close()
		}
	}()
	for _, c := range []struct {
		args string
		code int
		want string
	}{
		{good + " --cacert " + in("ca.pem"), exitOK, ""},
		{good + " --insecure", exitOK, ""},
		{good + " --insecure --tls-max 1.2 --tls-resume", exitOK, ""},
		{good, exitNotStarted, "give the authority that signed the certificate with --cacert, or accept any with --insecure: TLS handshake: tls: failed to verify"},
		{named + " --cacert " + in("ca.pem"), exitNotStarted, "give its name with --server-name, or accept any with --insecure:"},
		{named + " --cacert " + in("ca.pem") + " --server-name app.example", exitOK, ""},
		{expired + " --cacert " + in("ca.pem"), exitNotStarted, "renew the certificate, or accept any with --insecure: TLS handshake: tls: failed to verify certificate: x509: certificate has expired"},
		{expired + " --insecure", exitOK, ""},
		{wants + " --insecure", exitNotStarted, "it may want --cert and --key"},
		{wants + " --insecure --cert " + in("client.pem") + " --key " + in("client.key"), exitOK, ""},
		{modern + " --insecure --tls-max 1.2", exitNotStarted, "or another --server-name or --tls-max: TLS handshake: remote error: tls: protocol version"},
		{modern + " --insecure --tls-max 1.3", exitOK, ""},
		{strings.Replace(plain.URL, "http:", "https:", 1) + " --insecure", exitNotStarted, "does the server speak TLS at this port?"},
		{"https://" + mute.Addr().String() + " --insecure", exitNotStarted, "does the server speak TLS at this port?"},
		{good + " --insecure --cert " + in("good.pem") + " --key " + in("none.key"), exitUsage, "--key: want a file that can be read: open " + in("none.key")},
		{plain.URL + " --insecure", exitUsage, "--insecure: requires an address that begins with https:// or wss://, not http://127.0.0.1"},
		{good + " --tls-max 1.1", exitUsage, "--tls-max=1.1: want 1.2 or 1.3"},
		{good + " --cacert " + in("ca.key"), exitUsage, "ca.key: want a file with certificates in PEM"},
		{good + " --cacert " + in("none"), exitUsage, "--cacert: want a file that can be read: open "},
		{good + " --cert " + in("client.pem"), exitUsage, "--cert and --key: want both, the certificate"},
		{good + " --cert " + in("client.pem") + " --key " + in("good.key"), exitUsage, "good.key: tls: private key does not match"},
		{plain.URL + " --driver epoll --cookies", exitUsage, "--cookies=true: requires --driver goroutine, not epoll; where --driver is not set, it is the default"},
		{plain.URL + " --driver epoll --follow 3", exitUsage, "--follow=3: requires --driver goroutine, not epoll"},
		{plain.URL + " --threads 2 --follow 3", exitUsage, "--threads=2: requires driver epoll; this is goroutine"},
		{plain.URL + " --follow 101", exitUsage, "Follow is 101, want 0 to 100"},
		{plain.URL + " --follow 3 --cookies", exitOK, ""},
		{"goroutine --follow 3", exitUsage, "--follow: requires the address of a server"},
		{"http://app.example/ --unix-socket " + in("none.sock"), exitNotStarted, "none.sock: connect: no such file"},
		{"http://app.example/ --unix-socket /" + strings.Repeat("x", 200), exitUsage, "want a path of at most 103 bytes"},
	} {
		command := runCommand()
		command.Action = func(ctx context.Context, c *cli.Command) error {
			_, err := newSession(ctx, c)
			return err
		}
		err := command.Run(t.Context(), append([]string{"run", "--clients", "1"}, strings.Fields(c.args)...))
		text := ""
		if err != nil {
			text = err.Error()
		}
		if got := exitCodeOf(err); got != c.code || !strings.Contains(text, c.want) {
			t.Errorf("%s: exit code %d, want %d; %q, want %q", c.args, got, c.code, text, c.want)
		}
	}
}

// A server that does not speak HTTP/2 is known when it is asked to.
func TestSpeaks(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	for version, want := range map[string]bool{"": true, bench.HTTP1: true, bench.HTTPAuto: true, bench.HTTP2: false} {
		if err := speaks(bench.HTTP{URL: server.URL, Version: version}); (err == nil) != want || !want && exitCodeOf(err) != exitNotStarted {
			t.Errorf("version %q: %v", version, err)
		}
	}
}
