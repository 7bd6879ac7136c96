package file

import (
	"encoding/json"
	"maps"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/store"
)

// FuzzDecode checks that records are read in the same way however fast.
func FuzzDecode(f *testing.F) {
	for _, r := range []*store.Record{
		{Key: "key", Value: []byte("value")},
		{Key: `a"\<`, Value: []byte{0, 255}},
		{Key: "m", Metadata: map[string]any{"a": 1}},
		{},
	} {
		for _, expires := range []time.Time{{}, time.Now()} {
			data, err := encode(r, expires)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(data)
		}
	}
	f.Add([]byte(`{"Key":"","Value":"AA=\n=","Metadata":null,"ExpiresAt":"0001-01-01T00:00:00Z"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := decode(data, true)
		var want stored
		if wantErr := json.Unmarshal(data, &want); wantErr != nil {
			if err == nil && got.Metadata != nil {
				t.Errorf("%q is no JSON, and read as %+v", data, got)
			}
			return
		}
		if err != nil || string(got.Value) != string(want.Value) || !got.ExpiresAt.Equal(want.ExpiresAt) ||
			!maps.EqualFunc(got.Metadata, want.Metadata, func(a, b any) bool { return true }) {
			t.Errorf("%q is read as %+v, %v, want %+v", data, got, err, want)
		}
	})
}

func TestRecordsWithoutMetadataAreReadFast(t *testing.T) {
	for _, expires := range []time.Time{{}, time.Now()} {
		data, err := encode(&store.Record{Key: "key", Value: []byte("value")}, expires)
		if err != nil {
			t.Fatal(err)
		}
		var s stored
		if !s.decodePlain(data, true) || string(s.Value) != "value" || !s.ExpiresAt.Equal(expires) {
			t.Errorf("%s is read as %+v", data, s)
		}
		s = stored{}
		if !s.decodePlain(data, false) || s.Value != nil {
			t.Errorf("%s is read as %+v", data, s)
		}
	}
}
