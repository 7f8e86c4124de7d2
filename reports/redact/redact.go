// Package redact removes secrets from what onhold records, prints and draws: values of
// header lines, bodies, user information of addresses, and values with secret names.
// Only this package decides what is a secret.
//
//  1. A text that may contain a secret is redacted where it becomes a setting, a name
//     or a message: [URL] an address, [Header] a header line, [Body] a body, [DSN] a
//     data source, [Args] a command line, [Text] any other text, such as a shell
//     command or an error of a library.
//  2. Every secret that a user gives is also passed to [Learn]. [Known] removes it from
//     whatever leaves the process (package files does so with each file, the command
//     with all that it prints), in case a server, a compiler or a library repeats it.
//  3. [Digest] distinguishes two secrets without revealing either.
package redact

import (
	"crypto/pbkdf2"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// Mask stands in the place of a secret.
const Mask = "xxxxx"

// parts make a name secret wherever they stand in it, without case and separators.
var parts = []string{
	"token", "secret", "password", "passwd", "passphrase", "pwd", "authorization", "authentication", "cookie", "credential",
	"signature", "session", "sessid", "jwt", "bearer", "csrf", "xsrf", "assertion", "samlresponse", "privatekey", "hmac",
}

// words make a name secret where they are a word of it.
var words = []string{"auth", "oauth", "pass", "pw", "sig", "sid", "otp", "key", "keys", "cred", "creds", "tkn", "ticket", "apikey"}

// Secret reports whether a header line, a query value, a variable or a flag of that
// name has a secret value, as in X-Auth-Token, apiKey, access_token,
// DB-PASSWORD or %74oken.
func Secret(name string) bool {
	name = unescaped(name)
	joined := strings.Map(func(r rune) rune {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			return -1
		}
		return unicode.ToLower(r)
	}, name)
	return slices.ContainsFunc(parts, func(part string) bool { return strings.Contains(joined, part) }) ||
		slices.ContainsFunc(wordsOf(name), func(word string) bool {
			return slices.Contains(words, word) || strings.HasSuffix(word, "key") && len(word) > 3 // apikey, authkey
		})
}

// unescaped is a text as somebody may decode it, more than once.
func unescaped(text string) string {
	for range 3 {
		next, err := url.QueryUnescape(text)
		if err != nil {
			break
		}
		text = next
	}
	return text
}

// wordsOf splits a name where its case rises, and at what is no letter.
func wordsOf(name string) (out []string) {
	var word []rune
	end := func() {
		if len(word) > 0 {
			out = append(out, strings.ToLower(string(word)))
			word = word[:0]
		}
	}
	runes := []rune(name)
	for i, r := range runes {
		switch {
		case !unicode.IsLetter(r):
			end()
			continue
		case unicode.IsUpper(r) && i > 0 && (unicode.IsLower(runes[i-1]) || i+1 < len(runes) && unicode.IsLower(runes[i+1])):
			end() // userKey, and the S of APISecret
		}
		word = append(word, r)
	}
	end()
	return out
}

// URL is an address without its user information, and without the secret values of its
// query, fragment and path parameters. It also takes malformed addresses, a weight in
// front as in 9@http://host/, and several addresses with commas between.
func URL(text string) string {
	var out strings.Builder
	begin := 0
	for _, at := range several.FindAllStringIndex(text, -1) {
		out.WriteString(address(text[begin:at[0]]) + ",")
		begin = at[0] + 1
	}
	return out.String() + address(text[begin:])
}

// several is where another address begins.
var several = regexp.MustCompile(`,[A-Za-z][A-Za-z0-9+.-]*://`)

func address(text string) string {
	weight := ""
	if at := strings.IndexByte(text, '@'); at > 0 && strings.Trim(text[:at], "0123456789") == "" && strings.Contains(text[at:], "://") {
		weight, text = text[:at+1], text[at+1:]
	}
	scheme, rest := "", text
	if i := strings.Index(text, "://"); i >= 0 {
		scheme, rest = text[:i+3], text[i+3:]
	} else if strings.HasPrefix(text, "//") {
		scheme, rest = "//", text[2:]
	}
	if at := strings.LastIndexByte(scheme, '@'); at >= 0 { // joe:secret@http://host
		scheme = Mask + scheme[at:]
	}
	end := strings.IndexAny(rest, `/?#\`)
	if end < 0 {
		end = len(rest)
	}
	authority, tail := rest[:end], rest[end:]
	if scheme != "" && (strings.Contains(authority, "@") || strangePort(authority)) {
		// A password with a slash in it ends behind what looks like the host.
		authority, tail = upTo(rest, strings.LastIndexByte(pathOf(rest), '@'), authority, tail)
	}
	if at := strings.LastIndexByte(authority, '@'); at >= 0 && at > 0 {
		authority = Mask + authority[at:]
	}
	path, fragment, hasFragment := strings.Cut(tail, "#")
	path, query, hasQuery := strings.Cut(path, "?")
	out := weight + scheme + authority + parameters(path)
	if hasQuery {
		out += "?" + values(query)
	}
	if hasFragment {
		out += "#" + values(fragment)
	}
	return out
}

// pathOf is what comes before a query; of a strange port all of it.
func pathOf(rest string) string {
	if i := strings.IndexAny(rest, "?#"); i >= 0 && !strangePort(rest[:i]) {
		return rest[:i]
	}
	return rest
}

// upTo moves the end of the authority behind the @ at that place.
func upTo(rest string, at int, authority, tail string) (string, string) {
	if at < len(authority) {
		return authority, tail
	}
	end := len(rest)
	if next := strings.IndexAny(rest[at:], "/?#"); next >= 0 {
		end = at + next
	}
	return rest[:end], rest[end:]
}

// strangePort reports whether an authority has a port that is no number.
func strangePort(authority string) bool {
	authority = authority[strings.LastIndexByte(authority, '@')+1:]
	i := strings.LastIndexByte(authority, ':')
	return i >= 0 && !strings.HasSuffix(authority, "]") && strings.Trim(authority[i+1:], "0123456789") != ""
}

// parameters redacts what follows a semicolon in the segments of a path.
func parameters(path string) string {
	if !strings.Contains(path, ";") {
		return path
	}
	segments := strings.Split(path, "/")
	for i, s := range segments {
		if first, rest, ok := strings.Cut(s, ";"); ok {
			segments[i] = first + ";" + values(rest)
		}
	}
	return strings.Join(segments, "/")
}

// values redacts the values of a query by their names.
func values(query string) string {
	var out strings.Builder
	for query != "" {
		end := strings.IndexAny(query, "&;")
		pair, separator := query, ""
		if end >= 0 {
			pair, separator = query[:end], query[end:end+1]
		}
		query = query[len(pair)+len(separator):]
		name, value, ok := strings.Cut(pair, "=")
		switch {
		case ok && value != "" && Secret(name):
			pair = name + "=" + Mask
		case ok:
			pair = name + "=" + nested(value)
		case strings.Contains(pair, "@"): // a ? in a password: http://joe:what?ever@host
			pair = Mask + pair[strings.LastIndexByte(pair, '@'):]
		}
		out.WriteString(pair + separator)
	}
	return out.String()
}

// nested redacts a value that is an address, or a query, itself.
func nested(value string) string {
	decoded := unescaped(value)
	if shown := Text(decoded); shown != decoded {
		return url.QueryEscape(shown)
	}
	return value
}

// URLError is the error of a malformed address, without the parts that the library
// quotes.
func URLError(err error) error {
	var e *url.Error
	if errors.As(err, &e) {
		err = e.Err
	}
	return errors.New(quoted.ReplaceAllString(err.Error(), `"…"`))
}

var quoted = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)

// Header is a header line without its value.
func Header(line string) string {
	name, _, ok := strings.Cut(line, ":")
	if !ok {
		return Mask // it may be anything
	}
	return strings.TrimSpace(name) + ": " + Mask
}

// Body is what is shown of a body: its length.
func Body(body string) string {
	if body == "" {
		return ""
	}
	return fmt.Sprintf("(%d bytes)", len(body))
}

// DSN is a data source without its password: an address, or words like
// host=127.0.0.1 password='a b'.
func DSN(text string) string {
	scheme, rest, ok := strings.Cut(text, "://")
	switch {
	case ok:
		// It has no @ but the one behind the user: a password may have a slash.
		if at := strings.LastIndexByte(pathOf(rest), '@'); at >= 0 {
			rest = Mask + rest[at:]
		}
		return URL(scheme + "://" + rest)
	case strings.Contains(text, "="):
		return Text(text)
	}
	if at := strings.LastIndexByte(text, '@'); at >= 0 { // user:password@tcp(host)/database
		return Mask + text[at:]
	}
	return text
}

// Servers are the hosts and ports of the addresses of brokers, with commas between:
// without user and password, or the token in the place of a user. One that cannot be
// read is masked.
func Servers(addresses string) string {
	servers := strings.Split(addresses, ",")
	for i, s := range servers {
		servers[i] = server(strings.TrimSpace(s))
	}
	return strings.Join(servers, ",")
}

func server(text string) string {
	scheme, rest, ok := strings.Cut(text, "://")
	if !ok {
		scheme, rest = "", text
	} else {
		scheme += "://"
	}
	// Up to the last @, not the first: a password in which one was not escaped.
	at := strings.LastIndex(rest, "@")
	u, err := url.Parse("nats://" + rest[at+1:])
	if err != nil || strings.Contains(scheme, "@") {
		return Mask
	}
	if at >= 0 {
		return scheme + Mask + "@" + u.Host
	}
	return scheme + u.Host
}

var (
	// inURL are an address's scheme and its user information, which may hold
	// anything but a blank.
	inURL = regexp.MustCompile(`([A-Za-z][A-Za-z0-9+.-]*://)[^/?#\s"'<>` + "`" + `]*@`)
	// inQuery is an address with a query or a fragment.
	inQuery = regexp.MustCompile(`[A-Za-z][A-Za-z0-9+.-]*://[^\s"'<>` + "`" + `]*[?#;][^\s"'<>` + "`" + `]*`)
	// named are the forms of a name and its value. Their groups are what stands before
	// the name, the name, what stands between, and the value.
	named = []*regexp.Regexp{
		// TOKEN=x, password = 'a b', "apiKey":"x", --api-key=x, ?key=x
		regexp.MustCompile(`()([A-Za-z_%][\w.%\[\]-]*)("?\s?=\s?|"\s*:\s*)("(?:[^"\\]|\\.)*"?|'(?:[^'\\]|\\.)*'?|(?:,?[^\s&;,"'<>` + "`" + `)])+)`),
		// --token x
		regexp.MustCompile(`(--?)([A-Za-z][\w-]*)(\s+)("(?:[^"\\]|\\.)*"?|'[^']*'?|[^\s-]\S*)`),
		// Cookie: x
		regexp.MustCompile(`(?i)()\b((?:proxy-)?authorization|(?:set-)?cookie|x-[\w-]+|[\w-]*(?:api-?key|token|secret))(\s*:\s*)([^\r\n"']+)`),
	}
	// scheme is what follows a scheme of authentication.
	scheme = regexp.MustCompile(`(?i)\b(bearer|basic|digest|negotiate)\s+[A-Za-z0-9+/._~=-]{6,}`)
)

// Text is any text without the secrets that their form reveals: in addresses,
// assignments (TOKEN=x), flags (--token x), header lines and behind Bearer. It is for
// shell commands and for messages of others.
func Text(text string) string {
	text = inURL.ReplaceAllString(text, "${1}"+Mask+"@")
	text = inQuery.ReplaceAllStringFunc(text, inText)
	text = inWords(text)
	for _, form := range named {
		text = form.ReplaceAllStringFunc(text, func(match string) string {
			m := form.FindStringSubmatch(match)
			if !Secret(m[2]) {
				return match
			}
			return m[1] + m[2] + m[3] + masked(m[4])
		})
	}
	return Known(scheme.ReplaceAllString(text, "${1} "+Mask))
}

// inText redacts an address in a text, which a full stop or a comma may follow.
func inText(address string) string {
	bare := strings.TrimRight(address, ".,:;)")
	return URL(bare) + address[len(bare):]
}

// masked keeps the quotes of a value.
func masked(value string) string {
	if q := value[:1]; q == `"` || q == "'" {
		return q + Mask + q
	}
	return Mask
}

// Args is a command line without secrets. special are the flags whose values are shown
// in another way, by their names without dashes; other values are redacted as Text, and
// masked where the flag has a secret name. A value stands behind = or in the next
// argument.
func Args(args []string, special map[string]func(value string) string) []string {
	out := make([]string, len(args))
	for i := 0; i < len(args); i++ {
		arg := args[i]
		if !strings.HasPrefix(arg, "-") || arg == "-" {
			out[i] = Text(arg)
			continue
		}
		flag, value, joined := strings.Cut(arg, "=")
		name := strings.TrimLeft(flag, "-")
		show := special[name]
		if show == nil && Secret(name) {
			show = func(string) string { return Mask }
		}
		switch {
		case show == nil:
			out[i] = Text(arg)
		case joined:
			out[i] = flag + "=" + show(value)
		default:
			out[i] = arg
			if i+1 < len(args) {
				i++
				out[i] = show(args[i])
			}
		}
	}
	return out
}

// Digest is a short digest of secrets, which distinguishes runs that differ in them. It
// takes some 20 ms, so that nobody finds a password by trying many: do not call it for
// each request.
func Digest(secrets ...string) string {
	const rounds, bytes = 100_000, 8
	var all strings.Builder
	for _, s := range secrets {
		fmt.Fprintf(&all, "%d:%s", len(s), s) // no two lists look the same
	}
	key, err := pbkdf2.Key(sha256.New, all.String(), []byte("onhold: digest of secrets"), rounds, bytes)
	if err != nil { // only where FIPS 140 forbids the parameters
		sum := sha256.Sum256([]byte(all.String()))
		key = sum[:bytes]
	}
	return hex.EncodeToString(key)
}
