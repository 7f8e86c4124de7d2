package http2

import (
	"bytes"

	"golang.org/x/net/http2/hpack"
)

// staticFields is how many fields the static table has (RFC 7541, appendix A).
const staticFields = 61

// The tables of RFC 7541 are taken from golang.org/x/net, which has them but does not
// export them.
var (
	staticTable = makeStatic()
	staticName  = makeIndex() // the first field with a name
	huffman     = makeHuffman()
)

// staticField is a field of the static table, and what of it counts in a reply.
type staticField struct {
	name, value string
	entry       entry
}

func makeStatic() (t [staticFields + 1]staticField) {
	decoder := hpack.NewDecoder(defaultTable, nil)
	for i := 1; i <= staticFields; i++ {
		fields, err := decoder.DecodeFull([]byte{0x80 | byte(i)})
		if err != nil || len(fields) != 1 {
			panic("http2: the static table of hpack cannot be read") // its contents are fixed
		}
		t[i] = staticField{name: fields[0].Name, value: fields[0].Value}
		t[i].entry = entry{of: meaningOf([]byte(fields[0].Name)), name: uint32(len(fields[0].Name)), value: uint32(len(fields[0].Value))}
		t[i].entry.number = t[i].entry.of.number([]byte(fields[0].Value))
	}
	return t
}

// index is what the static table has of a field: the field itself, or its name alone.
type index struct{ field, name uint8 }

func makeIndex() map[string]uint8 {
	all := map[string]uint8{}
	for i := staticFields; i >= 1; i-- {
		all[staticTable[i].name] = uint8(i)
	}
	return all
}

// indexOf looks a field up. Those with the same name follow one another.
func indexOf(name, value []byte) (x index) {
	x.name = staticName[string(name)]
	for i := x.name; i > 0 && i <= staticFields && staticTable[i].name == string(name); i++ {
		if staticTable[i].value == string(value) {
			x.field = i
		}
	}
	return x
}

// node is a place in the tree of Huffman codes, and where it leads with four further
// bits.
type node struct {
	next [16]int16 // -1: no code leads there
	out  [16]int16 // the byte that is complete on the way, -1 where there is none
	end  bool      // a text may end here: what came since its last byte is padding
}

// makeHuffman makes the tree, in which four bits are one step. As the shortest code has
// five, a step completes one byte at the most.
func makeHuffman() []node {
	type branch struct {
		to   [2]int // 0: none
		byte int    // -1: none
		ones int    // the depth where all bits on the way are ones, else -1
	}
	tree := []branch{{byte: -1}}
	for c := range 256 {
		// Eight of the same byte take as many bytes as its code has bits, and the first of
		// them are the code.
		text := hpack.AppendHuffmanString(nil, string(bytes.Repeat([]byte{byte(c)}, 8)))
		at := 0
		for bit := range len(text) {
			b := text[bit/8] >> (7 - bit%8) & 1
			if tree[at].to[b] == 0 {
				ones := -1
				if b == 1 && tree[at].ones >= 0 {
					ones = tree[at].ones + 1
				}
				tree = append(tree, branch{byte: -1, ones: ones})
				tree[at].to[b] = len(tree) - 1
			}
			at = tree[at].to[b]
		}
		tree[at].byte = c
	}
	nodes := make([]node, len(tree))
	for i, b := range tree {
		n := &nodes[i]
		n.end = b.ones >= 0 && b.ones < 8
		for bits := range 16 {
			n.out[bits] = -1
			at := i
			for shift := 3; shift >= 0; shift-- {
				to := tree[at].to[bits>>shift&1]
				if to == 0 {
					at = -1 // of the end of text, which no text has in it
					break
				}
				if at = to; tree[at].byte >= 0 {
					n.out[bits] = int16(tree[at].byte)
					at = 0
				}
			}
			n.next[bits] = int16(at)
		}
	}
	return nodes
}

// appendHuffman adds a text that is Huffman coded; false where it is none, or would make
// out longer than most.
func appendHuffman(out, text []byte, most int) ([]byte, bool) {
	at := int16(0)
	for _, b := range text {
		for shift := 4; shift >= 0; shift -= 4 {
			n := &huffman[at]
			bits := b >> shift & 15
			if c := n.out[bits]; c >= 0 {
				if len(out) == most {
					return out, false
				}
				out = append(out, byte(c))
			}
			if at = n.next[bits]; at < 0 {
				return out, false
			}
		}
	}
	return out, huffman[at].end
}
