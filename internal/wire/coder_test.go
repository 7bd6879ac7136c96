package wire_test

import (
	"math"
	"runtime"
	"runtime/debug"
	"testing"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/justcy/go-micro/v4/codec"
	"github.com/justcy/go-micro/v4/internal/wire"
)

const largeBody = 1 << 20

func decodeBytes(t testing.TB, c *wire.Coder, body []byte) []byte {
	t.Helper()
	c.Load(body)
	got := new(wrapperspb.BytesValue)
	if err := c.ReadBody(got); err != nil {
		t.Fatal(err)
	}
	return got.Value
}

func encodeBytes(t testing.TB, c *wire.Coder, value []byte) []byte {
	t.Helper()
	body, err := c.Encode(&codec.Message{}, wrapperspb.Bytes(value))
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// A large field stays in the body, which the coder owns. A body that is decoded
// once more has a second owner.
func TestALargeBodyIsNotCopiedUnlessItIsDecodedTwice(t *testing.T) {
	c := coderFor(t, "application/protobuf")
	defer c.Release()
	body := append([]byte(nil), encodeBytes(t, c, make([]byte, largeBody))...)
	first, second, third := decodeBytes(t, c, body), decodeBytes(t, c, body), decodeBytes(t, c, body)
	if &first[0] != &body[len(body)-largeBody] {
		t.Error("the body was copied")
	}
	if &second[0] == &first[0] || &third[0] == &first[0] || &third[0] == &second[0] {
		t.Error("two values share their memory")
	}
}

func TestTheNextBodyDoesNotTouchWhatWasDecoded(t *testing.T) {
	c := coderFor(t, "application/protobuf")
	value := make([]byte, largeBody)
	decoded := decodeBytes(t, c, append([]byte(nil), encodeBytes(t, c, value)...))
	for i := range value {
		value[i] = 1
	}
	encodeBytes(t, c, value)
	c.Release()
	for _, b := range decoded {
		if b != 0 {
			t.Fatal("what was decoded has changed")
		}
	}
}

func BenchmarkLargeBody(b *testing.B) {
	c := coderFor(b, "application/protobuf")
	defer c.Release()
	value := make([]byte, largeBody)
	b.Run("encode", func(b *testing.B) {
		b.SetBytes(largeBody)
		for b.Loop() {
			encodeBytes(b, c, value)
		}
	})
	b.Run("decode", func(b *testing.B) {
		body := append([]byte(nil), encodeBytes(b, c, value)...)
		b.SetBytes(largeBody)
		for b.Loop() {
			c := coderFor(b, "application/protobuf")
			decodeBytes(b, c, body)
			c.Release()
		}
	})
}

// A body of some MiB is encoded into memory that was used before.
func TestLargeBodiesAreEncodedWithoutAllocatingEachTime(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // the collector empties pools
	format, err := wire.NewFormats(wire.Codecs()).Lookup("application/protobuf")
	if err != nil {
		t.Fatal(err)
	}
	for _, mib := range []int{1, 2, 3, 4} {
		value := make([]byte, mib<<20)
		least, most := uint64(math.MaxUint64), uint64(len(value))/10
		for tries := 0; least > most && tries < 20; tries++ { // the race detector has pools lose a quarter of what they get
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			c := format.Coder()
			encodeBytes(t, c, value)
			c.Release()
			runtime.ReadMemStats(&after)
			least = min(least, after.TotalAlloc-before.TotalAlloc)
		}
		if least > most {
			t.Errorf("encoding %d MiB allocates %d bytes", mib, least)
		}
	}
}
