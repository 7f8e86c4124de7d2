package canvas

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/png"
	"strings"
	"testing"
)

func TestDescribe(t *testing.T) {
	var plain bytes.Buffer
	if err := png.Encode(&plain, image.NewGray(image.Rect(0, 0, 3, 2))); err != nil {
		t.Fatal(err)
	}
	about := map[string]string{"Title": "p99 grows to 1.2 s – at µs", "Description": "Line chart.", "Run": "20261101-120000"}
	got, err := describe(plain.Bytes(), 192, []pngText{{"Title", about["Title"]}, {"Description", about["Description"]}, {"Run", about["Run"]}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := png.Decode(bytes.NewReader(got)); err != nil {
		t.Fatalf("no longer a PNG: %v", err)
	}
	texts, perMetre := map[string]string{}, uint32(0)
	var order []string
	for rest := got[len(pngHeader):]; len(rest) > 0; {
		n := binary.BigEndian.Uint32(rest)
		kind, data := string(rest[4:8]), rest[8:8+n]
		if sum := binary.BigEndian.Uint32(rest[8+n:]); sum != crc32.ChecksumIEEE(rest[4:8+n]) {
			t.Errorf("%s: wrong checksum", kind)
		}
		order = append(order, kind)
		switch kind {
		case "iTXt":
			keyword, after, _ := strings.Cut(string(data), "\x00")
			// Compression flag and method, empty language, empty translated keyword.
			if !strings.HasPrefix(after, "\x00\x00\x00\x00") {
				t.Errorf("%s: malformed: %q", keyword, after)
				break
			}
			texts[keyword] = after[4:]
		case "pHYs":
			perMetre = binary.BigEndian.Uint32(data)
			if other := binary.BigEndian.Uint32(data[4:]); other != perMetre || data[8] != 1 {
				t.Errorf("pHYs: %d × %d, unit %d", perMetre, other, data[8])
			}
		}
		rest = rest[12+n:]
	}
	if perMetre != 7559 { // 192 ÷ 0.0254
		t.Errorf("pHYs says %d pixels a metre", perMetre)
	}
	for keyword, want := range about {
		if texts[keyword] != want {
			t.Errorf("%s is %q, want %q", keyword, texts[keyword], want)
		}
	}
	if s := strings.Join(order, " "); s != "IHDR pHYs iTXt iTXt iTXt IDAT IEND" {
		t.Errorf("chunks: %s", s)
	}
	if _, err := describe([]byte("GIF89a"), 192, nil); err == nil {
		t.Error("describes what is no PNG")
	}
}
