package peers

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	_ "embed"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/a628bb15/onhold/bench/process"
	"github.com/a628bb15/onhold/bench/scratch"
	"github.com/a628bb15/onhold/targets/orders"
)

//go:embed nginx.conf
var nginxConf string

// nginxLimit is how long nginx may take to serve.
const nginxLimit = 10 * time.Second

// programPath is where a server program is installed; "" where it is not.
func programPath(name string) string {
	for _, at := range []string{name, "/usr/sbin/" + name} {
		if path, err := exec.LookPath(at); err == nil {
			return path
		}
	}
	return ""
}

// nginx is nginx with TLS or HTTP/2, in one process, which replies at once.
func nginx(as protocol) func(context.Context, *runner) (*server, error) {
	return func(ctx context.Context, r *runner) (*server, error) {
		dir, err := scratch.New("onhold-nginx-")
		if err != nil {
			return nil, err
		}
		s, err := startNginx(ctx, r, dir.Path)
		if err != nil {
			dir.Remove()
			return nil, err
		}
		if as == protoHTTP2 {
			s.url = "http://" + s.http2 + orders.PathOneUser
		}
		stop := s.stop
		s.stop = func() error {
			defer dir.Remove()
			return stop()
		}
		return s, nil
	}
}

func startNginx(ctx context.Context, r *runner, dir string) (*server, error) {
	if _, err := certificate(dir); err != nil {
		return nil, err
	}
	ports, err := freePorts(3)
	if err != nil {
		return nil, err
	}
	secure, http2, plain := ports[0], ports[1], ports[2]
	user := ""
	if os.Getuid() == 0 {
		user = "user root;"
	}
	conf := filepath.Join(dir, "nginx.conf")
	text := strings.NewReplacer("{user}", user, "{dir}", dir, "{secure}", secure, "{http2}", http2, "{plain}", plain).Replace(nginxConf)
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		return nil, err
	}
	p, err := process.Start(exec.Command(programPath("nginx"), "-p", dir, "-e", filepath.Join(dir, "error.log"), "-c", conf), r.targetCPUs, nil)
	if err != nil {
		return nil, err
	}
	s := &server{addr: secure, http2: http2, url: "https://" + secure + orders.PathOneUser, pid: p.ID(), ended: p.Ended, stop: p.Stop}
	s.count = func(ctx context.Context, _ *contest, m *Measurement) (err error) {
		m.Requests, err = nginxRequests(ctx, plain)
		if m.Took > 0 {
			m.Rate = float64(m.Requests) / m.Took.Seconds()
		}
		return err
	}
	for began := time.Now(); ; time.Sleep(5 * time.Millisecond) {
		if _, err = nginxRequests(ctx, plain); err == nil {
			break
		}
		if ended, how := p.Ended(); ended || time.Since(began) > nginxLimit || ctx.Err() != nil {
			p.Kill()
			return nil, fmt.Errorf("nginx does not serve: %w: %s%s", err, how, p.Stderr())
		}
	}
	served, err := nginxRequests(ctx, plain) // those that asked until now
	count := s.count
	s.count = func(ctx context.Context, k *contest, m *Measurement) error {
		err := count(ctx, k, m)
		m.Requests -= served + 1
		return err
	}
	return s, err
}

var stubRequests = regexp.MustCompile(`(?m)^ \d+ \d+ (\d+) `)

// nginxRequests is how many requests nginx has counted, this one included.
func nginxRequests(ctx context.Context, addr string) (int64, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+"/", nil)
	if err != nil {
		return 0, err
	}
	asking := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: nginxLimit}
	resp, err := asking.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<16))
	if err != nil {
		return 0, err
	}
	m := stubRequests.FindSubmatch(body)
	if m == nil {
		return 0, fmt.Errorf("nginx counts no requests: %.100q", body)
	}
	return strconv.ParseInt(string(m[1]), 10, 64)
}

// freePorts are n addresses at which nothing listens now.
func freePorts(n int) (ports []string, err error) {
	var all []net.Listener
	for range n {
		l, listenErr := net.Listen("tcp", "127.0.0.1:0")
		if listenErr != nil {
			err = errors.Join(err, listenErr)
			continue
		}
		all, ports = append(all, l), append(ports, l.Addr().String())
	}
	for _, l := range all {
		err = errors.Join(err, l.Close())
	}
	return ports, err
}

// certificate makes a certificate of this machine, and where dir is not empty its files.
func certificate(dir string) (pair tls.Certificate, err error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return pair, err
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "127.0.0.1"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		return pair, err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return pair, err
	}
	certPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	keyPEM := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})
	if pair, err = tls.X509KeyPair(certPEM, keyPEM); err != nil || dir == "" {
		return pair, err
	}
	return pair, errors.Join(os.WriteFile(filepath.Join(dir, "cert.pem"), certPEM, 0o600), os.WriteFile(filepath.Join(dir, "key.pem"), keyPEM, 0o600))
}
