package request

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Code is a text whose placeholders have been found: literals, each with its length
// before it, and between them what is put in there.
type Code []byte

// What a code puts in. Columns follow.
const (
	putEnd = iota
	putSeq
	putUUID
	putRandom // the lowest value and the number of values follow
	putColumn
)

// placeholder is one, or in double braces what looks like one.
var placeholder = regexp.MustCompile(`\{\{[A-Za-z_][\w.\- ]*\}\}|\{[A-Za-z_][\w.\- ]*\}`)

// BuiltIn reports whether a text has a placeholder that is of no column.
func BuiltIn(text string) bool {
	return slices.ContainsFunc(placeholder.FindAllString(text, -1), func(p string) bool {
		_, err := put(nil, strings.Trim(p, "{}"), nil)
		return err == nil && !strings.HasPrefix(p, "{{")
	})
}

// Placeholder is the first placeholder in a text, with its braces; "" where there is none.
func Placeholder(text string) string {
	for _, p := range placeholder.FindAllString(text, -1) {
		if !strings.HasPrefix(p, "{{") {
			return p
		}
	}
	return ""
}

// Compile finds the placeholders of a text: {seq}, {uuid}, {random LOW HIGH} and those of
// the columns. {{name}} stands for {name}. literal, where not nil, is applied to the text
// between. Its errors say what is wanted.
func Compile(text string, columns []string, literal func(string) string) (Code, error) {
	return compile(nil, text, columns, literal)
}

func compile(code Code, text string, columns []string, literal func(string) string) (_ Code, err error) {
	var between strings.Builder
	end := func() {
		plain := between.String()
		between.Reset()
		if literal != nil {
			plain = literal(plain)
		}
		code = binary.AppendUvarint(code, uint64(len(plain)))
		code = append(code, plain...)
	}
	at := 0
	for strings.IndexByte(text[at:], '{') >= 0 {
		found := placeholder.FindStringIndex(text[at:])
		if found == nil {
			break
		}
		from, to := at+found[0], at+found[1]
		between.WriteString(text[at:from])
		at = to
		if name := text[from+1 : to-1]; name[0] == '{' {
			between.WriteString(name)
		} else {
			end()
			if code, err = put(code, name, columns); err != nil {
				return nil, err
			}
		}
	}
	between.WriteString(text[at:])
	end()
	return append(code, putEnd), nil
}

// put adds what the placeholder of that name stands for.
func put(code Code, name string, columns []string) (Code, error) {
	words := strings.Fields(name)
	if i := slices.Index(columns, name); i >= 0 {
		return binary.AppendUvarint(code, uint64(putColumn+i)), nil
	}
	switch {
	case name == "seq":
		return append(code, putSeq), nil
	case name == "uuid":
		return append(code, putUUID), nil
	case words[0] == "random" && len(words) == 3:
		low, err := strconv.ParseInt(words[1], 10, 64)
		high, wrong := strconv.ParseInt(words[2], 10, 64)
		if err == nil && wrong == nil && low <= high && uint64(high)-uint64(low) < math.MaxInt64 {
			return binary.AppendUvarint(binary.AppendVarint(append(code, putRandom), low), uint64(high)-uint64(low)+1), nil
		}
		return nil, fmt.Errorf("two whole numbers, the lower first, as in {random 1 100}, not {%s}", name)
	}
	have := "there are no columns"
	if len(columns) > 0 {
		have = "the columns are " + strings.Join(columns, ", ")
	}
	return nil, fmt.Errorf("a known placeholder, not {%s}: %s; {seq}, {uuid} and {random 1 100} need none; {{%[1]s}} sends {%[1]s}", name, have)
}

// plain adds a text in which nothing is put.
func (c Code) plain(text string) Code {
	return append(append(binary.AppendUvarint(c, uint64(len(text))), text...), putEnd)
}

// literal is the text of a code that has no placeholders, and what follows that code.
func (c Code) literal() (text []byte, rest Code, ok bool) {
	n, w := binary.Uvarint(c)
	end := w + int(n)
	return c[w:end], c[end+1:], c[end] == putEnd
}

// uvarint is binary.Uvarint, quicker where there is one byte.
func uvarint(b []byte) (uint64, int) {
	if b[0] < 0x80 {
		return uint64(b[0]), 1
	}
	return binary.Uvarint(b)
}

// arrival is what the placeholders of one arrival stand for.
type arrival struct {
	seed, n uint64
	drawn   uint64 // random numbers
	cells   []byte // the arrival's row of the table
}

// render adds a text to out, its values escaped for an address where wanted, and returns
// what follows its code.
func (a *arrival) render(out []byte, code Code, escape bool) ([]byte, Code) {
	for {
		n, w := uvarint(code)
		end := w + int(n)
		out = append(out, code[w:end]...)
		op, w := uvarint(code[end:])
		code = code[end+w:]
		switch op {
		case putEnd:
			return out, code
		case putSeq:
			out = strconv.AppendUint(out, a.n+1, 10)
		case putUUID:
			out = a.uuid(out)
		case putRandom:
			low, w := binary.Varint(code)
			values, v := binary.Uvarint(code[w:])
			code = code[w+v:]
			high, _ := bits.Mul64(random(a.seed, a.n, a.drawn), values)
			a.drawn++
			out = strconv.AppendInt(out, low+int64(high), 10)
		default:
			cell := cellOf(a.cells, int(op-putColumn))
			if escape {
				out = appendEscaped(out, cell)
			} else {
				out = append(out, cell...)
			}
		}
	}
}

// uuid adds the arrival's UUID of version 4 (RFC 9562).
func (a *arrival) uuid(out []byte) []byte {
	high, low := random(a.seed, a.n, drawUUID), random(a.seed, a.n, drawUUIDRest)
	high, low = high&^0xf000|0x4000, low&^(0xc<<60)|0x8<<60
	out = appendHex(out, high>>32, 8)
	out = appendHex(append(out, '-'), high>>16, 4)
	out = appendHex(append(out, '-'), high, 4)
	out = appendHex(append(out, '-'), low>>48, 4)
	return appendHex(append(out, '-'), low, 12)
}

// appendHex adds the last digits of v.
func appendHex(out []byte, v uint64, digits int) []byte {
	for i := digits - 1; i >= 0; i-- {
		out = append(out, "0123456789abcdef"[v>>(4*i)&15])
	}
	return out
}

// unreserved are the bytes of a value that stand in an address as they are.
var unreserved = func() (is [256]bool) {
	for _, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/") {
		is[c] = true
	}
	return is
}()

func appendEscaped(out, value []byte) []byte {
	const digits = "0123456789ABCDEF"
	from := 0
	for i, c := range value {
		if !unreserved[c] {
			out = append(append(out, value[from:i]...), '%', digits[c>>4], digits[c&15])
			from = i + 1
		}
	}
	return append(out, value[from:]...)
}

// EscapeTarget percent-encodes what no request line may hold, such as a blank or a
// letter beyond ASCII.
func EscapeTarget(text string) string {
	var b strings.Builder
	for _, c := range []byte(text) {
		if c <= ' ' || c >= 0x7f || strings.IndexByte("\"<>\\^`{|}", c) >= 0 {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}
