package orderspb

import (
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

// buffer is of reading, on each connection: a call is a few hundred bytes, and
// there may be ten thousand connections.
const buffer = 8 << 10

// NewClient is a channel to the service at HOST:PORT, in plain text. It connects
// with its first call, or when it is told to.
//
// Nothing is sent again in silence, nor waits for better times: retries that a
// service could configure are off, a call to a server that is not there fails at
// once. What is left, and cannot be switched off, is that a call which never
// went out, or of which the server says that it has not looked at it, is made
// once more by the library itself.
//
// The address is taken as it is: no proxy, no list of addresses to pick from. A
// connection that rests stays.
func NewClient(addr string, options ...grpc.DialOption) (*grpc.ClientConn, error) {
	return grpc.NewClient("passthrough:///"+addr, append([]grpc.DialOption{
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDisableRetry(),
		grpc.WithDisableServiceConfig(),
		grpc.WithDisableHealthCheck(),
		grpc.WithNoProxy(),
		grpc.WithIdleTimeout(0),
		grpc.WithReadBufferSize(buffer),
	}, options...)...)
}

// ServerOptions are those of a server whose callers connect as NewClient does.
// That any number of calls may be on a connection is said openly: with a limit
// here, callers would queue in their own process, unseen.
func ServerOptions() []grpc.ServerOption {
	return []grpc.ServerOption{
		grpc.MaxConcurrentStreams(anyNumber),
		grpc.ReadBufferSize(buffer),
	}
}

const anyNumber = 1<<32 - 1
