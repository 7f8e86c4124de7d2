package wiretest

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Pacer is a server of streams that knows when it sent each event. It polls the clock
// between two of them, so it needs a CPU of its own.
type Pacer struct {
	Streams int           // that come; the first event is sent once all of them are there
	Events  int           // of each stream; the data of the last one is [DONE]
	Every   time.Duration // between two events of a stream; the streams take turns
}

// Serve serves the streams that are asked for at /1, /2 and so on: server-sent events, each
// a chunk, with the end of the reply behind the last one. It returns the instants at which it began to send each
// event of each stream.
func (p Pacer) Serve(ln net.Listener) ([][]time.Duration, error) {
	conns, sent := make([]net.Conn, p.Streams), make([][]time.Duration, p.Streams)
	for range conns {
		c, err := ln.Accept()
		if err != nil {
			return nil, err
		}
		defer c.Close()
		req, err := http.ReadRequest(bufio.NewReader(c))
		if err != nil {
			return nil, err
		}
		i, err := strconv.Atoi(strings.TrimPrefix(req.URL.Path, "/"))
		i--
		if err != nil || i < 0 || i >= len(conns) || conns[i] != nil {
			return nil, fmt.Errorf("stream %s is unknown, or comes twice", req.URL.Path)
		}
		if _, err := io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"); err != nil {
			return nil, err
		}
		conns[i], sent[i] = c, make([]time.Duration, 0, p.Events)
	}
	const lead = 200 * time.Millisecond
	began, first := time.Now(), lead
	for k := range p.Events {
		event := chunk("data: " + strings.Repeat("x", 100) + "\n\n")
		if k == p.Events-1 {
			event = append(chunk("data: [DONE]\n\n"), "0\r\n\r\n"...)
		}
		for i, c := range conns {
			due := first + time.Duration(k)*p.Every + p.Every*time.Duration(i)/time.Duration(p.Streams)
			now := time.Since(began)
			for ; now < due; now = time.Since(began) {
			}
			sent[i] = append(sent[i], now)
			if _, err := c.Write(event); err != nil {
				return nil, fmt.Errorf("event %d of stream %d: %w", k, i, err)
			}
		}
	}
	return sent, nil
}

func chunk(data string) []byte { return fmt.Appendf(nil, "%x\r\n%s\r\n", len(data), data) }
