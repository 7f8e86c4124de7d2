package grpc

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/a628bb15/onhold/bench/internal/near"
	"github.com/a628bb15/onhold/bench/internal/request"
	"github.com/a628bb15/onhold/reports/field"
	"github.com/a628bb15/onhold/reports/redact"
)

// message is one call as it is sent.
type message struct {
	encoded  []byte
	metadata metadata.MD
}

// messages are those of the calls.
type messages struct {
	set    *request.Set
	line   []byte // the first of each request
	method protoreflect.MethodDescriptor
	types  *dynamicpb.Types
	all    []message // by Set.Which; nil where each arrival has its own
}

// mostChecked is how many messages are checked beforehand of those that each arrival has
// its own of.
const mostChecked = 1000

// encode encodes the messages, or checks them where there are too many.
func (s *service) encode(method protoreflect.MethodDescriptor) (*messages, error) {
	if err := s.checkStream(method); err != nil {
		return nil, err
	}
	m := &messages{set: s.set, line: []byte("POST " + request.EscapeTarget(s.path) + " HTTP/1.1\r\n"), method: method, types: typesOf(method)}
	picker := s.set.Picker()
	n := s.set.Distinct()
	for i := range n {
		made, err := m.of(picker.Of(i))
		if err != nil {
			return nil, s.wrongMessage(err, i, n)
		}
		m.all = append(m.all, made)
	}
	for i := uint64(0); n == 0 && i < min(mostChecked, s.set.Most()); i++ {
		raw, _ := picker.Next(i)
		if _, err := m.of(raw); err != nil {
			return nil, s.wrongMessage(err, int(i), mostChecked)
		}
	}
	return m, nil
}

// typesOf are the types that a message in JSON may name within an Any.
func typesOf(method protoreflect.MethodDescriptor) *dynamicpb.Types {
	files := new(protoregistry.Files)
	var add func(protoreflect.FileDescriptor)
	add = func(f protoreflect.FileDescriptor) {
		if _, err := files.FindFileByPath(f.Path()); err == nil || f.IsPlaceholder() || files.RegisterFile(f) != nil {
			return
		}
		for i := range f.Imports().Len() {
			add(f.Imports().Get(i).FileDescriptor)
		}
	}
	add(method.ParentFile())
	return dynamicpb.NewTypes(files)
}

// wrongMessage is the error of the i-th of n messages.
func (s *service) wrongMessage(err error, i, n int) error {
	e, ok := errors.AsType[*field.Error](err)
	if !ok {
		return err
	}
	wrong := *e
	if n > 1 {
		wrong.Want += fmt.Sprintf(" (of request %d)", i+1)
	} else if wrong.Field == "Body" && len(s.Body) > 0 {
		wrong.Value = redact.Body(string(s.Body))
	}
	return &wrong
}

// of is the call that a request of HTTP/1.1 is translated to. Its error is a
// [*field.Error].
func (m *messages) of(raw []byte) (out message, err error) {
	head, body, _ := bytes.Cut(raw, []byte("\r\n\r\n"))
	if !bytes.HasPrefix(raw, m.line) {
		return out, &field.Error{Field: "Requests", Value: "", Want: "lines without a method and a path: all calls are of " + string(m.method.FullName())}
	}
	for line := range strings.SplitSeq(string(head[min(len(head), len(m.line)):]), "\r\n") {
		name, value, ok := strings.Cut(line, ":")
		if name = strings.ToLower(name); !ok || name == "content-length" || name == "host" || name == "user-agent" {
			continue
		}
		value = strings.Trim(value, " \t")
		if err := checkMetadata(name, value); err != nil {
			return out, err
		}
		if value, err = metadataValue(name, value); err != nil {
			return out, err
		}
		if out.metadata == nil {
			out.metadata = metadata.MD{}
		}
		out.metadata[name] = append(out.metadata[name], value)
	}
	in := dynamicpb.NewMessage(m.method.Input())
	if len(body) > 0 {
		if err := (protojson.UnmarshalOptions{Resolver: m.types}).Unmarshal(body, in); err != nil {
			return out, &field.Error{Field: "Body", Value: "", Want: m.misfit(err)}
		}
	}
	if out.encoded, err = (proto.MarshalOptions{Deterministic: true}).Marshal(in); err != nil {
		return out, &field.Error{Field: "Body", Value: "", Want: m.misfit(err)}
	}
	return out, nil
}

// metadataValue is the value of a line as gRPC takes it.
func metadataValue(name, value string) (string, error) {
	if strings.HasSuffix(name, "-bin") {
		b, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(value, "="))
		if err != nil {
			return "", errors.New("a value in base64, as its name ends in -bin")
		}
		return string(b), nil
	}
	if strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r > '~' }) {
		return "", errors.New("a value of printable ASCII; others in base64, with a name that ends in -bin")
	}
	return value, nil
}

// unknownField is how protojson names a field that there is not.
var unknownField = regexp.MustCompile(`unknown field "([^"]*)"`)

// misfit says what is wrong with a message, and what its fields are.
func (m *messages) misfit(err error) string {
	text := strings.ReplaceAll(err.Error(), "\u00a0", " ") // which the library mixes in
	want := fmt.Sprintf("a message %s in JSON: %s", m.method.Input().FullName(), strings.TrimPrefix(text, "proto: "))
	found := unknownField.FindStringSubmatch(text)
	if found == nil {
		return want
	}
	fields := m.method.Input().Fields()
	var names []string
	for i := range fields.Len() {
		names = append(names, string(fields.Get(i).Name()))
	}
	if meant := near.Name(found[1], names); meant != "" {
		return want + "; did you mean " + meant + "?"
	}
	if len(names) == 0 {
		return want + "; it has no fields"
	}
	return want + "; its fields are " + listed(slices.Clone(names))
}
