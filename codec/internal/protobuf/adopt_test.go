package protobuf_test

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/justcy/go-micro/v4/codec"
	"github.com/justcy/go-micro/v4/codec/internal/protobuf"
	"github.com/justcy/go-micro/v4/codec/internal/testpb"
)

const large = 64 << 10

// rawField is field 9 of Everything, raw.
func rawField(value []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(nil, 9, protowire.BytesType), value)
}

// encodings are messages with and without a field that can be adopted.
func encodings(t testing.TB) map[string][]byte {
	big := bytes.Repeat([]byte("x"), large)
	encoded := func(m *testpb.Everything) []byte {
		b, err := proto.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	full := encoded(&testpb.Everything{
		FullName: "name", BigNumber: 7, Raw: big, Blobs: map[string][]byte{"k": []byte("v")},
		Choice: &testpb.Everything_Text{Text: "t"}, Children: []*testpb.Everything{{FullName: "child"}},
	})
	return map[string][]byte{
		"nothing else":        rawField(big),
		"among others":        full,
		"given before":        slices.Concat(rawField([]byte("old")), rawField(big)),
		"given again":         slices.Concat(rawField(big), rawField([]byte("new"))),
		"given as empty":      slices.Concat(rawField(big), rawField(nil)),
		"large text":          encoded(&testpb.Everything{FullName: string(big)}),
		"large child":         encoded(&testpb.Everything{Children: []*testpb.Everything{{Raw: big}}}),
		"unknown large field": protowire.AppendBytes(protowire.AppendTag(nil, 99, protowire.BytesType), big),
		"unknown small field": slices.Concat(rawField(big), protowire.AppendVarint(protowire.AppendTag(nil, 99, protowire.VarintType), 5)),
		"small":               rawField([]byte("small")),
		"two halves":          encoded(&testpb.Everything{Raw: big, Blobs: map[string][]byte{"k": big}}),
	}
}

func TestAdoptDecodesAsUnmarshalDoes(t *testing.T) {
	for name, data := range encodings(t) {
		want, got := new(testpb.Everything), &testpb.Everything{FullName: "is dropped", Raw: []byte("too")}
		if err := errors.Join(protobuf.Unmarshal(data, want), protobuf.Adopt(data, got)); err != nil {
			t.Errorf("%s: %v", name, err)
		} else if !proto.Equal(got, want) {
			t.Errorf("%s: decoded differently", name)
		}
	}
}

func TestAdoptKeepsALargeFieldWhereItIs(t *testing.T) {
	data := encodings(t)["among others"]
	m := new(testpb.Everything)
	if err := protobuf.Adopt(data, m); err != nil {
		t.Fatal(err)
	}
	if at := bytes.IndexByte(data, 'x'); &m.Raw[0] != &data[at] {
		t.Error("the field was copied")
	}
	if cap(m.Raw) != len(m.Raw) {
		t.Error("appending to the field overwrites what follows")
	}
	clear(data)
	if m.FullName != "name" || string(m.Blobs["k"]) != "v" || m.Children[0].FullName != "child" {
		t.Error("small fields were not copied")
	}
}

func TestAdoptOfWhatCannotBeDecoded(t *testing.T) {
	data := rawField(make([]byte, large))
	for name, bad := range map[string][]byte{
		"cut short":        data[:len(data)-1],
		"tail":             append(slices.Clone(data), 0xff),
		"field number 0":   append(slices.Clone(data), 0, 0),
		"text is no UTF-8": append(slices.Clone(data), 0x0a, 1, 0xff),
	} {
		if err := protobuf.Adopt(bad, new(testpb.Everything)); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	for _, v := range []any{nil, 5, (*testpb.Everything)(nil)} {
		if err := protobuf.Adopt(data, v); !errors.Is(err, codec.ErrInvalidMessage) {
			t.Errorf("%T: %v", v, err)
		}
	}
}

func FuzzAdopt(f *testing.F) {
	for _, data := range encodings(f) {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		want, got := new(testpb.Everything), new(testpb.Everything)
		wantErr, err := protobuf.Unmarshal(data, want), protobuf.Adopt(slices.Clone(data), got)
		if (err == nil) != (wantErr == nil) || err == nil && !proto.Equal(got, want) {
			t.Fatalf("%v, Unmarshal has %v", err, wantErr)
		}
	})
}

func BenchmarkAdopt(b *testing.B) {
	data, err := proto.Marshal(wrapperspb.Bytes(make([]byte, 1<<20)))
	if err != nil {
		b.Fatal(err)
	}
	m := new(wrapperspb.BytesValue)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if err := protobuf.Adopt(data, m); err != nil {
			b.Fatal(err)
		}
	}
}
