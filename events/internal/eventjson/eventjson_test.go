package eventjson_test

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/events"
	"github.com/justcy/go-micro/v4/events/internal/eventjson"
)

var berlin = time.FixedZone("", 3600)

var samples = []events.Event{
	{},
	{ID: "0a8f2a3c-51d2-4a55-9d0e-0123456789ab", Topic: "orders", Timestamp: time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC), Payload: []byte(`{"ID":42}`)},
	{ID: "1", Topic: "a<b>&c", Timestamp: time.Date(2026, 1, 2, 3, 4, 5, 0, berlin), Metadata: map[string]string{}, Payload: []byte{}},
	{ID: `"\`, Topic: "größe\u2028", Metadata: map[string]string{"b": "<", "a": "\x00"}, Payload: []byte{0, 255, 1}},
	{ID: "\xff", Topic: "a\nb"},
}

func TestEventsAreEncodedAsByEncodingJSON(t *testing.T) {
	for _, e := range samples {
		want, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		got, err := eventjson.Encode(&e)
		if err != nil || string(got) != string(want) {
			t.Errorf("encoded %s, %v; want %s", got, err, want)
		}
		compare(t, want)
	}
	if _, err := eventjson.Encode(&events.Event{Timestamp: time.Date(12345, 1, 1, 0, 0, 0, 0, time.UTC)}); err == nil {
		t.Error("a year of five digits is encoded")
	}
}

// compare decodes in both ways.
func compare(t *testing.T, data []byte) {
	t.Helper()
	var got, want events.Event
	err, wantErr := eventjson.Decode(data, &got), json.Unmarshal(data, &want)
	if wantErr == nil && err != nil && err.Error() == "the event is null" {
		return
	}
	if (err != nil) != (wantErr != nil) {
		t.Errorf("decoding %q: %v, want %v", data, err, wantErr)
	}
	if err == nil && (!reflect.DeepEqual(got.Metadata, want.Metadata) || got.ID != want.ID || got.Topic != want.Topic ||
		!got.Timestamp.Equal(want.Timestamp) || string(got.Payload) != string(want.Payload) || (got.Payload == nil) != (want.Payload == nil)) {
		t.Errorf("decoding %q: %+v, want %+v", data, got, want)
	}
}

func FuzzEventsAreDecodedAsByEncodingJSON(f *testing.F) {
	for _, e := range samples {
		data, err := json.Marshal(e)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	for _, data := range []string{
		"", "null", "[]", "{}", `{"ID":7}`, `{"ID":"a","Topic":"b","Timestamp":"2026-01-02T03:04:05Z","Metadata":null,"Payload":"!"}`,
		`{"ID":"a","Topic":"b","Timestamp":"yesterday","Metadata":null,"Payload":null}`, `{"ID":"a","ID":"b"}`,
		`{"ID":"a","Topic":"b","Timestamp":"2026-01-02T03:04:05Z","Metadata":null,"Payload":"YQ=="} `,
	} {
		f.Add([]byte(data))
	}
	f.Fuzz(func(t *testing.T, data []byte) { compare(t, data) })
}

func BenchmarkDecode(b *testing.B) {
	data, err := eventjson.Encode(&samples[1])
	if err != nil {
		b.Fatal(err)
	}
	var e events.Event
	b.Run("eventjson", func(b *testing.B) {
		for b.Loop() {
			_ = eventjson.Decode(data, &e)
		}
	})
	b.Run("encoding json", func(b *testing.B) {
		for b.Loop() {
			_ = json.Unmarshal(data, &e)
		}
	})
}
