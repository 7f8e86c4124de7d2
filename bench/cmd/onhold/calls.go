package main

import (
	"errors"
	"strings"

	"github.com/urfave/cli/v3"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/bench/grpc"
)

// protoFlags describe the method of a grpc:// address.
func protoFlags(category string) []cli.Flag {
	return []cli.Flag{
		listFlag(category, "proto", "`FILE` .proto file with the method of a grpc:// address, in place of server reflection; may be given more than once"),
		listFlag(category, "proto-path", "`FOLDER` folder in which --proto files and their imports are looked for; may be given more than once. Where not set, the working directory"),
	}
}

// callsOf are the calls that the flags ask for, to a method of a server.
func callsOf(c *cli.Command, address string) (calls grpc.Calls, err error) {
	if paths := c.StringSlice("mix"); len(paths) > 0 {
		return calls, usageError("--mix=%s: works with http:// and https:// only; a run of grpc:// calls one method", shownMix(paths[0]))
	}
	for _, flag := range []string{"method", "cookies", "follow", "http", "streams"} {
		if given(c, flag) {
			return calls, usageError("--%s=%v: works with http:// and https:// only; the address of a grpc:// server ends in /SERVICE/METHOD", flag, c.Value(flag))
		}
	}
	for _, flag := range []string{flagStream, flagStreamDone, flagStreamMessage} {
		if given(c, flag) { // without its value, which may be secret
			return calls, usageError("--%s: works with http:// and https:// only; a gRPC method that streams replies is a stream by itself", flag)
		}
	}
	if err := refuse(c, "grpc:// has its own driver; leave the flag out", "driver", "threads", "spin"); err != nil {
		return calls, err
	}
	if data := strings.TrimSpace(c.String("data")); strings.HasPrefix(data, "{") && given(c, "data") {
		return calls, usageError("--data: want a CSV file; give the message with --body")
	}
	connections := c.Int("connections")
	if connections > 0 && c.Bool("new-connection") {
		return calls, bothConnections(connections)
	}
	calls = grpc.Calls{
		URL: address, Header: c.StringSlice("header"), Proto: c.StringSlice("proto"), ProtoPath: c.StringSlice("proto-path"), UnixSocket: c.String("unix-socket"),
		OKStatus: c.String("ok-status"), RejectedStatus: c.String("rejected-status"), StreamEvents: c.Int(flagStreamEvents), Connections: connections, Seed: c.Uint64("seed"),
	}
	if calls.TLS, err = tlsOf(c); err != nil {
		return calls, err
	}
	if calls.TLS != nil {
		if err := onlyOverTLS(c, address, grpc.Secure); err != nil {
			return calls, err
		}
	}
	if calls.Body, err = bodyOf(c); err != nil {
		return calls, err
	}
	if calls.Data, err = dataOf(c, bench.HTTP{Header: calls.Header, Body: calls.Body}); err != nil {
		return calls, err
	}
	return calls, calls.Validate()
}

func bothConnections(n int) error {
	return usageError("--connections=%d: and --new-connection cannot be given together: connections are shared, or new for each call", n)
}

// notSpoken reports whether a server is there, and does not speak what the address says.
func notSpoken(err error) bool {
	_, grpc := errors.AsType[*grpc.NotGRPC](err)
	_, http := errors.AsType[*bench.NotHTTP2](err)
	return grpc || http
}
