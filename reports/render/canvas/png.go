package canvas

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"math"
	"slices"
)

// pngText is what a PNG says of itself: a picture that was pasted elsewhere still says
// what it shows and where it came from.
type pngText struct{ keyword, text string }

const pngHeader = "\x89PNG\r\n\x1a\n"

// describe puts the resolution and texts into an encoded PNG, right behind its header
// chunk: pHYs must come before the image data. It fails where data is no PNG.
func describe(data []byte, dpi int, texts []pngText) ([]byte, error) {
	const headEnd = len(pngHeader) + 12 + 13 // the IHDR chunk always has 13 bytes
	if len(data) < headEnd || string(data[:len(pngHeader)]) != pngHeader || string(data[12:16]) != "IHDR" {
		return nil, errors.New("not a PNG")
	}
	perMetre := uint32(math.Round(float64(dpi) / 0.0254))
	size := binary.BigEndian.AppendUint32(nil, perMetre)
	size = binary.BigEndian.AppendUint32(size, perMetre)
	const metres = 1
	more := chunk("pHYs", append(size, metres))
	for _, t := range texts {
		// Keyword, then: not compressed, method, no language, no translated
		// keyword. The text is UTF-8, which the older tEXt chunk cannot hold.
		more = append(more, chunk("iTXt", []byte(t.keyword+"\x00\x00\x00\x00\x00"+t.text))...)
	}
	return slices.Insert(slices.Clone(data), headEnd, more...), nil
}

// chunk frames data: length, type, data, and the checksum of the latter two.
func chunk(kind string, data []byte) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(len(data)))
	b = append(b, kind...)
	b = append(b, data...)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b[4:]))
}
