package bench_test

import (
	"strings"
	"time"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/reports/result"
)

// hostile is one way in which a server behaves that no client should have to
// expect, or that few servers have and RFC 9112 allows.
type hostile struct {
	name string
	do   func(p *peer) // with one connection, from its first byte
	want []result.Outcome

	unsolicited bool // the server sends unsolicited bytes, and that is noticed
	hungry      bool // it tries to take the client's memory or time
	stalls      bool // only its timeout ends a request
	idles       bool // what it does, it does to connections that rest
	body        int  // bytes of the requests' bodies

	stream bench.Stream
	events int    // of each stream; -1: that depends
	early  bool   // each ended early
	why    string // is in the reason
}

var (
	ok      = []result.Outcome{result.OK}
	faulty  = []result.Outcome{result.Error}
	reset   = []result.Outcome{result.Reset}
	timeout = []result.Outcome{result.Timeout}
	endless = []result.Outcome{result.Error, result.Timeout}
)

const (
	okHead      = "HTTP/1.1 200 OK\r\n"
	chunkedHead = okHead + "Transfer-Encoding: chunked\r\n\r\n"
	kilo        = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
)

var long = strings.Repeat(kilo, 1000) // 64 kB

// hostiles is the suite.
var hostiles = []hostile{
	// Replies that are unusual, and complete.
	{name: "lines end in a line feed", do: answers("HTTP/1.1 200 OK\nContent-Length: 2\n\nok"), want: ok},
	{name: "lines end in either", do: answers("HTTP/1.1 200 OK\r\nX: 1\nContent-Length: 2\n\r\nok"), want: ok},
	{name: "chunks in lines that end in a line feed", do: answers("HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n2\nok\n0\n\n"), want: ok},
	{name: "empty lines before the reply", do: answers("\r\n\n\r\n" + okReply), want: ok},
	{name: "names in lower case", do: answers("HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: keep-alive\r\n\r\nok"), want: ok},
	{name: "a folded line", do: answers(okHead + "X: a\r\n\tb\r\nContent-Length:\r\n 2\r\n\r\nok"), want: ok},
	{name: "no reason phrase", do: answers("HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok"), want: ok},
	{name: "HTTP/1.0", do: thenCloseIt("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok"), want: ok},
	{name: "HTTP/1.0 kept alive", do: answers("HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 2\r\n\r\nok"), want: ok},
	{name: "HTTP/1.0 with chunks", do: thenCloseIt("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nok"), want: ok},
	{name: "a body that ends with the connection", do: thenCloseIt(okHead + "\r\nok"), want: ok},
	{name: "the close is announced, and left to us", do: answers(closingReply), want: ok},
	{name: "keep-alive, and close", do: answers(okHead + "Connection: keep-alive, close\r\nContent-Length: 2\r\n\r\nok"), want: ok},
	{name: "100 before the reply", do: answers("HTTP/1.1 100 Continue\r\n\r\n" + okReply), want: ok},
	{name: "100 and 103, a little before the reply", do: answers("HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n", okReply), want: ok},
	{name: "100 and 103 byte by byte", do: drips("", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"+okReply, 0), want: ok},
	{name: "a hundred interim replies", do: answers(strings.Repeat("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n", 100) + okReply), want: ok},
	{name: "204 without a body", do: answers("HTTP/1.1 204 No Content\r\n\r\n"), want: ok},
	{name: "304 with a length", do: answers("HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n"), want: ok},
	{name: "the same length twice", do: answers(okHead + "Content-Length: 2\r\nContent-Length: 2\r\n\r\nok"), want: ok},
	{name: "a length and chunks", do: answers(okHead + "Content-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"), want: ok},
	{name: "extensions of chunks", do: answers(chunkedHead + "2 ;a=\"b\";" + long[:60_000] + "\r\nok\r\n0;x\r\n\r\n"), want: ok},
	{name: "a trailer of 60 kB", do: answers(chunkedHead + "2\r\nok\r\n0\r\nX: " + long[:60_000] + "\r\n\r\n"), want: ok},
	{name: "a header of 60 kB", do: answers(okHead + "X: " + long[:60_000] + "\r\nContent-Length: 2\r\n\r\nok"), want: ok},
	{name: "a reply byte by byte", do: drips("", okReply, 0), want: ok},
	{name: "half a connection closed after the reply", do: halfCloses(okReply), want: ok, idles: true},
	{name: "a reply of 2 MB", do: answers(okHead + "Content-Length: 2048000\r\n\r\n" + strings.Repeat(long, 32)), want: ok},
	{name: "a reply of 2 MB to the end", do: thenCloseIt(okHead + "\r\n" + strings.Repeat(long, 32)), want: ok},
	{name: "a reply before the request is read", do: early(okReply), want: ok, body: 8 << 20},

	// Connections that end while nobody uses them.
	{name: "closed after each reply, unannounced", do: once(okReply), want: ok, idles: true},
	{name: "closed after three replies", do: times(3, okReply), want: ok, idles: true},
	{name: "408 and closed while it is idle", do: once(okReply, "HTTP/1.1 408 Request Time-out\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"), want: ok, idles: true},
	{name: "reset while it is idle", do: onceReset(okReply), want: ok, idles: true},

	// Bytes that nobody asked for.
	{name: "a second reply in the same packet", do: answers(okReply + rejectedReply), want: ok, unsolicited: true},
	{name: "a second reply while it is idle", do: answers(okReply, rejectedReply), want: ok, unsolicited: true, idles: true},
	{name: "garbage behind the reply", do: answers(okReply + "\x00\xff"), want: ok, unsolicited: true},
	{name: "an empty line behind the reply", do: answers(okReply + "\r\n"), want: ok, unsolicited: true},
	{name: "a body longer than its length", do: answers(okHead + "Content-Length: 2\r\n\r\nokay"), want: ok, unsolicited: true},
	{name: "a body behind 204", do: answers("HTTP/1.1 204 No Content\r\n\r\nbody"), want: ok, unsolicited: true},
	{name: "1 MB behind the reply", do: answers(okReply + strings.Repeat(long, 16)), want: ok, unsolicited: true},
	{name: "no end of replies", do: floods(okReply, okReply), want: ok, unsolicited: true, hungry: true},

	// Statuses that are none.
	{name: "status 000", do: answers("HTTP/1.1 000 OK\r\nContent-Length: 2\r\n\r\nok"), want: faulty},
	{name: "status 099", do: answers("HTTP/1.1 099 OK\r\nContent-Length: 2\r\n\r\nok"), want: faulty},
	{name: "status 600", do: answers("HTTP/1.1 600 OK\r\nContent-Length: 2\r\n\r\nok"), want: faulty},
	{name: "status 999", do: answers("HTTP/1.1 999 OK\r\nContent-Length: 2\r\n\r\nok"), want: faulty},
	{name: "status 2000", do: answers("HTTP/1.1 2000 OK\r\nContent-Length: 2\r\n\r\nok"), want: faulty},
	{name: "status 20", do: answers("HTTP/1.1 20 OK\r\nContent-Length: 2\r\n\r\nok"), want: faulty},

	// What cannot be understood.
	{name: "garbage", do: answers("\x00\x01\x02\xff"), want: faulty},
	{name: "SSH", do: answers("SSH-2.0-OpenSSH_9.6\r\n"), want: faulty},
	{name: "an alert of TLS", do: answers("\x15\x03\x01\x00\x02\x02\x46"), want: faulty},
	{name: "HTTP/2", do: answers("\x00\x00\x12\x04\x00\x00\x00\x00\x00"), want: faulty},
	{name: "version 2.0", do: answers("HTTP/2.0 200 OK\r\nContent-Length: 2\r\n\r\nok"), want: faulty},
	{name: "a line without a colon", do: answers(okHead + "nothing\r\nContent-Length: 2\r\n\r\nok"), want: faulty},
	{name: "a NUL in the header", do: answers(okHead + "X: a\x00\r\nContent-Length: 2\r\n\r\nok"), want: faulty},
	{name: "a bare carriage return", do: answers(okHead + "X: a\rb\r\nContent-Length: 2\r\n\r\nok"), want: faulty},
	{name: "two lengths", do: answers(okHead + "Content-Length: 2\r\nContent-Length: 3\r\n\r\nokk"), want: faulty},
	{name: "a negative length", do: answers(okHead + "Content-Length: -2\r\n\r\nok"), want: faulty},
	{name: "a length that overflows", do: answers(okHead + "Content-Length: 18446744073709551618\r\n\r\nok"), want: faulty},
	{name: "a length above the bound", do: answers(okHead + "Content-Length: 67108865\r\n\r\n"), want: faulty, hungry: true},
	{name: "an unknown transfer encoding", do: answers(okHead + "Transfer-Encoding: gzip\r\n\r\nok"), want: faulty},
	{name: "a chunk without a size", do: answers(chunkedHead + "zz\r\nok"), want: faulty},
	{name: "a chunk of 2 to the 60", do: answers(chunkedHead + "fffffffffffffff\r\nok"), want: faulty, hungry: true},
	{name: "a chunk that is too long", do: answers(chunkedHead + "1\r\nok\r\n0\r\n\r\n"), want: faulty},
	{name: "a trailer without a colon", do: answers(chunkedHead + "0\r\nnothing\r\n\r\n"), want: faulty},
	{name: "101 and another protocol", do: answers("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n\x00\x01"), want: faulty},

	// What has no end.
	{name: "a header line without end", do: floods(okHead+"X: ", long), want: faulty, hungry: true},
	{name: "header lines without end", do: floods(okHead, strings.Repeat("X: y\r\n", 1000)), want: faulty, hungry: true},
	{name: "empty lines without end", do: floods("", strings.Repeat("\r\n", 1000)), want: faulty, hungry: true},
	{name: "interim replies without end", do: floods("", strings.Repeat("HTTP/1.1 100 Continue\r\n\r\n", 100)), want: faulty, hungry: true},
	{name: "large interim replies without end", do: floods("", "HTTP/1.1 103 Early Hints\r\nX: "+long[:60_000]+"\r\n\r\n"), want: endless, hungry: true},
	{name: "an extension without end", do: floods(chunkedHead+"1;", long), want: faulty, hungry: true},
	{name: "chunks of a byte with an extension of 60 kB", do: floods(chunkedHead, "1;"+long[:60_000]+"\r\nx\r\n"), want: endless, hungry: true},
	{name: "chunks of a byte without end", do: floods(chunkedHead, strings.Repeat("1\r\nx\r\n", 10_000)), want: endless, hungry: true},
	{name: "chunks of 64 kB without end", do: floods(chunkedHead, "fa00\r\n"+long+"\r\n"), want: endless, hungry: true},
	{name: "a body without end", do: floods(okHead+"\r\n", long), want: endless, hungry: true},
	{name: "a trailer without end", do: floods(chunkedHead+"0\r\n", strings.Repeat("X: y\r\n", 1000)), want: faulty, hungry: true},

	// What never comes, or so slowly.
	{name: "no reply", do: func(p *peer) { p.hold() }, want: timeout, stalls: true},
	{name: "nothing is read", do: func(p *peer) { <-p.over }, want: timeout, stalls: true},
	{name: "a large request is not read", do: func(p *peer) { <-p.over }, want: timeout, stalls: true, body: 8 << 20, hungry: true},
	{name: "a large request is read slowly", do: readsSlowly, want: timeout, stalls: true, body: 8 << 20},
	{name: "64 MB are announced, none comes", do: answers(okHead + "Content-Length: 67108864\r\n\r\n"), want: timeout, stalls: true, hungry: true},
	{name: "a chunk of 32 MB is announced, none of it comes", do: answers(chunkedHead + "2000000\r\n"), want: timeout, stalls: true, hungry: true},
	{name: "64 MB are announced, some come", do: answers(okHead + "Content-Length: 67108864\r\n\r\n" + long), want: timeout, stalls: true, hungry: true},
	{name: "half a header", do: answers(okHead + "X: " + long[:50_000]), want: timeout, stalls: true, hungry: true},
	{name: "half a trailer", do: answers(chunkedHead + "0\r\nX: " + long[:50_000]), want: timeout, stalls: true, hungry: true},
	{name: "a header drips", do: drips(okHead+"X: ", strings.Repeat("x", 10_000), time.Millisecond), want: timeout, stalls: true},
	{name: "a body drips", do: drips(okHead+"Content-Length: 100000\r\n\r\n", strings.Repeat("x", 10_000), time.Millisecond), want: timeout, stalls: true},
	{name: "chunks drip", do: drips(chunkedHead, strings.Repeat("1\r\nx\r\n", 10_000), time.Millisecond), want: timeout, stalls: true},
	{name: "interim replies drip", do: drips("", strings.Repeat("HTTP/1.1 100 Continue\r\n\r\n", 1000), time.Millisecond), want: timeout, stalls: true},
	{name: "a body to the end that does not end", do: answers(okHead + "\r\nok"), want: timeout, stalls: true},

	// Connections that break.
	{name: "closed when it is made", do: func(*peer) {}, want: reset},
	{name: "reset when it is made", do: func(p *peer) { p.reset() }, want: []result.Outcome{result.Reset, result.Refused}},
	{name: "closed in place of a reply", do: thenCloseIt(""), want: reset},
	{name: "reset in place of a reply", do: thenReset(""), want: reset},
	{name: "closed in the status line", do: thenCloseIt("HTTP/1.1 2"), want: reset},
	{name: "closed in the header", do: thenCloseIt(okHead + "Content-"), want: reset},
	{name: "closed in the body", do: thenCloseIt(okHead + "Content-Length: 9\r\n\r\nok"), want: reset},
	{name: "closed in a chunk", do: thenCloseIt(chunkedHead + "9\r\nok"), want: reset},
	{name: "closed before the last chunk", do: thenCloseIt(chunkedHead + "2\r\nok\r\n"), want: reset},
	{name: "closed in the trailer", do: thenCloseIt(chunkedHead + "0\r\nX: "), want: reset},
	{name: "closed after an interim reply", do: thenCloseIt("HTTP/1.1 100 Continue\r\n\r\n"), want: reset},
	{name: "reset in the body", do: thenReset(okHead + "Content-Length: 9\r\n\r\nok"), want: reset},
	{name: "reset in a body to the end", do: thenReset(okHead + "\r\nok"), want: reset},
	{name: "half closed in place of a reply", do: halfCloses(""), want: reset},
	{name: "closed in the midst of a large request", do: func(p *peer) { p.Read(make([]byte, 1000)); p.reset() }, want: reset, body: 8 << 20},
}
