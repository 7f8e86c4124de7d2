package stream

import (
	"bytes"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"math/rand/v2"
)

// keyBytes are the characters of a key: 16 random bytes in base64.
const keyBytes = 24

// KeyLine is the line of a request that has the key of its connection. A key takes the
// place of the zeros; see [Stream.Ask].
const KeyLine = "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"

var keyName = []byte(KeyLine[:len(KeyLine)-len("\r\n")-keyBytes])

// Upgrade are the header lines of a request for a WebSocket, but for KeyLine.
const Upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"

// withKey appends the request with a key that is new, which it returns too.
func withKey(b, request []byte) (asked []byte, key [keyBytes]byte) {
	var nonce [16]byte
	binary.NativeEndian.PutUint64(nonce[:], rand.Uint64())
	binary.NativeEndian.PutUint64(nonce[8:], rand.Uint64())
	base64.StdEncoding.Encode(key[:], nonce[:])
	at := len(b)
	b = append(b, request...)
	if i := bytes.Index(b[at:], keyName); i >= 0 {
		copy(b[at+i+len(keyName):], key[:])
	}
	return b, key
}

// accept is what the server makes of the key (RFC 6455, 4.2.2).
func accept(key [keyBytes]byte) string {
	sum := sha1.Sum(append(key[:], "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"...))
	return base64.StdEncoding.EncodeToString(sum[:])
}
