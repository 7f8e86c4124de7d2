package grpc_test

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/bench/grpc"
	"github.com/a628bb15/onhold/reports/field"
	"github.com/a628bb15/onhold/reports/result"
)

// proto is a part of the service, as a user may have it in files of their own.
const (
	protoService = `syntax = "proto3";
package grpc.testing;
import "messages.proto";
import "google/protobuf/empty.proto";
service TestService {
  rpc UnaryCall(SimpleRequest) returns (google.protobuf.Empty);
  rpc Streamed(stream SimpleRequest) returns (google.protobuf.Empty);
}`
	protoMessages = `syntax = "proto3";
package grpc.testing;
message SimpleRequest { int32 response_size = 2; }`
)

// A server that does not describe itself is described by files.
func TestProtoFiles(t *testing.T) {
	s := serve(t, &server{}, nothing)
	file := write(t, "service.proto", protoService)
	imported := write(t, "messages.proto", protoMessages)
	c := grpc.Calls{URL: s.url(), Body: []byte(`{"responseSize": 5}`)}
	wrong(t, c, "Proto", "no server reflection")
	c.Proto, c.ProtoPath = []string{"service.proto"}, []string{filepath.Dir(file), filepath.Dir(imported)}
	if r := dial(t, c).Do(20 * time.Second); r.Outcome != result.OK || s.asked[0].ResponseSize != 5 {
		t.Errorf("%+v, and the server got %v", r, s.asked)
	}
	c.ProtoPath = c.ProtoPath[:1]
	wrong(t, c, "Proto", "messages.proto")
	c.Proto = []string{"other.proto"}
	wrong(t, c, "Proto", "other.proto")
	c.Proto, c.ProtoPath = []string{file, imported}, nil
	wrong(t, c, "Proto", "messages.proto")
}

// wrong is that calls cannot be made for a field, whose error has a text.
func wrong(t *testing.T, c grpc.Calls, of, want string) {
	t.Helper()
	d, err := c.Driver()
	if err == nil {
		var conn bench.Conn
		if conn, err = d.Dial(t.Context()); err == nil {
			conn.Close()
		}
	}
	e, ok := errors.AsType[*field.Error](err)
	if !ok || e.Field != of || !strings.Contains(e.Error(), want) {
		t.Errorf("got %v, want an error of %s with %q", err, of, want)
	}
}

// What is wrong is found before a call is made.
func TestWrongInput(t *testing.T) {
	s := serve(t, &server{}, newer)
	at := "grpc://" + s.addr
	table := data(t, bench.DataFiles{Data: write(t, "sizes.csv", "size\n1\n2\nx\n")})
	lines := data(t, bench.DataFiles{Requests: write(t, "rows.jsonl", `{"path": "/a/b"}`)})
	for _, row := range []struct {
		of, want string
		calls    grpc.Calls
	}{
		{"URL", "did you mean UnaryCall?", grpc.Calls{URL: at + "/grpc.testing.TestService/UnaryCal"}},
		{"URL", "did you mean UnaryCall?", grpc.Calls{URL: at + "/grpc.testing.TestService/unarycall"}},
		{"URL", "which has CacheableUnaryCall, EmptyCall", grpc.Calls{URL: at + "/grpc.testing.TestService/Zzzzz"}},
		{"URL", "which has CacheableUnaryCall, EmptyCall", grpc.Calls{URL: at + "/grpc.testing.TestService"}},
		{"URL", "did you mean grpc.testing.TestService?", grpc.Calls{URL: at + "/grpc.testing.TestServic/UnaryCall"}},
		{"URL", "did you mean grpc.testing.TestService?", grpc.Calls{URL: at + "/TestService/UnaryCall"}},
		{"URL", "the services are grpc.reflection", grpc.Calls{URL: at + "/no.Such/UnaryCall"}},
		{"URL", "the services are grpc.reflection", grpc.Calls{URL: at}},
		{"StreamEvents", "0, as the reply of grpc.testing.TestService.UnaryCall is one message", grpc.Calls{URL: s.url(), StreamEvents: 3}},
		{"StreamEvents", "0 to", grpc.Calls{URL: s.url(), StreamEvents: -1}},
		{"URL", "streams requests", grpc.Calls{URL: at + "/grpc.testing.TestService/StreamingInputCall"}},
		{"URL", "streams both ways", grpc.Calls{URL: at + "/grpc.testing.TestService/FullDuplexCall"}},
		{"URL", "without a query or a placeholder", grpc.Calls{URL: s.url() + "?a=b"}},
		{"URL", "begins with grpc://", grpc.Calls{URL: "http://" + s.addr + unary}},
		{"URL", "a port from 1 to 65535", grpc.Calls{URL: "grpc://127.0.0.1:99999" + unary}},
		{"URL", "one with a host", grpc.Calls{URL: "grpc://" + unary}},
		{"Body", `unknown field "responseSise"; did you mean response_size?`, grpc.Calls{URL: s.url(), Body: []byte(`{"responseSise": 1}`)}},
		{"Body", "its fields are response_type, response_size", grpc.Calls{URL: s.url(), Body: []byte(`{"zzzzzzzz": 1}`)}},
		{"Body", "responseSize", grpc.Calls{URL: s.url(), Body: []byte(`{"responseSize": "many"}`)}},
		{"Body", "a message grpc.testing.SimpleRequest in JSON", grpc.Calls{URL: s.url(), Body: []byte(`{"responseSize": `)}},
		{"Body", "(of request 3)", grpc.Calls{URL: s.url(), Body: []byte(`{"responseSize": {size}}`), Data: table}},
		{"Body", "(of request 3)", grpc.Calls{URL: s.url(), Body: []byte(`{"responseSize": {size}, "payload": {"type": {random 0 0}}}`), Data: table}},
		{"Requests", "lines without a method and a path", grpc.Calls{URL: s.url(), Data: lines}},
		{"Header", "gRPC makes that line itself", grpc.Calls{URL: s.url(), Header: []string{"Grpc-Timeout: 1S"}}},
		{"Header", "in base64", grpc.Calls{URL: s.url(), Header: []string{"trace-bin: ***"}}},
		{"Header", "printable ASCII", grpc.Calls{URL: s.url(), Header: []string{"name: Zoë"}}},
		{"OKStatus", "did you mean NOT_FOUND?", grpc.Calls{URL: s.url(), OKStatus: "NOTFOUND"}},
		{"OKStatus", "such as UNAVAILABLE,5", grpc.Calls{URL: s.url(), OKStatus: "200"}},
		{"RejectedStatus", "HTTP statuses of a proxy", grpc.Calls{URL: s.url(), RejectedStatus: "OK"}},
		{"RejectedStatus", "100 to 599", grpc.Calls{URL: s.url(), RejectedStatus: "700"}},
		{"Connections", "0 or more", grpc.Calls{URL: s.url(), Connections: -1}},
		{"ProtoPath", "left out", grpc.Calls{URL: s.url(), ProtoPath: []string{"."}}},
	} {
		wrong(t, row.calls, row.of, row.want)
	}
	if n := s.calls.Load(); n != 0 {
		t.Errorf("the server was called %d times", n)
	}
}

// No message shows a secret.
func TestErrorsShowNoSecrets(t *testing.T) {
	s := serve(t, &server{}, newer)
	for _, c := range []grpc.Calls{
		{URL: "grpc://joe:hunter22@" + s.addr + "/no.Such/Method"},
		{URL: s.url(), Header: []string{"api-key-bin: hunter22-no-base64"}},
		{URL: s.url(), Body: []byte(`{"hunter22hunter22": 1`)},
	} {
		d, err := c.Driver()
		if err == nil {
			_, err = d.Dial(t.Context())
		}
		if err == nil || strings.Contains(err.Error(), "hunter22:") || strings.Contains(err.Error(), ":hunter22") || strings.Contains(err.Error(), "hunter22-no") {
			t.Errorf("%v", err)
		}
	}
}
