package mux_test

import (
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/justcy/go-micro/v4/internal/mux"
	"github.com/justcy/go-micro/v4/transport/headers"
)

// unfold is what a header set looks like at the other end.
func unfold(t testing.TB, h map[string]string) map[string]string {
	t.Helper()
	block, err := mux.AppendBlock(nil, h)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	if err := mux.DecodeBlock(got, string(block)); err != nil {
		t.Fatal(err)
	}
	return got
}

func TestHeadersArriveInCanonicalSpelling(t *testing.T) {
	for _, c := range []struct {
		name       string
		sent, want map[string]string
	}{
		{"none", nil, map[string]string{}},
		{"from the table", map[string]string{"Micro-Service": "s", "Timeout": "1"}, map[string]string{"Micro-Service": "s", "Timeout": "1"}},
		{"constants", map[string]string{headers.ID: "7", headers.TraceIDKey: "t", headers.SpanID: "s"},
			map[string]string{"Micro-Id": "7", "Micro-Trace-Id": "t", "Micro-Span-Id": "s"}},
		{"lower case", map[string]string{"content-type": "x", "x-custom": "v"}, map[string]string{"Content-Type": "x", "X-Custom": "v"}},
		{"control characters", map[string]string{"X": "a\r\nB: c\x00ü", "Y": ""}, map[string]string{"X": "a  B: c ü", "Y": ""}},
		{"long value", map[string]string{"X": strings.Repeat("v", 20000)}, map[string]string{"X": strings.Repeat("v", 20000)}},
		{"no names", map[string]string{"": "v", "a b": "v", "a\r\nb": "v", ":path": "/"}, map[string]string{}},
		{"framing", map[string]string{"Host": "h", "content-length": "3", "Upgrade": "u", "Connection": "keep-alive"}, map[string]string{}},
		{"the end of the socket", map[string]string{"Connection": "close"}, map[string]string{"Connection": "close"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := unfold(t, c.sent); !maps.Equal(got, c.want) {
				t.Errorf("arrived as %q, want %q", got, c.want)
			}
		})
	}
}

func TestCommonNamesTravelAsOneByte(t *testing.T) {
	for _, name := range []string{
		headers.Request, headers.Endpoint, headers.Method, headers.ID, headers.Stream, headers.Error,
		headers.Message, headers.Protocol, headers.Target, headers.Namespace, headers.TraceIDKey, headers.SpanID,
		headers.ContentType, headers.Accept, headers.Timeout,
	} {
		block, err := mux.AppendBlock(nil, map[string]string{name: "v"})
		if err != nil || len(block) != 3 {
			t.Errorf("%s: a block of %d bytes, error %v", name, len(block), err)
		}
	}
}

func TestHeadersOverALimitAreNotSent(t *testing.T) {
	many := map[string]string{}
	for i := range mux.MaxHeaders + 1 {
		many[fmt.Sprintf("X-%d", i)] = ""
	}
	for name, h := range map[string]map[string]string{
		"many":  many,
		"large": {"X": strings.Repeat("v", mux.MaxHeader)},
	} {
		if b, err := mux.AppendBlock([]byte("before"), h); !errors.Is(err, mux.ErrTooLarge) || string(b) != "before" {
			t.Errorf("%s: error %v, block of %d bytes", name, err, len(b))
		}
	}
}

func TestMalformedBlocksAreRefused(t *testing.T) {
	for name, block := range map[string]string{
		"unknown number":           "\xf0\x01v",
		"name without an end":      "\x00\x05ab",
		"name without a value":     "\x00\x02ab",
		"empty name":               "\x00\x00\x01v",
		"value without a length":   "\x01",
		"value beyond the block":   "\x01\x05abc",
		"length without an end":    "\x01\x85",
		"length of too many bytes": "\x01\xff\xff\xff\x01v",
		"length in a longer form":  "\x01\x81\x00v",
		"too many headers":         strings.Repeat("\x01\x00", mux.MaxHeaders+1),
		"names that unfold":        strings.Repeat("\x02\xff\x01"+strings.Repeat("v", 255), 255),
	} {
		if err := mux.DecodeBlock(map[string]string{}, block); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func FuzzDecodeBlock(f *testing.F) {
	block, _ := mux.AppendBlock(nil, callHeader)
	f.Add(string(block))
	f.Add("\x00\x01X\x01v")
	f.Add("\x01\x85")
	f.Add("\x00\xff\xff\x03")
	f.Fuzz(func(t *testing.T, block string) {
		h := map[string]string{}
		if mux.DecodeBlock(h, block) != nil {
			return
		}
		size := 0
		for name, value := range h {
			size += len(name) + len(value)
		}
		if size > mux.MaxHeader || len(h) > mux.MaxHeaders {
			t.Fatalf("%d headers of %d bytes came out of %d", len(h), size, len(block))
		}
		if _, err := mux.AppendBlock(nil, h); err != nil {
			t.Fatalf("what was received cannot be sent: %v", err)
		}
	})
}

func BenchmarkAppendBlock(b *testing.B) {
	var block []byte
	b.ReportAllocs()
	for b.Loop() {
		block, _ = mux.AppendBlock(block[:0], callHeader)
	}
}

func BenchmarkDecodeBlock(b *testing.B) {
	encoded, _ := mux.AppendBlock(nil, callHeader)
	block, h := string(encoded), map[string]string{}
	b.ReportAllocs()
	for b.Loop() {
		clear(h)
		if err := mux.DecodeBlock(h, block); err != nil {
			b.Fatal(err)
		}
	}
}
