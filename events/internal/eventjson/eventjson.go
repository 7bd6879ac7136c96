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
	size := len(idKey+topicKey+timestampKey+metadataKey+payloadKey) + len(e.ID) + len(e.Topic) + len(timestamp) + base64.StdEncoding.EncodedLen(len(e.Payload))
	b := make([]byte, 0, size+32)
	if b, err = appendString(append(b, idKey...), e.ID); err != nil {
		return nil, err
	}
	if b, err = appendString(append(b, topicKey...), e.Topic); err != nil {
		return nil, err
	}
	b = append(append(b, timestampKey...), timestamp...)
	b = append(b, metadataKey...)
	if e.Metadata == nil {
		b = append(b, "null"...)
	} else {
		metadata, err := json.Marshal(e.Metadata)
		if err != nil {
			return nil, err
		}
		b = append(b, metadata...)
	}
	b = append(b, payloadKey...)
	if e.Payload == nil {
		return append(b, "null}"...), nil
	}
	b = base64.StdEncoding.AppendEncode(append(b, '"'), e.Payload)
	return append(b, `"}`...), nil
}

func appendString(b []byte, s string) ([]byte, error) {
	for i := range len(s) {
		if !plain(s[i]) || s[i] == '<' || s[i] == '>' || s[i] == '&' { // which encoding/json escapes
			quoted, err := json.Marshal(s)
			return append(b, quoted...), err
		}
	}
	return append(append(append(b, '"'), s...), '"'), nil
}

// plain reports whether a byte stands for itself in a string.
func plain(c byte) bool { return c >= ' ' && c < 0x7f && c != '"' && c != '\\' }

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
	r := reader(data)
	id := r.text(idKey)
	topic := r.text(topicKey)
	timestamp := r.text(timestampKey)
	if !r.literal(metadataKey + "null") {
		return false
	}
	payload := r.text(payloadKey)
	if payload == nil || string(r) != "}" {
		return false
	}
	decoded := make([]byte, base64.StdEncoding.DecodedLen(len(payload)-2))
	n, err := base64.StdEncoding.Decode(decoded, payload[1:len(payload)-1])
	if err != nil || e.Timestamp.UnmarshalJSON(timestamp) != nil {
		return false
	}
	e.ID, e.Topic = string(id[1:len(id)-1]), string(topic[1:len(topic)-1])
	e.Metadata, e.Payload = nil, decoded[:n]
	return true
}

// reader is what is left to read; nil after something else was there.
type reader []byte

// literal passes over a text.
func (r *reader) literal(s string) bool {
	if !bytes.HasPrefix(*r, []byte(s)) {
		*r = nil
		return false
	}
	*r = (*r)[len(s):]
	return true
}

// text passes over a key and returns the string behind it, with its quotes.
func (r *reader) text(key string) []byte {
	if !r.literal(key) || len(*r) == 0 || (*r)[0] != '"' {
		*r = nil
		return nil
	}
	for i, c := range (*r)[1:] {
		if c == '"' {
			quoted := (*r)[:i+2]
			*r = (*r)[i+2:]
			return quoted
		}
		if !plain(c) {
			break
		}
	}
	*r = nil
	return nil
}
