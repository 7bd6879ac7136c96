package file

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"time"

	"github.com/justcy/go-micro/v4/store"
	"github.com/justcy/go-micro/v4/store/internal/query"
)

var strictBase64 = base64.StdEncoding.Strict()

// stored is a record as it is in the file, as JSON. Its key is there for people
// to read: the one that counts is the key in the bucket, which JSON cannot
// always hold.
type stored struct {
	Key       string
	Value     []byte
	Metadata  map[string]any
	ExpiresAt time.Time // zero: never
}

func encode(r *store.Record, expires time.Time) ([]byte, error) {
	data, err := json.Marshal(stored{Key: r.Key, Value: r.Value, Metadata: r.Metadata, ExpiresAt: expires})
	if err != nil {
		return nil, fmt.Errorf("writing %.80q: it cannot be kept as JSON: %w", r.Key, err)
	}
	return data, nil
}

// decode reads a record and keeps nothing of data. Those who want no value may
// get none.
func decode(data []byte, wantValue bool) (s stored, err error) {
	if s.decodePlain(data, wantValue) {
		return s, nil
	}
	s = stored{}
	if err := json.Unmarshal(data, &s); err != nil {
		return stored{}, fmt.Errorf("the record is damaged: %w", err)
	}
	return s, nil
}

// decodePlain reads what most records look like: written by encode, with no
// metadata and nothing escaped. It takes a tenth of the time of encoding/json,
// and leaves anything else to that. It does not read the key.
func (s *stored) decodePlain(data []byte, wantValue bool) bool {
	if !cut(&data, `{"Key":"`) {
		return false
	}
	if _, ok := cutString(&data); !ok || !cut(&data, `,"Value":"`) {
		return false
	}
	value, ok := cutString(&data)
	if !ok || !cut(&data, `,"Metadata":null,"ExpiresAt":"`) {
		return false
	}
	expires, ok := cutString(&data)
	if !ok || string(data) != "}" {
		return false
	}
	if string(expires) != "0001-01-01T00:00:00Z" && s.ExpiresAt.UnmarshalText(expires) != nil {
		return false
	}
	if wantValue {
		s.Value = make([]byte, strictBase64.DecodedLen(len(value)))
		n, err := strictBase64.Decode(s.Value, value)
		s.Value = s.Value[:n]
		return err == nil
	}
	return true
}

// cut removes a text from the front of data.
func cut(data *[]byte, text string) bool {
	if len(*data) < len(text) || string((*data)[:len(text)]) != text {
		return false
	}
	*data = (*data)[len(text):]
	return true
}

// cutString removes the rest of a string and the quote that ends it from the front
// of data; ok is false for a string with escapes.
func cutString(data *[]byte) (s []byte, ok bool) {
	end := bytes.IndexByte(*data, '"')
	if end < 0 {
		return nil, false
	}
	s, *data = (*data)[:end], (*data)[end+1:]
	return s, bytes.IndexByte(s, '\\') < 0
}

// record returns the record for its reader, and false when it has expired.
func (s stored) record(key string, now time.Time) (*store.Record, bool) {
	if !query.Live(s.ExpiresAt, now) {
		return nil, false
	}
	return &store.Record{Key: key, Value: s.Value, Metadata: s.Metadata, Expiry: query.Left(s.ExpiresAt, now)}, true
}
