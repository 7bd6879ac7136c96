package errors

import (
	"encoding/json"
	"strconv"
	"strings"
)

// maxParse is the length of text, in bytes, up to which Parse looks for JSON.
// No real error is longer; a peer must not make us decode megabytes for one.
const maxParse = 1 << 20

// Error returns e as a JSON object with the fields id, code, detail and status
// in this order, the empty ones left out. An error from [Remote] has the text
// that it was sent with.
func (e *Error) Error() string {
	if e == nil {
		return "null"
	}
	if s := e.asSent(); s != nil {
		return s.text
	}
	return string(e.appendJSON(make([]byte, 0, 48+len(e.Id)+len(e.Detail)+len(e.Status))))
}

func (e *Error) appendJSON(b []byte) []byte {
	if e == nil {
		return append(b, "null"...)
	}
	b = append(b, '{')
	b = appendField(b, "id", e.GetId())
	if code := e.GetCode(); code != 0 {
		b = appendKey(b, "code")
		b = strconv.AppendInt(b, int64(code), 10)
	}
	b = appendField(b, "detail", e.GetDetail())
	b = appendField(b, "status", e.GetStatus())
	return append(b, '}')
}

func appendField(b []byte, key, value string) []byte {
	if value == "" {
		return b
	}
	return appendString(appendKey(b, key), value)
}

func appendKey(b []byte, key string) []byte {
	if b[len(b)-1] != '{' {
		b = append(b, ',')
	}
	b = append(b, '"')
	b = append(b, key...)
	return append(b, '"', ':')
}

// appendString quotes s as encoding/json does, which is only asked when there
// is something to escape.
func appendString(b []byte, s string) []byte {
	if !plain(s) {
		quoted, err := json.Marshal(s)
		if err == nil {
			return append(b, quoted...)
		}
	}
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"')
}

// plain reports whether s stands for itself between quotes.
func plain(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c >= 0x7f || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			return false
		}
	}
	return true
}

// Parse turns the text of an error back into an Error. Text that is not the
// JSON of an Error becomes the detail of one without id, code and status; so
// does text of more than a megabyte. The result is never nil.
func Parse(text string) *Error {
	if e, ok := parseJSON(text); ok {
		return e
	}
	return &Error{Detail: text}
}

func parseJSON(text string) (*Error, bool) {
	object := strings.TrimLeft(text, " \t\r\n")
	if len(object) > maxParse || !strings.HasPrefix(object, "{") {
		return nil, false
	}
	e := new(Error)
	if err := json.Unmarshal([]byte(object), e); err != nil {
		return nil, false
	}
	// An object of somebody else's says more as a detail than as no fields.
	known := e.Id != "" || e.Code != 0 || e.Detail != "" || e.Status != ""
	return e, known || strings.TrimSpace(object) == "{}"
}
