// Package grpc drives calls of any gRPC method that takes one message: unary ones, and
// those that stream replies. The server describes the method by
// reflection, or .proto files do. Messages are given in JSON and encoded before they are
// needed, so that a call costs the generator little.
//
// [Calls.Driver] makes the driver, for [bench.Run] and for package benchtest.
package grpc

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/bench/internal/request"
	"github.com/a628bb15/onhold/bench/internal/shared"
	"github.com/a628bb15/onhold/reports/field"
	"github.com/a628bb15/onhold/reports/redact"
	"github.com/a628bb15/onhold/reports/result"
)

// Driver names the goroutine driver over connections of gRPC.
const Driver = "grpc"

// The schemes of addresses.
const (
	Plain  = "grpc"  // HTTP/2 without TLS
	Secure = "grpcs" // over TLS
)

// Calls are calls of one method. Each unary call has a deadline, so the server
// knows when its caller gives up.
//
// Where the method streams replies, each call is a stream, and each message an event:
// see [bench.Stream]. Its timeout is for the first message and for each gap. What has the
// instant of the message before it, as both came in one read, is recognised only where
// nothing else came over the connection in between. Other methods that stream are refused.
//
// Nothing is called twice. gRPC itself repeats a call once that the server reports as not
// processed, as when it closes a connection gracefully.
type Calls struct {
	URL    string   // grpc://HOST:PORT/PACKAGE.SERVICE/METHOD, or grpcs:// over TLS
	Body   []byte   // the message, in JSON; {} where it is empty
	Header []string // metadata, each as "name: value"; the value of a name that ends in -bin in base64

	// Data is as that of [bench.HTTP]: placeholders may stand in Body and the values of
	// Header, and its rows may have headers and a body, which is a message in JSON.
	Data *bench.Data

	// Proto are .proto files that describe the method, in place of reflection, and
	// ProtoPath the folders in which they and their imports are looked for; the working
	// directory where there are none.
	Proto, ProtoPath []string

	// Method describes the method, where not nil, in place of Proto and reflection.
	Method protoreflect.MethodDescriptor

	TLS        *tls.Config // for grpcs; the system's where nil
	UnixSocket string      // as that of bench.HTTP

	// OKStatus are the names or numbers of further gRPC statuses of ok replies, beside OK;
	// RejectedStatus those of rejections, beside RESOURCE_EXHAUSTED. Among the latter may be
	// HTTP statuses, such as 503: of replies of a proxy, which are errors otherwise.
	OKStatus, RejectedStatus string

	// StreamEvents is after how many messages the caller cancels a call, whose outcome is
	// ok; one that the server ends before is an error. 0: the server ends calls.
	StreamEvents int

	Connections int    // HTTP/2 connections that all clients share; 0: each has its own
	Seed        uint64 // of what Data draws
}

// IsAddress reports whether an address is one of gRPC.
func IsAddress(address string) bool {
	return strings.HasPrefix(address, Plain+"://") || strings.HasPrefix(address, Secure+"://")
}

// Validate is a [*field.Error] that names the first field of which no call can be made,
// as far as that can be found without the server. It shows no values that may be secrets.
func (c Calls) Validate() error {
	_, err := c.open()
	return err
}

// Driver is what drives the calls. It fails as Validate does. The first connection finds
// out the rest: where the server does not describe the method, or a message does not fit
// it, the Dial of the driver fails with a [*field.Error].
func (c Calls) Driver() (*bench.GoroutineDriver, error) {
	s, err := c.open()
	if err != nil {
		return nil, err
	}
	return &bench.GoroutineDriver{
		Dial: s.dial, Kind: Driver, SharedConnections: c.Connections, RequestSettings: c.settings(),
		Most: s.set.Most(), Found: s.found,
	}, nil
}

// service is the calls as they are made.
type service struct {
	Calls
	set     *request.Set // the calls as requests of HTTP/1.1, which are translated
	pool    *shared.Pool[*channel]
	meaning *meaning
	path    string // /SERVICE/METHOD

	authority, agent string // of the Host and User-Agent lines

	mu    sync.Mutex
	ready *messages // nil: the method is not known yet
}

// open checks everything that can be checked without the server.
func (c Calls) open() (*service, error) {
	redact.LearnURL(c.URL)
	if !IsAddress(c.URL) {
		return nil, c.wrongURL("one that begins with grpc:// or grpcs://")
	}
	set, err := c.http().Requests()
	if e, ok := errors.AsType[*field.Error](err); ok && e.Field == "URL" {
		return nil, c.wrongURL(e.Want)
	}
	if err != nil {
		return nil, err
	}
	s := &service{Calls: c, set: set, path: pathOf(c.URL)}
	if strings.ContainsAny(s.path, "?#{}") {
		return nil, c.wrongURL("grpc://HOST:PORT/PACKAGE.SERVICE/METHOD, without a query or a placeholder")
	}
	if err := field.First(
		field.Check(c.StreamEvents >= 0 && c.StreamEvents <= bench.MaxStreamEvents, "StreamEvents", c.StreamEvents, fmt.Sprintf("0 to %d", bench.MaxStreamEvents)),
		field.Check(c.Connections >= 0, "Connections", c.Connections, "0 or more"),
		field.Check(len(c.ProtoPath) == 0 || len(c.Proto) > 0, "ProtoPath", strings.Join(c.ProtoPath, " "), "it left out, as there is no .proto file"),
		c.checkHeader(),
	); err != nil {
		return nil, err
	}
	picker := set.Picker()
	raw, _ := picker.Next(0)
	s.authority, s.agent = lineOf(raw, "Host"), lineOf(raw, "User-Agent")
	if s.meaning, err = parseMeaning(c.OKStatus, c.RejectedStatus); err != nil {
		return nil, err
	}
	s.pool = shared.New(c.Connections, s.connect)
	method := c.Method
	if len(c.Proto) > 0 && method == nil {
		files, err := compile(c.Proto, c.ProtoPath)
		if err != nil {
			return nil, err
		}
		if method, err = s.find(files); err != nil {
			return nil, err
		}
	}
	if method != nil {
		if s.ready, err = s.encode(method); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (c Calls) wrongURL(want string) error {
	return &field.Error{Field: "URL", Value: redact.URL(c.URL), Want: want}
}

// lineOf is the value of a header line of a request, whatever its case.
func lineOf(raw []byte, name string) string {
	for line := range strings.SplitSeq(string(raw), "\r\n") {
		if n, value, ok := strings.Cut(line, ":"); ok && strings.EqualFold(n, name) {
			return strings.Trim(value, " \t")
		}
		if line == "" {
			break
		}
	}
	return ""
}

// pathOf is the path of an address, with its query.
func pathOf(address string) string {
	_, rest, _ := strings.Cut(address, "://")
	if at := strings.IndexByte(rest, '/'); at >= 0 {
		return rest[at:]
	}
	return "/"
}

// http is the calls as requests of HTTP/1.1: what a placeholder stands for, and how a
// server is reached, is the same.
func (c Calls) http() bench.HTTP {
	h := bench.HTTP{
		URL: "http" + strings.TrimPrefix(c.URL, Plain), Method: http.MethodPost, Header: c.Header, Body: c.Body,
		Data: c.Data, UnixSocket: c.UnixSocket, Seed: c.Seed,
	}
	if strings.HasPrefix(c.URL, Secure) {
		h.TLS = &tls.Config{}
		if c.TLS != nil {
			h.TLS = c.TLS.Clone()
		}
		h.TLS.NextProtos = []string{alpn}
	}
	return h
}

// notMetadata are header lines that gRPC makes itself.
var notMetadata = []string{"content-type", "te", "connection", "expect", "upgrade", "keep-alive", "proxy-connection", "trailer"}

func (c Calls) checkHeader() error {
	for _, line := range c.Header {
		name, value, _ := strings.Cut(line, ":")
		if err := checkMetadata(name, strings.Trim(value, " \t")); err != nil {
			return err
		}
	}
	return nil
}

// checkMetadata checks a name and its value, which it does not show.
func checkMetadata(name, value string) error {
	lower := strings.ToLower(name)
	if slices.Contains(notMetadata, lower) || strings.HasPrefix(lower, "grpc-") {
		return &field.Error{Field: "Header", Value: name, Want: "it left out: gRPC makes that line itself"}
	}
	if strings.ContainsFunc(name, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_.", r))
	}) {
		return &field.Error{Field: "Header", Value: strconv.Quote(name), Want: "a name of letters, digits, hyphens, underscores and dots"}
	}
	if request.Placeholder(value) != "" {
		return nil // its values are checked
	}
	if _, err := metadataValue(lower, value); err != nil {
		return &field.Error{Field: "Header", Value: name, Want: err.Error()}
	}
	return nil
}

// settings identify the calls, as those of bench.HTTP do. The address, which is the name
// of the target, has the method.
func (c Calls) settings() (s result.Settings) {
	for _, kv := range c.http().Settings() {
		if kv.Key != result.KeyMethod {
			s = append(s, kv)
		}
	}
	for _, of := range []result.Setting{{Key: result.KeyOKStatus, Value: c.OKStatus}, {Key: result.KeyRejectedStatus, Value: c.RejectedStatus}} {
		if of.Value != "" {
			s = s.With(of.Key, strings.ReplaceAll(of.Value, " ", ""))
		}
	}
	s = append(s, c.streamSettings()...)
	return s.With(result.KeyGRPCConnections, strconv.Itoa(c.Connections))
}

// dial makes a caller. The first one finds out about the method.
func (s *service) dial(ctx context.Context) (bench.Conn, error) {
	lease, err := s.pool.Get(ctx)
	if err != nil {
		return nil, err
	}
	messages, err := s.prepared(ctx, lease.Conn)
	if err != nil {
		lease.Release()
		return nil, err
	}
	return newCaller(s, lease, messages), nil
}

// prepared is the messages of the calls.
func (s *service) prepared(ctx context.Context, c *channel) (*messages, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ready != nil {
		return s.ready, nil
	}
	method, err := s.reflect(ctx, c.cc)
	if err != nil {
		return nil, err
	}
	s.ready, err = s.encode(method)
	return s.ready, err
}
