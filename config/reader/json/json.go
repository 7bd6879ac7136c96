// Package json is the reader whose merged documents are JSON. What it reads may
// be in any format it was given an encoder for.
package json

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/justcy/go-micro/v4/config/encoder"
	"github.com/justcy/go-micro/v4/config/reader"
	"github.com/justcy/go-micro/v4/config/source"
)

// name is the format of merged sets and the name of the reader.
const name = "json"

// byteOrderMark is what some editors write in front of a text.
var byteOrderMark = []byte("\xef\xbb\xbf")

// sameFormat holds file name extensions that are not the name of their format.
var sameFormat = map[string]string{"yml": "yaml"}

// NewReader returns a JSON reader. Numbers keep the text they were written with,
// however large. Objects and arrays may be nested 256 deep.
func NewReader(opts ...reader.Option) reader.Reader {
	return &jsonReader{encoders: reader.NewOptions(opts...).Encoding}
}

type jsonReader struct {
	encoders map[string]encoder.Encoder
	last     atomic.Pointer[mergedDocument]
}

// mergedDocument is what Merge returned last: Values is usually asked for it
// next, and need not parse what was just encoded.
type mergedDocument struct {
	data []byte
	root any // never changed
}

// parsed returns the root of data, which has no placeholders.
func (r *jsonReader) parsed(data []byte) (any, error) {
	last := r.last.Load()
	if last != nil && len(data) > 0 && len(data) == len(last.data) && &data[0] == &last.data[0] {
		return last.root, nil
	}
	return parse(data)
}

func (r *jsonReader) String() string { return name }

// Merge decodes a set of an unknown format as JSON. A byte order mark in front
// of a document, whatever its format, is no part of it.
func (r *jsonReader) Merge(sets ...*source.ChangeSet) (*source.ChangeSet, error) {
	documents := make([]reader.Parsed, len(sets))
	for i, set := range sets {
		var err error
		if documents[i], err = r.Parse(set); err != nil {
			return nil, err
		}
	}
	return r.MergeParsed(documents...)
}

func (r *jsonReader) Parse(set *source.ChangeSet) (reader.Parsed, error) {
	if set == nil {
		return nil, nil
	}
	data := bytes.TrimPrefix(set.Data, byteOrderMark)
	if len(bytes.TrimSpace(data)) == 0 {
		return nil, nil
	}
	document, err := r.decode(set.Format, data)
	if err != nil {
		return nil, fmt.Errorf("decode source %s: %w", set.Source, err)
	}
	return document, nil
}

func (r *jsonReader) MergeParsed(documents ...reader.Parsed) (*source.ChangeSet, error) {
	objects := make([]map[string]any, 0, len(documents))
	for _, d := range documents {
		if object, _ := d.(map[string]any); object != nil {
			objects = append(objects, object)
		}
	}
	root := plainRoot(mergeObjects(objects))
	data := encode(root)
	r.last.Store(&mergedDocument{data: data, root: root})
	result := &source.ChangeSet{Data: data, Format: name, Source: name, Timestamp: time.Now()}
	result.Checksum = result.Sum()
	return result, nil
}

// plainRoot is what parsing the encoded object would return.
func plainRoot(object map[string]any) any {
	if object == nil {
		return nil
	}
	return object
}

// Values takes text that is no JSON as one string. It fails without a set, with
// one of another format, and on a document that is nested too deep.
func (r *jsonReader) Values(set *source.ChangeSet) (reader.Values, error) {
	if set == nil {
		return nil, errors.New("changeset is nil")
	}
	if set.Format != name {
		return nil, errors.New("unsupported format")
	}
	data, err := reader.ReplaceEnvVars(set.Data)
	if err != nil {
		return nil, fmt.Errorf("replace environment variables: %w", err)
	}
	root, err := r.parsed(data) // ReplaceEnvVars returns the same slice if there is nothing to replace
	if errors.Is(err, errTooDeep) {
		return nil, fmt.Errorf("read values of %s: %w", set.Source, err)
	}
	if err != nil {
		return newValues(string(data), nil), nil
	}
	return newValues(root, data), nil
}

// decode returns the document in data, an object.
func (r *jsonReader) decode(format string, data []byte) (map[string]any, error) {
	enc, ok := r.encoder(format)
	if !ok || enc.String() == name {
		document, err := r.decodeJSON(enc, data)
		if err != nil && !ok && format != "" {
			return nil, fmt.Errorf("%w; there is no encoder for the format %s, it was read as json: import one and give it to the reader with reader.WithEncoder", err, format)
		}
		return document, err
	}
	document := map[string]any{}
	if err := enc.Decode(data, &document); err != nil {
		return nil, err
	}
	plain, err := normalize(document)
	if err != nil {
		return nil, err
	}
	return plain.(map[string]any), nil
}

func (r *jsonReader) encoder(format string) (encoder.Encoder, bool) {
	if enc, ok := r.encoders[format]; ok {
		return enc, true
	}
	enc, ok := r.encoders[sameFormat[format]]
	return enc, ok
}

// decodeJSON has an encoder of the user's, if there is one, find the JSON value
// in data: it may allow comments, for example.
func (r *jsonReader) decodeJSON(enc encoder.Encoder, data []byte) (map[string]any, error) {
	if enc != nil && enc != builtIn {
		var raw json.RawMessage
		if err := enc.Decode(data, &raw); err != nil {
			return nil, err
		}
		data = raw
	}
	root, err := parse(data)
	if err != nil {
		return nil, err
	}
	switch document := root.(type) {
	case map[string]any:
		return document, nil
	case nil:
		return nil, nil
	default:
		return nil, fmt.Errorf("the document is %s, want an object", kind(root))
	}
}
