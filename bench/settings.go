package bench

import (
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/a628bb15/onhold/bench/internal/request"
	"github.com/a628bb15/onhold/reports/redact"
	"github.com/a628bb15/onhold/reports/result"
)

// StageSettings are the settings that the stage will have once the driver has
// run it.
func (p Plan) StageSettings(d Driver) result.Settings { return p.drivenBy(d).settings(d) }

// Settings identify these requests: in clear what is not secret, and a digest of
// all of it.
func (h HTTP) Settings() result.Settings {
	var s result.Settings
	if len(h.Mix) > 1 {
		var mix []string
		for _, w := range h.Mix {
			mix = append(mix, fmt.Sprintf("%d@%s", w.Weight, redact.URL(w.URL)))
		}
		s = s.With(result.KeyMix, strings.Join(mix, " "))
	}
	if h.Method != "" && h.Method != http.MethodGet {
		s = s.With(result.KeyMethod, h.Method)
	}
	if len(h.Body) > 0 {
		s = s.With(result.KeyBodyBytes, strconv.Itoa(len(h.Body)))
	}
	if h.Data != nil {
		s = append(s, h.Data.settings...)
	}
	if version := h.version(); version != HTTP1 {
		s = s.With(result.KeyHTTP, version)
	}
	if h.Connections > 0 {
		s = s.With(result.KeyConnections, strconv.Itoa(h.Connections))
	}
	if h.Streams > 0 {
		s = s.With(result.KeyStreams, strconv.Itoa(h.Streams))
	}
	if h.UnixSocket != "" {
		s = s.With(result.KeyUnixSocket, h.UnixSocket)
	}
	if c := h.TLS; c != nil {
		for _, of := range []struct {
			key, value string
			in         bool
		}{
			{result.KeyInsecure, "true", c.InsecureSkipVerify}, {result.KeyServerName, c.ServerName, c.ServerName != ""},
			{result.KeyTLSMax, strings.TrimPrefix(tls.VersionName(c.MaxVersion), "TLS "), c.MaxVersion != 0}, {result.KeyTLSResume, "true", c.ClientSessionCache != nil},
		} {
			if of.in {
				s = s.With(of.key, of.value)
			}
		}
	}
	if h.Cookies {
		s = s.With(result.KeyCookies, "true")
	}
	if h.Follow > 0 {
		s = s.With(result.KeyFollow, strconv.Itoa(h.Follow))
	}
	s = append(s, h.stream().settings()...)
	for _, of := range []result.Setting{{Key: result.KeyOKStatus, Value: h.OKStatus}, {Key: result.KeyRejectedStatus, Value: h.RejectedStatus}} {
		if of.Value != "" {
			s = s.With(of.Key, strings.ReplaceAll(of.Value, " ", ""))
		}
	}
	return s.With(result.KeyRequest, h.digest())
}

// digestDigits are how many hexadecimal digits of a digest are stored.
//
// A request may hold a password, and a record is for others to read. Four digits
// reveal at most 16 bits of it: of a million passwords that are tried, at the
// price that [redact.Digest] asks for each, 15 fit. Two different requests are
// taken for the same one time in 65,536, where method, addresses and length of
// the body are equal as well. No salt is drawn: repeats of a request have to look
// the same on every machine.
const digestDigits = 4

var digests sync.Map // of the SHA-256 of the text of a request: its digest

// digest is the same for the same requests, whatever server they go to: that is
// the target's name, and a server started for a stage has a port of its own.
func (h HTTP) digest() string {
	text := h.text()
	key := sha256.Sum256(text)
	known, ok := digests.Load(key)
	if !ok {
		known, _ = digests.LoadOrStore(key, redact.Digest(string(text))[:digestDigits])
	}
	return known.(string)
}

// text is all that makes these requests differ from others, unambiguously.
func (h HTTP) text() []byte {
	type address struct {
		Scheme, User, Path []byte
		Weight             int
	}
	var all struct {
		Method         string
		Mix            []address
		Header         [][]byte
		Body           []byte
		Close          bool
		Fill, Accepted bool // which function it is is not known
		TLS            []any
		Data           string `json:",omitempty"` // the sum of the files
		Message        []byte `json:",omitempty"` // of a stream
	}
	body := sha256.Sum256(h.Body) // in place of the body, of which there may be 64 MB
	all.Message = []byte(h.Stream.Message)
	all.Method, all.Body, all.Close = h.Method, body[:], h.NewConnection
	if all.Method == "" {
		all.Method = http.MethodGet
	}
	all.Fill, all.Accepted = h.Fill != nil, h.Accepted != nil
	mix := h.mix()
	for _, w := range mix {
		if len(mix) == 1 {
			w.Weight = 1 // of one, whatever it is
		}
		if u, want := h.parseURL(w.URL); want == "" {
			all.Mix = append(all.Mix, address{[]byte(u.Scheme), []byte(u.User.String()), []byte(request.EscapeTarget(target(w.URL))), w.Weight})
		} else {
			all.Mix = append(all.Mix, address{Path: []byte(w.URL), Weight: w.Weight})
		}
	}
	for _, line := range h.Header {
		all.Header = append(all.Header, []byte(line))
	}
	all.TLS = tlsText(h.TLS)
	if h.Data != nil {
		all.Data = hex.EncodeToString(h.Data.sum)
	}
	text, err := json.Marshal(all)
	if err != nil {
		return []byte(err.Error()) // of what is declared above none can fail
	}
	return text
}

// tlsText is what of a configuration changes the cost or the peer of a
// connection, and can be written down.
func tlsText(c *tls.Config) []any {
	if c == nil {
		return nil
	}
	return []any{
		c.MinVersion, c.MaxVersion, c.CipherSuites, c.CurvePreferences, c.NextProtos, c.ServerName, c.InsecureSkipVerify,
		c.SessionTicketsDisabled, c.ClientSessionCache != nil, len(c.Certificates), c.GetClientCertificate != nil, c.RootCAs != nil, c.DynamicRecordSizingDisabled,
	}
}
