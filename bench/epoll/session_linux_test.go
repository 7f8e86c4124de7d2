package epoll

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/tls"
	"encoding/binary"
	"encoding/hex"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/bench/clock"
	"github.com/a628bb15/onhold/bench/internal/wiretest"
	"github.com/a628bb15/onhold/reports/result"
	"pgregory.net/rapid"
)

// However records are cut, those that have come are counted.
func TestRecordsAreCounted(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var all []byte
		var ends []int
		for _, n := range rapid.SliceOfN(rapid.SampledFrom([]int{0, 1, 2, 255, 256, 17_000}), 0, 8).Draw(t, "records") {
			all = append(append(all, 23, 3, 3, byte(n>>8), byte(n)), make([]byte, n)...)
			ends = append(ends, len(all))
		}
		s := &session{}
		for at := 0; at < len(all); {
			n := min(rapid.IntRange(1, 400).Draw(t, "come"), len(all)-at)
			s.count(all[at : at+n])
			at += n
			want := 0
			for _, end := range ends {
				if end <= at {
					want++
				}
			}
			if s.whole != want {
				t.Fatalf("%d records after %d bytes, want %d", s.whole, at, want)
			}
		}
	})
}

// connected returns a loop of one client that is connected to the server of the
// requests.
func connected(t testing.TB, h bench.HTTP) (*loop, *ending) {
	t.Helper()
	l, end := byHand(t, h)
	requests, err := h.Requests()
	if err != nil {
		t.Fatal(err)
	}
	l.tls = requests.TLS
	connectByHand(t, l, requests.Addr)
	return l, end
}

// overTLS returns a loop of one client, connected to a server that answers
// whatever it reads with the same bytes.
func overTLS(t testing.TB) (*loop, *ending) {
	t.Helper()
	server, client := wiretest.Certificate()
	ln, err := tls.Listen("tcp", "127.0.0.1:0", server)
	if err != nil {
		t.Fatal(err)
	}
	answers(t, ln, okReply)
	return connected(t, bench.HTTP{URL: "https://" + ln.Addr().String() + "/", TLS: client})
}

// exchangeByHand makes one request.
func exchangeByHand(t testing.TB, l *loop, end *ending) {
	ended := end.n
	ask(l)
	for end.n == ended {
		l.turn(clock.Now() + time.Second)
	}
	if end.outcome != result.OK {
		t.Fatal(end.outcome)
	}
}

// A request over TLS allocates what crypto/tls does to read a record, once, and
// that is once at the server, too.
func TestExchangeOverTLSAllocatesLittle(t *testing.T) {
	if raceEnabled {
		t.Skip("with the race detector sync.Pool, which crypto/tls uses, forgets at random")
	}
	l, end := overTLS(t)
	exchangeByHand(t, l, end) // and the tickets
	if per := testing.AllocsPerRun(500, func() { exchangeByHand(t, l, end) }); per > 2 {
		t.Errorf("%.1f allocations a request, want 1 of ours and 1 of the server's", per)
	}
	if l.conns[0].generation != 0 {
		t.Error("the connection was made again")
	}
}

// What the kernel does not take of a record is kept and sent later, in order, and
// more than a bound is not kept.
func TestSessionKeepsWhatIsNotTaken(t *testing.T) {
	l, _ := byHand(t, bench.HTTP{URL: "http://127.0.0.1/"})
	peer := join(t, l)
	s := &session{fd: l.conns[0].fd}
	written := 0
	block := func() []byte {
		b := make([]byte, 16<<10)
		for i := range b {
			b[i] = byte((written + i) % 251)
		}
		return b
	}
	for range 1000 {
		if n, err := s.Write(block()); n < 16<<10 || err != nil {
			break
		}
		written += 16 << 10
	}
	if len(s.kept) == 0 || len(s.kept) > mostKept {
		t.Fatalf("%d bytes are kept, want some, at most %d", len(s.kept), mostKept)
	}
	read := 0
	buf := make([]byte, 64<<10)
	for read < written {
		n, errno := receive(int32(peer), buf)
		if errno != 0 {
			t.Fatal(errno, read, written)
		}
		for i, b := range buf[:n] {
			if b != byte((read+i)%251) {
				t.Fatalf("byte %d is %d", read+i, b)
			}
		}
		read += n
		s.flush()
	}
}

// records is one direction of a TLS 1.3 session, of which the test has the key.
type records struct {
	secret []byte
	aead   cipher.AEAD
	iv     []byte
	seq    uint64
}

func expand(t *testing.T, secret []byte, label string, n int) []byte { // RFC 8446, 7.1
	info := append([]byte{0, byte(n), byte(len("tls13 " + label))}, "tls13 "+label+"\x00"...)
	key, err := hkdf.Expand(sha256.New, secret, string(info), n)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func (r *records) use(t *testing.T, secret []byte) {
	block, err := aes.NewCipher(expand(t, secret, "key", 16))
	if err != nil {
		t.Fatal(err)
	}
	if r.aead, err = cipher.NewGCM(block); err != nil {
		t.Fatal(err)
	}
	r.secret, r.iv, r.seq = secret, expand(t, secret, "iv", 12), 0
}

func (r *records) update(t *testing.T) { r.use(t, expand(t, r.secret, "traffic upd", 32)) }

func (r *records) nonce() []byte {
	nonce := bytes.Clone(r.iv)
	binary.BigEndian.PutUint64(nonce[4:], binary.BigEndian.Uint64(nonce[4:])^r.seq)
	r.seq++
	return nonce
}

func (r *records) seal(kind byte, data []byte) []byte {
	n := len(data) + 1 + 16
	header := []byte{23, 3, 3, byte(n >> 8), byte(n)}
	return append(header, r.aead.Seal(nil, r.nonce(), append(bytes.Clone(data), kind), header)...)
}

func (r *records) open(t *testing.T, c net.Conn) (kind byte, data []byte) {
	header := make([]byte, 5)
	if _, err := io.ReadFull(c, header); err != nil {
		t.Error(err)
		return 0, nil
	}
	sealed := make([]byte, int(header[3])<<8|int(header[4]))
	_, err := io.ReadFull(c, sealed)
	if err == nil {
		data, err = r.aead.Open(nil, r.nonce(), sealed, header)
	}
	if err != nil {
		t.Error(err)
		return 0, nil
	}
	return data[len(data)-1], data[:len(data)-1]
}

// A server may change its key in the midst of a reply, and ask for a new one of
// the client's. The session goes on.
func TestKeysAreUpdated(t *testing.T) {
	const application, handshake = 23, 22
	config, client := wiretest.Certificate()
	config = config.Clone()
	var log bytes.Buffer
	config.KeyLogWriter, config.SessionTicketsDisabled, config.MinVersion = &log, true, tls.VersionTLS13
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	accepted := make(chan *tls.Conn)
	go func() {
		defer close(accepted)
		if c, err := ln.Accept(); err == nil {
			if s := tls.Server(c, config); s.Handshake() == nil {
				accepted <- s
			}
		}
	}()
	h := bench.HTTP{URL: "https://" + ln.Addr().String() + "/", TLS: client}
	l, end := connected(t, h)
	session := <-accepted
	if session == nil || session.ConnectionState().CipherSuite != tls.TLS_AES_128_GCM_SHA256 {
		t.Skip("the test speaks AES-128-GCM only")
	}
	c := session.NetConn()
	defer c.Close()
	var ours, theirs records
	for line := range strings.Lines(log.String()) {
		fields := strings.Fields(line)
		secret, err := hex.DecodeString(fields[2])
		if err != nil {
			t.Fatal(err)
		}
		switch fields[0] {
		case "SERVER_TRAFFIC_SECRET_0":
			ours.use(t, secret)
		case "CLIENT_TRAFFIC_SECRET_0":
			theirs.use(t, secret)
		}
	}
	const updates = 3
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range updates {
			if kind, _ := theirs.open(t, c); kind != application {
				t.Errorf("record of type %d, want a request", kind)
			}
			said := ours.seal(application, []byte(okReply[:10]))
			said = append(said, ours.seal(handshake, []byte{24, 0, 0, 1, 1})...) // RFC 8446, 4.6.3
			ours.update(t)
			c.Write(append(said, ours.seal(application, []byte(okReply[10:]))...))
			if kind, _ := theirs.open(t, c); kind != handshake {
				t.Errorf("record of type %d, want an update of the key", kind)
			}
			theirs.update(t)
		}
	}()
	for range updates {
		exchangeByHand(t, l, end)
	}
	<-done
	if l.conns[0].generation != 0 {
		t.Error("the connection was made again")
	}
}

// BenchmarkExchangeOverTLS is BenchmarkExchange over TLS, the server's part
// included.
func BenchmarkExchangeOverTLS(b *testing.B) {
	l, end := overTLS(b)
	b.ReportAllocs()
	for b.Loop() {
		exchangeByHand(b, l, end)
	}
}

// answers lets a server answer whatever it reads with the same bytes.
func answers(t testing.TB, ln net.Listener, text string) {
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				in, out := make([]byte, 4096), []byte(text)
				for {
					if _, err := c.Read(in); err != nil {
						return
					}
					if _, err := c.Write(out); err != nil {
						return
					}
				}
			}()
		}
	}()
}
