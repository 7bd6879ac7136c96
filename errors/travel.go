package errors

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/justcy/go-micro/v4/transport/headers"
)

// Text returns the text by which err travels from a handler to its caller. That
// of an *Error is its JSON. An error that wraps one keeps its id and code, with
// the whole text as the detail:
//
//	return fmt.Errorf("look up %s: %w", name, errors.NotFound("users", "no such user"))
//
// Any other error travels as its own text, unless that would be taken for
// something else: an error without a text, or with the one that ends streams,
// becomes an *Error with the given id and code 500. Whether there is an error is
// never a matter of its text. Err must not be nil.
func Text(id string, err error) string {
	if e, ok := err.(*Error); ok && e != nil {
		return e.Error()
	}
	text := err.Error()
	if e, ok := As(err); ok {
		return textOf(id, err, e, text)
	}
	if words := strings.TrimSpace(text); words == "" || words == headers.EndOfStream {
		return failure(id, err, words)
	}
	return text
}

// textOf is the text of an error that has e in it.
func textOf(id string, err error, e *Error, text string) string {
	if e == nil {
		return failure(id, err, "")
	}
	if said := Parse(text); said.Code == e.Code && said.Id == e.Id {
		return text // it came from another service and says all of e itself
	}
	return (&Error{Id: e.Id, Code: e.Code, Detail: text, Status: e.Status}).Error()
}

// failure is the text of an error that has none to speak of.
func failure(id string, err error, text string) string {
	return New(id, strings.TrimSpace(fmt.Sprintf("an error of type %T without a text %s", err, text)), http.StatusInternalServerError).Error()
}
