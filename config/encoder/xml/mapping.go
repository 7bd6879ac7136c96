package xml

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

const (
	rootName = "config" // of documents that are encoded
	textKey  = "#text"
	maxDepth = 256 // elements within elements
)

// decodeObject returns what is in the element around the document.
func decodeObject(data []byte) (map[string]any, error) {
	decoder := xml.NewDecoder(bytes.NewReader(data))
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return nil, errors.New("the document has no element")
		}
		if err != nil {
			return nil, err
		}
		start, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		switch v, err := decodeElement(decoder, start, 1); v := v.(type) {
		case map[string]any:
			return v, err
		case string:
			if err == nil && v != "" {
				err = fmt.Errorf("the element %s holds text, want elements", start.Name.Local)
			}
			return map[string]any{}, err
		default:
			return nil, err
		}
	}
}

// decodeElement returns the text or the object in an element that was begun.
func decodeElement(decoder *xml.Decoder, start xml.StartElement, depth int) (any, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("the element %s is nested more than %d deep", start.Name.Local, maxDepth)
	}
	object := map[string]any{}
	for _, attribute := range start.Attr {
		add(object, attribute.Name.Local, attribute.Value)
	}
	var text strings.Builder
	for {
		token, err := decoder.Token()
		if err != nil {
			return nil, err
		}
		switch token := token.(type) {
		case xml.CharData:
			text.Write(token)
		case xml.StartElement:
			v, err := decodeElement(decoder, token, depth+1)
			if err != nil {
				return nil, err
			}
			add(object, token.Name.Local, v)
		case xml.EndElement:
			return content(object, strings.TrimSpace(text.String())), nil
		}
	}
}

// content is the value of an element.
func content(object map[string]any, text string) any {
	if len(object) == 0 {
		return text
	}
	if text != "" {
		object[textKey] = text
	}
	return object
}

// add makes an array of values with the same key.
func add(object map[string]any, key string, v any) {
	switch before := object[key].(type) {
	case nil:
		object[key] = v
	case []any:
		object[key] = append(before, v)
	default:
		object[key] = []any{before, v}
	}
}

func encodeObject(object map[string]any) ([]byte, error) {
	var text bytes.Buffer
	encoder := xml.NewEncoder(&text)
	if err := encodeElement(encoder, rootName, object); err != nil {
		return nil, err
	}
	if err := encoder.Flush(); err != nil {
		return nil, err
	}
	return text.Bytes(), nil
}

// encodeElement writes v as elements of one name: one, or as many as v has.
func encodeElement(encoder *xml.Encoder, name string, v any) error {
	start := xml.StartElement{Name: xml.Name{Local: name}}
	switch v := v.(type) {
	case nil:
		return nil
	case []any:
		for _, element := range v {
			if err := encodeElement(encoder, name, element); err != nil {
				return err
			}
		}
		return nil
	case map[string]any:
		return encodeMap(encoder, start, v)
	default:
		return encoder.EncodeElement(v, start)
	}
}

func encodeMap(encoder *xml.Encoder, start xml.StartElement, object map[string]any) error {
	if err := encoder.EncodeToken(start); err != nil {
		return err
	}
	for _, key := range slices.Sorted(maps.Keys(object)) {
		if key == textKey {
			if err := encoder.EncodeToken(xml.CharData(fmt.Sprint(object[key]))); err != nil {
				return err
			}
			continue
		}
		if err := encodeElement(encoder, key, object[key]); err != nil {
			return err
		}
	}
	return encoder.EncodeToken(start.End())
}
