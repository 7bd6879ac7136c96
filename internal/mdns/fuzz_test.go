package mdns_test

import (
	"bytes"
	"compress/zlib"
	"encoding/hex"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/justcy/go-micro/v4/internal/mdns"
)

func TestTextSurvivesTheWire(t *testing.T) {
	for _, text := range []string{"", "x", `{"Service":"greeter"}`, strings.Repeat("abc", 5000), string(bytes.Repeat([]byte{0, 255}, 999))} {
		parts := mdns.EncodeTXT([]byte(text))
		for i, part := range parts {
			if len(part) > 255 || len(part) < 255 && i < len(parts)-1 || strings.ToLower(part) != part {
				t.Errorf("part %d of %d is %q", i, len(parts), part)
			}
		}
		got, err := mdns.DecodeTXT(parts)
		if err != nil || string(got) != text {
			t.Errorf("%d bytes became %d: %v", len(text), len(got), err)
		}
	}
}

func TestTextIsLowerCaseHexadecimalOfZlib(t *testing.T) {
	text := []byte(`{"Service":"greeter","Version":"latest","Endpoints":null,"Metadata":null}`)
	var compressed bytes.Buffer
	w := zlib.NewWriter(&compressed)
	w.Write(text)
	w.Close()
	if got, want := strings.Join(mdns.EncodeTXT(text), ""), hex.EncodeToString(compressed.Bytes()); got != want {
		t.Errorf("encoded as %s, want %s", got, want)
	}
	// Another zlib may choose other bytes for the same text.
	got, err := mdns.DecodeTXT([]string{"789ccbcd2c2e", "cecc4b07000c0102fb"})
	if err != nil || string(got) != "missing" {
		t.Errorf("decoded %q: %v", got, err)
	}
}

// bomb returns the parts of a text that inflates to size zero bytes.
func bomb(size int) []string {
	var compressed bytes.Buffer
	w := zlib.NewWriter(&compressed)
	w.Write(make([]byte, size))
	w.Close()
	return []string{hex.EncodeToString(compressed.Bytes())}
}

func TestBadTextIsAnError(t *testing.T) {
	for name, parts := range map[string][]string{
		"nothing":             nil,
		"plain words":         {"txtv=0", "lo=1"},
		"odd hexadecimal":     {"789"},
		"not zlib":            {"00112233"},
		"cut off":             {mdns.EncodeTXT([]byte(strings.Repeat("x", 100)))[0][:16]},
		"a compression bomb":  bomb(2 << 20),
		"a byte over the top": bomb(mdns.MaxText + 1),
	} {
		if _, err := mdns.DecodeTXT(parts); !errors.Is(err, mdns.ErrText) {
			t.Errorf("%s: error is %v", name, err)
		}
	}
	if _, err := mdns.DecodeTXT(bomb(mdns.MaxText)); err != nil {
		t.Errorf("as much as may be: %v", err)
	}
}

func FuzzDecodeTXT(f *testing.F) {
	f.Add(strings.Join(mdns.EncodeTXT([]byte(`{"Service":"greeter","Version":"1"}`)), ""))
	f.Add("789c")
	f.Add("txtvers=1")
	f.Fuzz(func(t *testing.T, text string) {
		data, err := mdns.DecodeTXT([]string{text})
		if err != nil {
			return
		}
		again, err := mdns.DecodeTXT(mdns.EncodeTXT(data))
		if err != nil || !bytes.Equal(again, data) {
			t.Errorf("does not survive: %v", err)
		}
	})
}

func FuzzPacket(f *testing.F) {
	for _, seed := range []string{goldenAnnouncement, goldenReply, goldenList} {
		data, err := hex.DecodeString(seed)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
		f.Add(bytes.ReplaceAll(data, []byte("micro"), []byte("test0")))
	}
	f.Add(must(mdns.NewQuery("_services.test.", 12, false).Pack()))
	f.Add(must(mdns.NewQuery("own.greeter.test.", 255, true).Pack()))
	f.Add(append(make([]byte, 12), 0xc0, 12, 0xc0, 12))
	h := new(wire).host()
	e := mdns.New(mdns.Config{Domain: "test", Decode: decode, Network: h})
	f.Cleanup(func() { e.Close() })
	publish(f, e, node("greeter", "own", "a"))
	h.wire.mu.Lock()
	h.wire.log = nil
	h.sendErr = errors.New("off")
	h.wire.mu.Unlock()
	f.Fuzz(func(t *testing.T, data []byte) {
		h.receive(mdns.Packet{Data: slices.Clone(data), From: netip.MustParseAddrPort("10.0.0.9:5353")})
		entries, err := e.Lookup(t.Context(), "greeter", 1)
		if err != nil || entries[0].Name != "own" || entries[0].Port != 8080 {
			t.Errorf("found %v: %v", entries, err)
		}
	})
}

func TestNamesSurviveEscaping(t *testing.T) {
	for _, name := range []string{"plain", "with space", `back\slash`, `a\046b`, "ünïcode", "semi;colon"} {
		if got := mdns.UnescapeName(mdns.EscapeName(name)); got != name {
			t.Errorf("%q became %q", name, got)
		}
	}
	for escaped, want := range map[string]string{`a\ b`: "a b", `a\195\188`: "aü", `a\`: `a\`, `\999`: "999"} {
		if got := mdns.UnescapeName(escaped); got != want {
			t.Errorf("%q is read as %q, want %q", escaped, got, want)
		}
	}
}
