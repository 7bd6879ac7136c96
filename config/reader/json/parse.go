package json

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	encoding "github.com/justcy/go-micro/v4/config/encoder/json"
)

// builtIn is the JSON encoder every reader has: it is not asked, because JSON
// is parsed here, with the text of its numbers.
var builtIn = encoding.NewEncoder()

// maxDepth is how deep objects and arrays may be nested.
const maxDepth = 256

var errTooDeep = fmt.Errorf("nested more than %d deep", maxDepth)

// parse returns the value in data, made of map[string]any, []any, string,
// json.Number, bool and nil.
func parse(data []byte) (any, error) {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	var root any
	if err := decoder.Decode(&root); err != nil {
		return nil, located(err, data)
	}
	rest := bytes.TrimSpace(data[decoder.InputOffset():])
	if len(rest) > 0 {
		line, column := position(data, int64(len(data)-len(rest)))
		return nil, fmt.Errorf("line %d, column %d: text after the end of the document", line, column)
	}
	if err := checkDepth(root, nil); err != nil {
		return nil, err
	}
	return root, nil
}

// located adds to a syntax error where it is.
func located(err error, data []byte) error {
	var syntax *json.SyntaxError
	switch {
	case errors.As(err, &syntax):
		line, column := position(data, max(syntax.Offset-1, 0))
		return fmt.Errorf("line %d, column %d: %w", line, column, err)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("the document is cut short: %w", err)
	default:
		return err
	}
}

func position(data []byte, offset int64) (line, column int) {
	before := data[:min(offset, int64(len(data)))]
	return bytes.Count(before, []byte("\n")) + 1, len(before) - bytes.LastIndexByte(before, '\n')
}

// checkDepth fails with the path to what is nested too deep.
func checkDepth(v any, path []string) error {
	if len(path) > maxDepth {
		return fmt.Errorf("%s…: %w", strings.Join(path[:8], "."), errTooDeep)
	}
	switch v := v.(type) {
	case map[string]any:
		for key, element := range v {
			if isNested(element) {
				if err := checkDepth(element, append(path, key)); err != nil {
					return err
				}
			}
		}
	case []any:
		for i, element := range v {
			if isNested(element) {
				if err := checkDepth(element, append(path, strconv.Itoa(i))); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func isNested(v any) bool {
	switch v.(type) {
	case map[string]any, []any:
		return true
	}
	return false
}

// kind names the kind of a parsed value for error texts.
func kind(v any) string {
	switch v.(type) {
	case map[string]any:
		return "an object"
	case []any:
		return "an array"
	case string:
		return "a string"
	case json.Number:
		return "a number"
	case bool:
		return "a boolean"
	default:
		return "null"
	}
}
