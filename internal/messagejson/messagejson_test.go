package messagejson_test

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/justcy/go-micro/v4/broker"
	"github.com/justcy/go-micro/v4/internal/messagejson"
	"github.com/justcy/go-micro/v4/transport"
)

// The messages of both packages are messages of this one.
var (
	_ = (*messagejson.Message)((*broker.Message)(nil))
	_ = (*messagejson.Message)((*transport.Message)(nil))
)

var samples = []messagejson.Message{
	{},
	{Header: map[string]string{}, Body: []byte{}},
	{Header: map[string]string{"Micro-Id": "1", "Micro-Topic": "orders", "Content-Type": "application/json"}, Body: []byte(`{"ID":42}`)},
	{Header: map[string]string{"b": `"\`, "a": "<größe>&\u2028", "": "\x00\xff", `"`: "1", "\xff": "2"}, Body: []byte{0, 255, 1}},
	{Body: []byte("x")},
}

func TestMessagesAreEncodedAsByEncodingJSON(t *testing.T) {
	for _, m := range samples {
		want, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		if got := messagejson.Marshal(&m); string(got) != string(want) {
			t.Errorf("encoded %s, want %s", got, want)
		}
		compare(t, want)
	}
}

// compare decodes in both ways.
func compare(t *testing.T, data []byte) {
	t.Helper()
	var got, want messagejson.Message
	err, wantErr := messagejson.Unmarshal(data, &got), json.Unmarshal(data, &want)
	if (err != nil) != (wantErr != nil) {
		t.Errorf("decoding %q: %v, want %v", data, err, wantErr)
	}
	if err == nil && !reflect.DeepEqual(got, want) {
		t.Errorf("decoding %q: %+v, want %+v", data, got, want)
	}
}

func FuzzMessagesAreDecodedAsByEncodingJSON(f *testing.F) {
	for _, m := range samples {
		data, err := json.Marshal(m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	for _, data := range []string{
		"", "null", "[]", "{}", `{"Header":7}`, `{"Header":{"a":"b",},"Body":"YQ=="}`, `{"Header":},"Body":"YQ=="}`, `{"Header":{"a":"b""c":"d"},"Body":"YQ=="}`, `{"Header":{,"a":"b"},"Body":"YQ=="}`,
		`{"Header":{"a":"b","a":"c"},"Body":"YQ=="}`, `{"Header":null,"Body":"!"}`, `{"Header":{"a":"b"},"Body":"YQ=="} `, `{"Header":{"a":"b"}`,
		`{"Header":{"a":null},"Body":"YQ=="}`, `{"header":{"a":"b"},"body":"YQ=="}`, `{"Header":{"a":"b"},"Body":"YQ="}`,
	} {
		f.Add([]byte(data))
	}
	f.Fuzz(func(t *testing.T, data []byte) { compare(t, data) })
}

func BenchmarkMessage(b *testing.B) {
	m := messagejson.Message{Header: samples[2].Header, Body: make([]byte, 128)}
	data := messagejson.Marshal(&m)
	for name, encoded := range map[string]func(){
		"marshal, messagejson":     func() { messagejson.Marshal(&m) },
		"marshal, encoding json":   func() { _, _ = json.Marshal(&m) },
		"unmarshal, messagejson":   func() { _ = messagejson.Unmarshal(data, &m) },
		"unmarshal, encoding json": func() { _ = json.Unmarshal(data, &m) },
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				encoded()
			}
		})
	}
}
