package wiretest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// Local are the addresses of a certificate for servers of this machine.
var Local = []net.IP{net.IPv4(127, 0, 0, 1)}

// Certificate is one for 127.0.0.1 that clients trust.
var Certificate = sync.OnceValues(func() (server, client *tls.Config) {
	c := Sign(x509.Certificate{IPAddresses: Local, IsCA: true}, nil)
	roots := x509.NewCertPool()
	roots.AddCert(c.Leaf)
	return &tls.Config{Certificates: []tls.Certificate{c}}, &tls.Config{RootCAs: roots}
})

// Sign makes a certificate, signed by an authority or, where that is nil, by itself. It
// is valid for an hour, where c does not say until when. Its key is on an elliptic curve:
// to sign with it costs little.
func Sign(c x509.Certificate, authority *tls.Certificate) tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	now := time.Now()
	c.SerialNumber, c.NotBefore, c.BasicConstraintsValid = big.NewInt(now.UnixNano()), now.Add(-2*time.Hour), true
	if c.NotAfter.IsZero() {
		c.NotAfter = now.Add(time.Hour)
	}
	parent, signer := &c, any(key)
	if authority != nil {
		parent, signer = authority.Leaf, authority.PrivateKey
	}
	der, err := x509.CreateCertificate(rand.Reader, &c, parent, key.Public(), signer)
	if err != nil {
		panic(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		panic(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

// WritePEM writes a certificate to NAME.pem in a folder, and its private key to NAME.key.
func WritePEM(t interface{ Fatal(...any) }, dir, name string, c tls.Certificate) {
	private, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	for ending, block := range map[string]*pem.Block{".pem": {Type: "CERTIFICATE", Bytes: c.Certificate[0]}, ".key": {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(filepath.Join(dir, name+ending), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
