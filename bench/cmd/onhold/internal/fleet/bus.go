package fleet

import (
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/a628bb15/onhold/reports/field"
	"github.com/a628bb15/onhold/reports/redact"
	"github.com/a628bb15/onhold/targets/queue/broker"
)

// Subjects: a run and an agent have a prefix of their own, to which credentials can be
// confined. Agents listen on callSubject and orderSubject, the coordinator on the others.
const callSubject = "onhold.call"

func helloSubject(run string) string        { return "onhold." + run + ".hello" }
func stateSubject(run, agent string) string { return "onhold." + run + "." + agent + ".state" }
func orderSubject(run, agent string) string { return "onhold." + run + "." + agent + ".order" }

// mostMessage bounds a message that is read.
const mostMessage = 2 << 20

// leastMessage is the bound of messages from which a bus can be used.
const leastMessage = 64 << 10

const connectLimit = 5 * time.Second

// BusConfig is how to connect to a NATS server.
type BusConfig struct {
	URL       string // nats:// or tls://, with a token or user where the server wants one
	Creds     string // file with the credentials of a user, as nsc writes it
	CA        string // file with the authorities that may have signed the server's certificate; the system's where empty
	Cert, Key string // files with the client's certificate and its key
}

// Validate checks that the bus is one that nobody else can use: on this machine, or with
// TLS on both sides and a secret.
func (c BusConfig) Validate() error {
	for address := range strings.SplitSeq(c.URL, ",") {
		u, err := url.Parse(strings.TrimSpace(address))
		if err != nil || u.Hostname() == "" || u.Scheme != "nats" && u.Scheme != "tls" {
			return &field.Error{Field: "Bus", Value: redact.Servers(address), Want: "the address of a NATS server, nats://HOST:PORT or tls://HOST:PORT"}
		}
		if ip := net.ParseIP(u.Hostname()); u.Hostname() == "localhost" || ip != nil && ip.IsLoopback() {
			continue
		}
		if u.Scheme != "tls" || c.Cert == "" || c.Key == "" || c.Creds == "" && u.User == nil {
			return &field.Error{Field: "Bus", Value: redact.Servers(address), Want: "beyond this machine, tls:// with a client's certificate and key, and credentials or a token, as whoever reaches the bus directs the agents"}
		}
	}
	return field.Check((c.Cert == "") == (c.Key == ""), "BusCert", c.Cert, "given together with its key")
}

// Bus carries the messages of a fleet.
type Bus struct {
	URL    string // with its token
	conn   *nats.Conn
	server *server.Server // that was started for it; nil where it was there
}

// Connect connects to a NATS server.
func Connect(c BusConfig) (*Bus, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	options := []nats.Option{
		nats.Name("onhold"), nats.Timeout(connectLimit),
		nats.MaxReconnects(-1), nats.ReconnectWait(200 * time.Millisecond), nats.ReconnectJitter(100*time.Millisecond, 100*time.Millisecond),
		nats.IgnoreAuthErrorAbort(), // a server that is starting may not know them yet
		nats.ReconnectBufSize(-1),   // what is old is of no use: all of it is sent again
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}), // it prints otherwise
	}
	if c.Creds != "" {
		options = append(options, nats.UserCredentials(c.Creds))
	}
	if c.CA != "" {
		options = append(options, nats.RootCAs(c.CA))
	}
	if c.Cert != "" {
		options = append(options, nats.ClientCert(c.Cert, c.Key))
	}
	conn, err := nats.Connect(c.URL, options...)
	if err != nil {
		return nil, fmt.Errorf("the bus at %s: %w%s", redact.Servers(c.URL), err, c.hint(err))
	}
	if most := conn.MaxPayload(); most < leastMessage {
		conn.Close()
		return nil, fmt.Errorf("the bus at %s: it takes messages of up to %d bytes (max_payload of its server), want %d or more", redact.Servers(c.URL), most, leastMessage)
	}
	return &Bus{URL: c.URL, conn: conn}, nil
}

// hint is what to do about an error of connecting.
func (c BusConfig) hint(err error) string {
	_, unknown := errors.AsType[x509.UnknownAuthorityError](err)
	switch {
	case errors.Is(err, nats.ErrAuthorization) && c.Creds == "" && !strings.Contains(c.URL, "@"):
		return ": its server wants a token, a user or credentials"
	case errors.Is(err, nats.ErrAuthorization):
		return ": its server does not know this token, user or credentials"
	case strings.Contains(err.Error(), "remote error: tls:") && strings.Contains(err.Error(), "certificate"), // an alert, which has no type
		strings.Contains(err.Error(), "closed by remote after TLS handshake"): // before the alert was read
		return ": its server wants a client's certificate, of an authority that it trusts"
	case unknown:
		return ": give the authority that signed it"
	}
	return ""
}

// Watch has a line printed where the connection is lost, and where it is back.
func (b *Bus) Watch(say func(string)) {
	b.conn.SetDisconnectErrHandler(func(_ *nats.Conn, err error) {
		if err != nil { // nil where it was closed
			say(fmt.Sprintf("the bus at %s was lost (%v); it is tried again until it is back", redact.Servers(b.URL), err))
		}
	})
	b.conn.SetReconnectHandler(func(*nats.Conn) { say(fmt.Sprintf("the bus at %s is back", redact.Servers(b.URL))) })
}

// most bounds the messages that the bus takes.
func (b *Bus) most() int { return int(min(b.conn.MaxPayload(), mostMessage)) }

// Embed starts a bus for this machine only, with a token that its URL has.
func Embed() (*Bus, error) { return embed(rand.Text(), server.RANDOM_PORT, mostMessage) }

// EmbedAt starts a bus that was embedded in another process, at the URL that it had there.
func EmbedAt(address string) (*Bus, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "nats" || u.Hostname() != "127.0.0.1" || u.User.Username() == "" {
		return nil, &field.Error{Field: "Bus", Value: redact.Servers(address), Want: "nats://TOKEN@127.0.0.1:PORT"}
	}
	port, err := strconv.Atoi(u.Port())
	if err != nil {
		return nil, &field.Error{Field: "Bus", Value: redact.Servers(address), Want: "an address with a port"}
	}
	return embed(u.User.Username(), port, mostMessage)
}

func embed(token string, port, most int) (*Bus, error) {
	s, err := broker.Embed(&server.Options{
		ServerName: "onhold-fleet", Host: "127.0.0.1", Port: port, Authorization: token,
		NoLog: true, NoSigs: true, MaxPayload: int32(most),
	})
	if err != nil {
		return nil, err
	}
	b, err := Connect(BusConfig{URL: fmt.Sprintf("nats://%s@%s", token, s.Addr())})
	if err != nil {
		s.Shutdown()
		return nil, err
	}
	b.server = s
	return b, nil
}

// Close closes the connection, and ends a bus that was started.
func (b *Bus) Close() {
	b.conn.Close()
	if b.server != nil {
		b.server.Shutdown()
		b.server.WaitForShutdown()
	}
}

// part bounds a part of a record, so that its message is not too large.
func (b *Bus) part() int { return min(mostPart, b.most()-leastMessage/2) }

// publish sends a message, and reports whether it is small enough. One that cannot be sent
// is sent again when it is still due.
func (b *Bus) publish(subject string, message any) (fits bool) {
	data, err := encode(message)
	if err != nil || len(data) > b.most() {
		return false
	}
	_ = b.conn.Publish(subject, data)
	return true
}

// subscribe hands each message of a subject, one after another, to a function. What
// cannot be read is left out.
func subscribe[T any](b *Bus, subject string, take func(T)) error {
	_, err := b.conn.Subscribe(subject, func(m *nats.Msg) {
		var message T
		if len(m.Data) <= mostMessage && decode(m.Data, &message) == nil {
			take(message)
		}
	})
	if err == nil {
		err = b.conn.FlushTimeout(connectLimit) // the server has it
	}
	return err
}
