package orderspb

import (
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

// buffer is of reading, on each connection: a call is a few hundred bytes, and
// there may be ten thousand connections.
const buffer = 8 << 10

// NewClient is a channel to the service at HOST:PORT, in plain text. It connects
// with its first call, or by Connect.
//
// No call is retried, and a call to a server that is not there fails at once:
// retries that a service could configure are off. One retry cannot be switched off:
// the library repeats a call once that was never sent, or that the server reports as
// not processed.
//
// The address is used as it is, without a proxy or name resolution. An idle
// connection stays open.
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
// Any number of calls may use a connection: with a limit, callers would queue in
// their own process, where it is not seen.
func ServerOptions() []grpc.ServerOption {
	return []grpc.ServerOption{
		grpc.MaxConcurrentStreams(anyNumber),
		grpc.ReadBufferSize(buffer),
	}
}

const anyNumber = 1<<32 - 1
