package natsjskv

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/justcy/go-micro/v4/store"
)

// KeyValueEnvelope is the value of an entry, as JSON.
type KeyValueEnvelope struct {
	// Key is the record's, without its table.
	Key string `json:"key"`
	// Data is the record's value.
	Data []byte `json:"data"`
	// Metadata is the record's.
	Metadata map[string]any `json:"metadata"`
	// Expiry is when the record ends; zero for never.
	Expiry time.Time `json:"expiry,omitzero"`
}

var errNoEnvelope = errors.New("the entry was not written by a store")

func encodeEnvelope(r *store.Record, expires time.Time) ([]byte, error) {
	data, err := json.Marshal(KeyValueEnvelope{Key: r.Key, Data: r.Value, Metadata: r.Metadata, Expiry: expires})
	if err != nil {
		return nil, fmt.Errorf("nats-js-kv store: writing %.80q: it cannot be kept as JSON: %w", r.Key, err)
	}
	return data, nil
}

func decodeEnvelope(data []byte) (e KeyValueEnvelope, err error) {
	if err := json.Unmarshal(data, &e); err != nil {
		return e, fmt.Errorf("%w: %w", errNoEnvelope, err)
	}
	return e, nil
}

// isFor reports whether the record was written under this key, and not under that
// of another table which looks the same with its table before it.
func (e KeyValueEnvelope) isFor(at place, key string) bool {
	return at.table == "" || e.Key == key || !utf8.ValidString(key) && e.Key == asJSON(key)
}

// asJSON returns what becomes of a text in JSON, which cannot hold all bytes.
func asJSON(text string) (held string) {
	data, err := json.Marshal(text)
	if err == nil {
		err = json.Unmarshal(data, &held)
	}
	if err != nil {
		return text
	}
	return held
}
