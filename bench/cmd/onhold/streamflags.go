package main

import (
	"github.com/urfave/cli/v3"

	"github.com/a628bb15/onhold/bench"
)

// The flags about streams, whose names follow from the fields of bench.Stream.
const (
	flagStream        = "stream"
	flagStreamDone    = "stream-done"
	flagStreamEvents  = "stream-events"
	flagStreamMessage = "stream-message"
)

// streamFlags say what an event is of replies that are streams.
func streamFlags(category string) []cli.Flag {
	return []cli.Flag{
		stringFlag(category, flagStream, "", "`KIND` replies are streams of events: sse (server-sent events), lines, chunks (of HTTP/1.1) or websocket (messages). --timeout is then for the first event and for each gap. Messages of a gRPC method that streams replies are events without it"),
		&cli.StringFlag{Category: category, Name: flagStreamDone, Aliases: []string{"sse-done"}, Usage: "`TEXT` data of the event that ends a stream, as in '[DONE]'; a stream that the server ends before it is an error", OnlyOnce: true},
		intFlag(category, flagStreamEvents, 0, "end each stream after so many events; one that the server ends before is an error. 0: the server ends streams"),
		stringFlag(category, flagStreamMessage, "", "`TEXT` message to send over a WebSocket, again after each one that comes, for --stream-events; where not set, the server pushes"),
	}
}

// streamOf is what the flags say of streams over HTTP.
func streamOf(c *cli.Command) bench.Stream {
	return bench.Stream{Kind: c.String(flagStream), Done: c.String(flagStreamDone), Events: c.Int(flagStreamEvents), Message: c.String(flagStreamMessage)}
}
