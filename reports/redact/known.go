package redact

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/textproto"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode"
)

// harmless are header lines whose values are no secrets, and words that may
// stand anywhere.
var harmless = map[string]bool{
	"Accept": true, "Accept-Charset": true, "Accept-Encoding": true, "Accept-Language": true, "Cache-Control": true, "Connection": true,
	"Content-Encoding": true, "Content-Language": true, "Content-Type": true, "Forwarded": true, "Host": true, "Keep-Alive": true, "Origin": true,
	"Pragma": true, "Prefer": true, "Range": true, "Referer": true, "Te": true, "Upgrade": true, "User-Agent": true, "Via": true,
	"X-Forwarded-For": true, "X-Forwarded-Host": true, "X-Forwarded-Proto": true, "X-Real-Ip": true, "X-Requested-With": true,
}

// known are the secrets that were learned, and what replaces them.
var known struct {
	sync.RWMutex
	secrets  []string // longest first
	replacer *strings.Replacer
}

// mostKnown bounds what is remembered: a process has a few.
const mostKnown = 1000

// longestKnown bounds one secret, in bytes: a longer one, such as a body of megabytes,
// does not come back in the few lines that are shown of a server, and its forms take
// many times its size.
const longestKnown = 16 << 10

// Learn remembers secrets, each in the forms in which it may come back. It leaves out
// short ones and plain words: removing those everywhere would garble other text.
func Learn(secrets ...string) {
	known.Lock()
	defer known.Unlock()
	before := len(known.secrets)
	for _, s := range secrets {
		if len(s) > longestKnown {
			continue
		}
		for _, form := range formsOf(s) {
			if telling(form) && len(known.secrets) < mostKnown && !slices.Contains(known.secrets, form) {
				known.secrets = append(known.secrets, form)
			}
		}
	}
	if len(known.secrets) == before {
		return
	}
	// At one place the replacer takes the first that fits.
	slices.SortFunc(known.secrets, func(a, b string) int { return len(b) - len(a) })
	var pairs []string
	for _, s := range known.secrets {
		pairs = append(pairs, s, Mask)
	}
	known.replacer = strings.NewReplacer(pairs...)
}

// formsOf are the forms of a secret: as it is, as in an address, as in JSON.
func formsOf(s string) []string {
	forms := []string{s, url.QueryEscape(s), url.PathEscape(s)}
	if decoded, err := url.QueryUnescape(s); err == nil {
		forms = append(forms, decoded)
	}
	if decoded, err := url.PathUnescape(s); err == nil {
		forms = append(forms, decoded)
	}
	if quoted, err := json.Marshal(s); err == nil {
		forms = append(forms, string(quoted[1:len(quoted)-1]))
	}
	return forms
}

// telling reports whether a text is long and odd enough to be the secret wherever it
// stands. A number, date or address is not, unless it has more
// digits than the lengths, times and servers that a report is full of.
func telling(s string) bool {
	const shortest, longest = 8, 64 << 10
	const mostDigits, round = 12, "000000"
	if len(s) < shortest || len(s) > longest {
		return false
	}
	if strings.Trim(s, "0123456789.,:/+- ") == "" {
		digits := len(strings.Map(func(r rune) rune {
			if unicode.IsDigit(r) {
				return r
			}
			return -1
		}, s))
		return digits > mostDigits && !strings.HasSuffix(s, round)
	}
	return strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsLower(r) })
}

// LearnURL remembers the secrets of an address or a data source.
func LearnURL(text string) {
	LearnText(text)
	before, rest, ok := strings.Cut(text, "://")
	if !ok {
		before, rest = "", text
	} else if at := strings.LastIndexByte(before, '@'); at >= 0 { // a weight, or joe:secret@http://host
		if strings.Trim(before[:at], "0123456789") != "" {
			learnUser(before[:at])
		}
		text = text[at+1:]
	}
	u, err := url.Parse(text)
	switch {
	case err == nil && u.User != nil:
		password, _ := u.User.Password()
		Learn(u.User.String(), password, base64.StdEncoding.EncodeToString([]byte(u.User.Username()+":"+password)))
		if password == "" {
			Learn(u.User.Username())
		}
	case err == nil && u.Host != "": // an @ in its path or query is none behind a user
	default:
		if at := strings.LastIndexByte(rest, '@'); at > 0 {
			learnUser(rest[:at])
		}
	}
}

// learnUser remembers user information that may be malformed.
func learnUser(text string) {
	user, password, _ := strings.Cut(text, ":")
	Learn(text, password)
	if password == "" {
		Learn(user)
	}
}

// LearnHeader remembers the value of a header line, and the parts of it that
// are secrets by themselves: what follows Bearer, the values of a cookie.
func LearnHeader(line string) {
	name, value, ok := strings.Cut(line, ":")
	if !ok {
		value = line
	}
	if value = strings.TrimSpace(value); value == "" {
		return
	}
	if ok && harmless[textproto.CanonicalMIMEHeaderKey(strings.TrimSpace(name))] {
		LearnText(value) // a Referer may have a query
		return
	}
	Learn(value)
	for word := range strings.FieldsSeq(value) {
		Learn(word, strings.Trim(word, ";,\""))
		if _, after, ok := strings.Cut(word, "="); ok {
			Learn(strings.Trim(after, ";,\""))
		}
		if decoded, err := base64.StdEncoding.DecodeString(word); err == nil {
			user, password, ok := strings.Cut(string(decoded), ":")
			if ok && user != "" {
				Learn(string(decoded), password)
			}
		}
	}
}

// LearnText remembers the secrets that a shell command, a query or a data source
// assigns.
func LearnText(text string) {
	const longest = 1 << 20 // a body may have 64 MB
	if len(text) > longest {
		return
	}
	eachSecret(text, func(_, _ int, secret string) { Learn(secret, strings.TrimRight(secret, ".,:")) })
	for _, form := range named[:2] {
		for _, m := range form.FindAllStringSubmatch(text, -1) {
			if Secret(m[2]) {
				Learn(strings.Trim(m[4], `"'`))
			}
		}
	}
	for _, m := range inURL.FindAllString(text, -1) {
		if _, user, ok := strings.Cut(strings.TrimSuffix(m, "@"), "://"); ok {
			_, password, _ := strings.Cut(user, ":")
			Learn(user, password)
		}
	}
}

// Known is text without the secrets that were learned, whatever stands around
// them. JSON, one value or several, stays the same JSON but for its strings:
// numbers and names of fields are ours, though a secret may look like one.
func Known(text string) string {
	known.RLock()
	defer known.RUnlock()
	if known.replacer == nil {
		return text
	}
	out := known.replacer.Replace(text)
	if out != text && isJSON(text) {
		return inStrings(text, known.replacer.Replace)
	}
	return out
}

// isJSON reports whether text is JSON objects or lists and nothing else.
func isJSON(text string) bool {
	if start := strings.TrimLeft(text, " \t\r\n"); start == "" || start[0] != '{' && start[0] != '[' {
		return false
	}
	var value json.RawMessage
	values := json.NewDecoder(strings.NewReader(text))
	for {
		if err := values.Decode(&value); err != nil {
			return err == io.EOF
		}
	}
}

// jsonString is a string of JSON, with the colon behind it where it names a field.
var jsonString = regexp.MustCompile(`"(?:[^"\\]|\\.)*"(?:\s*:)?`)

// inStrings replaces in the strings of JSON that are values.
func inStrings(text string, replace func(string) string) string {
	return jsonString.ReplaceAllStringFunc(text, func(quoted string) string {
		var s string
		if strings.HasSuffix(quoted, ":") || json.Unmarshal([]byte(quoted), &s) != nil {
			return quoted
		}
		shown := replace(s)
		if shown == s {
			return quoted
		}
		var b bytes.Buffer
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false)
		_ = e.Encode(shown) // a string, to memory
		return strings.TrimSuffix(b.String(), "\n")
	})
}
