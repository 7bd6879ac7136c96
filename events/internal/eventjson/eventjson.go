// Package eventjson encodes and decodes the JSON of events, which is what streams keep.
// It is that of encoding/json, byte by byte. What events nearly always look like takes
// a fraction of the time; everything else is left to encoding/json.
package eventjson

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"

	"github.com/justcy/go-micro/v4/events"
	"github.com/justcy/go-micro/v4/internal/plainjson"
)

// The keys of an event, in the order in which they are written.
const (
	idKey        = `{"ID":`
	topicKey     = `,"Topic":`
	timestampKey = `,"Timestamp":`
	metadataKey  = `,"Metadata":`
	payloadKey   = `,"Payload":`
)

// Encode returns the JSON of an event.
func Encode(e *events.Event) ([]byte, error) {
	timestamp, err := e.Timestamp.MarshalJSON()
	if err != nil {
		return nil, err
	}
	metadata := []byte("null")
	if e.Metadata != nil {
		if metadata, err = json.Marshal(e.Metadata); err != nil {
			return nil, err
		}
	}
	size := len(idKey+topicKey+timestampKey+metadataKey+payloadKey) + len(e.ID) + len(e.Topic) + len(timestamp) + len(metadata) + base64.StdEncoding.EncodedLen(len(e.Payload))
	b := plainjson.AppendString(append(make([]byte, 0, size+16), idKey...), e.ID)
	b = plainjson.AppendString(append(b, topicKey...), e.Topic)
	b = append(append(b, timestampKey...), timestamp...)
	b = append(append(b, metadataKey...), metadata...)
	b = plainjson.AppendBytes(append(b, payloadKey...), e.Payload)
	return append(b, '}'), nil
}

// Decode reads the JSON of an event. A null is none.
func Decode(data []byte, e *events.Event) error {
	if decodePlain(data, e) {
		return nil
	}
	*e = events.Event{}
	if bytes.Equal(bytes.TrimSpace(data), []byte("null")) {
		return errors.New("the event is null")
	}
	return json.Unmarshal(data, e)
}

// decodePlain reads what Encode writes for an event without metadata whose strings
// need no escaping, and reports whether it was that.
func decodePlain(data []byte, e *events.Event) bool {
	r := plainjson.Reader(data)
	id, ok := keyed(&r, idKey)
	if !ok {
		return false
	}
	topic, ok := keyed(&r, topicKey)
	if !ok || !r.Literal(timestampKey) {
		return false
	}
	quoted := r
	if _, ok = r.Text(); !ok || e.Timestamp.UnmarshalJSON(quoted[:len(quoted)-len(r)]) != nil {
		return false
	}
	if !r.Literal(metadataKey + "null" + payloadKey) {
		return false
	}
	payload, ok := r.Bytes()
	if !ok || string(r) != "}" {
		return false
	}
	e.ID, e.Topic, e.Metadata, e.Payload = string(id), string(topic), nil, payload
	return true
}

// keyed passes over a key, and over the string behind it, which it returns.
func keyed(r *plainjson.Reader, key string) (text []byte, ok bool) {
	if !r.Literal(key) {
		return nil, false
	}
	return r.Text()
}
