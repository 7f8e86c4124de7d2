package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"syscall"

	"github.com/urfave/cli/v3"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/reports/field"
)

// exchangeFlags are how a server of yours is spoken to, in any subcommand that does.
func exchangeFlags(category string) []cli.Flag {
	return slices.Concat([]cli.Flag{
		stringFlag(category, "ok-status", "", "`STATUSES` statuses of ok replies, as in 200-299,404; where not set, 200-399. Of gRPC, names or numbers beside OK"),
		stringFlag(category, "rejected-status", "", "`STATUSES` further statuses of rejections, beside 429 and 503; of gRPC, beside RESOURCE_EXHAUSTED"),
		stringFlag(category, "unix-socket", "", "`PATH` Unix socket to connect to; the URL says no more than the path and the Host line"),
		stringFlag(category, "http", "", "`VERSION` version of HTTP: 1.1, 2, or auto, where an https:// server says which. Where not set, 1.1, and of h2c:// addresses 2"),
		&cli.IntFlag{Category: category, Name: "connections", Aliases: []string{"grpc-connections"}, OnlyOnce: true, Usage: "with HTTP/2 and gRPC: connections that all clients share; 0: each has its own"},
		intFlag(category, "streams", 0, "with HTTP/2: most requests at once on a connection; 0: as many as the server allows. Others wait, their planned instant kept"),
		boolFlag(category, "cookies", "keep the cookies that your server sets and send them back, each client its own; with --rate and --ramp, each connection. Requires driver goroutine, which is the default then"),
		intFlag(category, "follow", 0, "follow up to so many redirects to the same server for one arrival; 0: none, a redirect is a reply. Requires driver goroutine, which is the default then"),
	}, streamFlags(category), tlsFlags(category))
}

// tlsFlags are about the sessions with an https:// server.
func tlsFlags(category string) []cli.Flag {
	return []cli.Flag{
		boolFlag(category, "insecure", "accept any certificate of an https:// or grpcs:// server"),
		stringFlag(category, "cacert", "", "`FILE` certificates in PEM of the authorities that may have signed the server's, in place of the system's"),
		stringFlag(category, "cert", "", "`FILE` certificate of the client in PEM, with --key"),
		stringFlag(category, "key", "", "`FILE` private key of that certificate in PEM"),
		stringFlag(category, "server-name", "", "`NAME` name that the server's certificate must have, and that is sent to it, in place of the URL's"),
		stringFlag(category, "tls-max", "", "`VERSION` highest version of TLS: 1.2 or 1.3"),
		boolFlag(category, "tls-resume", "resume TLS sessions on new connections, as a client that comes back does; otherwise each makes a full handshake"),
	}
}

// mostSessions is how many TLS sessions are kept to be resumed: of one server a few.
const mostSessions = 64

// exchangeOf are requests with what the flags of exchangeFlags say.
func exchangeOf(c *cli.Command, h bench.HTTP) (_ bench.HTTP, err error) {
	h.OKStatus, h.RejectedStatus, h.UnixSocket = c.String("ok-status"), c.String("rejected-status"), c.String("unix-socket")
	h.Version, h.Connections, h.Streams = c.String("http"), c.Int("connections"), c.Int("streams")
	h.Cookies, h.Follow, h.Stream = c.Bool("cookies"), c.Int("follow"), streamOf(c)
	h.TLS, err = tlsOf(c)
	return h, err
}

// tlsOf is what the flags of tlsFlags say; nil where they say nothing.
func tlsOf(c *cli.Command) (*tls.Config, error) {
	config, used := &tls.Config{InsecureSkipVerify: c.Bool("insecure"), ServerName: c.String("server-name")}, false
	for _, flag := range tlsFlags("") {
		used = used || c.IsSet(flag.Names()[0])
	}
	if !used {
		return nil, nil
	}
	switch version := c.String("tls-max"); version {
	case "":
	case "1.2":
		config.MaxVersion = tls.VersionTLS12
	case "1.3":
		config.MaxVersion = tls.VersionTLS13
	default:
		return nil, usageError("--tls-max=%s: want 1.2 or 1.3", version)
	}
	if c.Bool("tls-resume") {
		config.ClientSessionCache = tls.NewLRUClientSessionCache(mostSessions)
	}
	if path := c.String("cacert"); path != "" {
		pem, err := readFile(c, "cacert")
		if err != nil {
			return nil, err
		}
		if config.RootCAs = x509.NewCertPool(); !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, usageError("--cacert=%s: want a file with certificates in PEM (-----BEGIN CERTIFICATE-----); there is none in it", path)
		}
	}
	cert, key := c.String("cert"), c.String("key")
	if (cert == "") != (key == "") {
		return nil, usageError("--cert and --key: want both, the certificate and its private key")
	}
	if cert == "" {
		return config, nil
	}
	certPEM, err := readFile(c, "cert")
	if err != nil {
		return nil, err
	}
	keyPEM, err := readFile(c, "key")
	if err != nil {
		return nil, err
	}
	pair, err := tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		return nil, usageError("--cert and --key: want a certificate and its private key in PEM, not %s and %s: %w", cert, key, err)
	}
	config.Certificates = []tls.Certificate{pair}
	return config, nil
}

// mostRead bounds a file that a flag names.
const mostRead = 64 << 20

// readFile reads the file that a flag names.
func readFile(c *cli.Command, flag string) ([]byte, error) {
	path := c.String(flag)
	f, err := os.Open(path)
	var data []byte
	if err == nil {
		defer f.Close()
		data, err = io.ReadAll(io.LimitReader(f, mostRead+1))
	}
	if err == nil && len(data) > mostRead {
		err = fmt.Errorf("%s: it is longer than %d bytes", path, mostRead)
	}
	if err != nil { // which has the path: --key=PATH would be masked as a secret
		return nil, usageError("--%s: want a file that can be read: %w", flag, err)
	}
	return data, nil
}

// probe makes one connection, and no request: without it a run against a server that
// is not there would only record failures.
func probe(ctx context.Context, name string, dial bench.Dial) error {
	ctx, cancel := context.WithTimeout(ctx, probeLimit)
	defer cancel()
	conn, err := dial(ctx)
	if _, wrong := errors.AsType[*field.Error](err); wrong {
		return err
	}
	if notSpoken(err) {
		return fmt.Errorf("%s: %w", name, err)
	}
	if err != nil {
		return &exitError{exitNotStarted, fmt.Errorf("%s: no connection can be made; %s %w", name, connectAdvice(err), err)}
	}
	return conn.Close()
}

// speaks fails where a server is there and does not speak the version of HTTP that is
// asked for. Whether it is there, and takes requests, is for others to find out.
func speaks(h bench.HTTP) error {
	dial, err := h.Dial()
	if err != nil || h.Version == "" {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), probeLimit)
	defer cancel()
	conn, err := dial(ctx)
	if err == nil {
		return conn.Close()
	}
	if notSpoken(err) {
		return err
	}
	return nil
}

// connectAdvice is what to look at where no connection can be made.
func connectAdvice(err error) string {
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		return "if the certificate is the right one, give its name with --server-name, or accept any with --insecure:"
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return "give the authority that signed the certificate with --cacert, or accept any with --insecure:"
	}
	if _, ok := errors.AsType[x509.CertificateInvalidError](err); ok {
		return "renew the certificate, or accept any with --insecure:"
	}
	// A server that takes a handshake for a request answers it, or hangs up.
	handshake := strings.HasPrefix(err.Error(), "TLS handshake: ") && (errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET))
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok || handshake {
		return "does the server speak TLS at this port? If not, begin the address with http: (of gRPC, grpc:)"
	}
	if strings.Contains(err.Error(), "remote error: tls: ") { // crypto/tls has no type for it
		return "the server ended the TLS handshake; it may want --cert and --key, or another --server-name or --tls-max:"
	}
	return "is the server running?"
}
