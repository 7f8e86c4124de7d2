package grpc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/bufbuild/protocompile"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	reflection "google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/a628bb15/onhold/bench/internal/near"
	"github.com/a628bb15/onhold/reports/field"
)

// mostNamed is how many services or methods a message lists.
const mostNamed = 12

// find is the method of the address, among those of the files.
func (s *service) find(files []protoreflect.FileDescriptor) (protoreflect.MethodDescriptor, error) {
	var services []protoreflect.ServiceDescriptor
	var names []string
	for _, f := range files {
		for i := range f.Services().Len() {
			services = append(services, f.Services().Get(i))
			names = append(names, string(f.Services().Get(i).FullName()))
		}
	}
	name, _ := s.split()
	for _, service := range services {
		if string(service.FullName()) == name {
			return s.method(service)
		}
	}
	return nil, s.noService(names)
}

// split is the service and the method that the address names.
func (s *service) split() (service, method string) {
	service, method, _ = strings.Cut(strings.TrimPrefix(s.path, "/"), "/")
	return service, method
}

// noService is the error of an address whose service is none of these.
func (s *service) noService(names []string) error {
	name, _ := s.split()
	slices.Sort(names)
	meant := near.Name(name, names)
	if of := slices.IndexFunc(names, func(n string) bool {
		return name != "" && strings.HasSuffix(n, name[strings.LastIndexByte(name, '.')+1:])
	}); of >= 0 && meant == "" {
		meant = names[of] // of another package, or without one
	}
	switch {
	case len(names) == 0:
		return s.wrongURL("a service, and there is none")
	case name == "":
		return s.wrongURL("a service and a method, as in grpc://HOST:PORT/SERVICE/METHOD; the services are " + listed(names))
	case meant != "":
		return s.wrongURL(fmt.Sprintf("a service that exists, not %s; did you mean %s?", name, meant))
	}
	return s.wrongURL(fmt.Sprintf("a service that exists, not %s; the services are %s", name, listed(names)))
}

// listed is names as a text.
func listed(names []string) string {
	if more := len(names) - mostNamed; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:mostNamed], ", "), more)
	}
	return strings.Join(names, ", ")
}

// method is the method of the address, of its service.
func (s *service) method(of protoreflect.ServiceDescriptor) (protoreflect.MethodDescriptor, error) {
	_, name := s.split()
	m := of.Methods().ByName(protoreflect.Name(name))
	if m == nil {
		var names []string
		for i := range of.Methods().Len() {
			names = append(names, string(of.Methods().Get(i).Name()))
		}
		slices.Sort(names)
		want := fmt.Sprintf("a method of %s, which has %s", of.FullName(), listed(names))
		if meant := near.Name(name, names); meant != "" && name != "" {
			want = fmt.Sprintf("a method of %s, not %s; did you mean %s?", of.FullName(), name, meant)
		} else if name != "" {
			want += "; not " + name
		}
		return nil, s.wrongURL(want)
	}
	switch {
	case m.IsStreamingClient() && m.IsStreamingServer():
		return nil, s.wrongURL(fmt.Sprintf("a method that takes one message: %s streams both ways, which is not driven", m.FullName()))
	case m.IsStreamingClient():
		return nil, s.wrongURL(fmt.Sprintf("a method that takes one message: %s streams requests, which is not driven", m.FullName()))
	}
	return m, nil
}

// compile reads .proto files.
func compile(names, paths []string) ([]protoreflect.FileDescriptor, error) {
	c := protocompile.Compiler{Resolver: protocompile.WithStandardImports(&protocompile.SourceResolver{ImportPaths: paths})}
	compiled, err := c.Compile(context.Background(), names...)
	if err != nil {
		return nil, &field.Error{Field: "Proto", Value: strings.Join(names, " "), Want: "files that compile, looked for in the folders of imports: " + err.Error()}
	}
	var files []protoreflect.FileDescriptor
	for _, f := range compiled {
		files = append(files, f)
	}
	return files, nil
}

// The methods of reflection, the newer one first. Their messages are the same.
var reflections = []string{
	"/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
	"/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
}

// maxDescriptor bounds what a server describes itself by, in bytes.
const maxDescriptor = 16 << 20

// reflect asks the server for the method.
func (s *service) reflect(ctx context.Context, cc *grpc.ClientConn) (protoreflect.MethodDescriptor, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for _, method := range reflections {
		stream, err := cc.NewStream(ctx, &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}, method, grpc.MaxCallRecvMsgSize(maxDescriptor))
		var m protoreflect.MethodDescriptor
		if err == nil {
			m, err = s.describe(&reflected{stream: stream})
		}
		if status.Code(err) == codes.Unimplemented {
			continue
		}
		if _, wrong := errors.AsType[*field.Error](err); err != nil && !wrong {
			err = fmt.Errorf("asked to describe its methods (server reflection), the server failed: %w", err)
		}
		return m, err
	}
	return nil, &field.Error{Field: "Proto", Value: "", Want: "the .proto file of the service, as the server does not describe its methods (it has no server reflection)"}
}

// reflected is a server that describes itself.
type reflected struct {
	stream grpc.ClientStream
	bytes  int
}

func (r *reflected) ask(q *reflection.ServerReflectionRequest) (*reflection.ServerReflectionResponse, error) {
	if err := r.stream.SendMsg(q); err != nil && err != io.EOF { // whose reason RecvMsg has
		return nil, err
	}
	a := new(reflection.ServerReflectionResponse)
	if err := r.stream.RecvMsg(a); err != nil {
		return nil, err
	}
	return a, nil
}

// describe asks for the service of the address, and all that it is made of.
func (s *service) describe(r *reflected) (protoreflect.MethodDescriptor, error) {
	name, _ := s.split()
	first, err := r.ask(&reflection.ServerReflectionRequest{MessageRequest: &reflection.ServerReflectionRequest_FileContainingSymbol{FileContainingSymbol: name}})
	if err != nil {
		return nil, err
	}
	files := map[string]*descriptorpb.FileDescriptorProto{}
	if name == "" || first.GetErrorResponse() != nil {
		return nil, s.listServices(r, first)
	}
	if err := r.add(files, first); err != nil {
		return nil, err
	}
	for missing := imported(files); missing != ""; missing = imported(files) { // most servers send it, too
		next, err := r.ask(&reflection.ServerReflectionRequest{MessageRequest: &reflection.ServerReflectionRequest_FileByFilename{FileByFilename: missing}})
		if err != nil {
			return nil, err
		}
		// Some servers lack a file of options only: then messages do without.
		if r.add(files, next) != nil || !has(files, missing) {
			files[missing] = nil
		}
	}
	var set descriptorpb.FileDescriptorSet
	for _, f := range files {
		if f != nil {
			set.File = append(set.File, f)
		}
	}
	all, err := protodesc.FileOptions{AllowUnresolvable: true}.NewFiles(&set)
	if err != nil {
		return nil, err
	}
	d, err := all.FindDescriptorByName(protoreflect.FullName(name))
	if service, ok := d.(protoreflect.ServiceDescriptor); ok {
		return s.method(service)
	}
	if err == nil || errors.Is(err, protoregistry.NotFound) {
		err = s.listServices(r, first)
	}
	return nil, err
}

// listServices is the error of an address whose service the server does not have.
func (s *service) listServices(r *reflected, first *reflection.ServerReflectionResponse) error {
	a, err := r.ask(&reflection.ServerReflectionRequest{MessageRequest: &reflection.ServerReflectionRequest_ListServices{}})
	if err != nil {
		return err
	}
	if e := a.GetErrorResponse(); e != nil {
		return errors.New(e.ErrorMessage)
	}
	var names []string
	name, _ := s.split()
	for _, service := range a.GetListServicesResponse().GetService() {
		if names = append(names, service.Name); service.Name == name { // and yet it does not describe it
			return errors.New(first.GetErrorResponse().GetErrorMessage())
		}
	}
	return s.noService(names)
}

// add adds the files of an answer.
func (r *reflected) add(files map[string]*descriptorpb.FileDescriptorProto, a *reflection.ServerReflectionResponse) error {
	if e := a.GetErrorResponse(); e != nil {
		return errors.New(e.ErrorMessage)
	}
	for _, text := range a.GetFileDescriptorResponse().GetFileDescriptorProto() {
		if r.bytes += len(text); r.bytes > maxDescriptor {
			return fmt.Errorf("its description is longer than %d bytes", maxDescriptor)
		}
		f := new(descriptorpb.FileDescriptorProto)
		if err := proto.Unmarshal(text, f); err != nil {
			return err
		}
		files[f.GetName()] = f
	}
	return nil
}

func has(files map[string]*descriptorpb.FileDescriptorProto, name string) bool {
	_, ok := files[name]
	return ok
}

// imported is a file that is imported and was not asked for; empty where there is none.
func imported(files map[string]*descriptorpb.FileDescriptorProto) string {
	for _, f := range files {
		for _, name := range f.GetDependency() {
			if !has(files, name) {
				return name
			}
		}
	}
	return ""
}
