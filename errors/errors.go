// Package errors is the error that keeps its meaning across the wire: an id
// that says who failed, a code from HTTP, and a detail in words.
//
// A handler returns one of the constructors' errors, and the caller gets it
// back as an *Error:
//
//	return errors.NotFound("greeter", "nobody is called %s", name)
//
//	if errors.Is(err, &errors.Error{Code: 404}) { … } // the standard library's Is
//
// As text an Error is a JSON object, which is also how it travels; [Text] says what
// becomes of other errors, such as one that wraps an Error. [Parse] turns the text
// back into an Error.
package errors

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"reflect"
)

// New returns an *Error with the given id, detail and code. Its status is the
// HTTP text of code, empty for a code that HTTP does not know.
func New(id, detail string, code int32) error {
	return &Error{Id: id, Code: code, Detail: detail, Status: http.StatusText(int(code))}
}

// BadRequest returns an *Error with code 400. The detail is format filled with
// a; without a it is format exactly as given, so text from elsewhere is safe.
func BadRequest(id, format string, a ...any) error {
	return New(id, detail(format, a), http.StatusBadRequest)
}

// Unauthorized returns an *Error with code 401; see [BadRequest] for format.
func Unauthorized(id, format string, a ...any) error {
	return New(id, detail(format, a), http.StatusUnauthorized)
}

// Forbidden returns an *Error with code 403; see [BadRequest] for format.
func Forbidden(id, format string, a ...any) error {
	return New(id, detail(format, a), http.StatusForbidden)
}

// NotFound returns an *Error with code 404; see [BadRequest] for format.
func NotFound(id, format string, a ...any) error {
	return New(id, detail(format, a), http.StatusNotFound)
}

// MethodNotAllowed returns an *Error with code 405; see [BadRequest] for format.
func MethodNotAllowed(id, format string, a ...any) error {
	return New(id, detail(format, a), http.StatusMethodNotAllowed)
}

// Timeout returns an *Error with code 408; see [BadRequest] for format.
func Timeout(id, format string, a ...any) error {
	return New(id, detail(format, a), http.StatusRequestTimeout)
}

// Conflict returns an *Error with code 409; see [BadRequest] for format.
func Conflict(id, format string, a ...any) error {
	return New(id, detail(format, a), http.StatusConflict)
}

// InternalServerError returns an *Error with code 500; see [BadRequest] for
// format.
func InternalServerError(id, format string, a ...any) error {
	return New(id, detail(format, a), http.StatusInternalServerError)
}

// detail leaves a text without arguments alone: it is often the text of
// another error, in which a percent sign means itself.
func detail(format string, a []any) string {
	if len(a) == 0 {
		return format
	}
	return fmt.Sprintf(format, a...)
}

// Equal reports whether two errors mean the same: two *Errors when their codes
// are equal, an *Error and another error never, other errors when they are
// identical. It looks at the errors themselves and unwraps nothing; for a
// wrapped error use the standard library's Is with an *Error as the target.
func Equal(err1, err2 error) bool {
	e1, is1 := err1.(*Error)
	e2, is2 := err2.(*Error)
	if is1 != is2 {
		return false
	}
	if is1 {
		return e1.GetCode() == e2.GetCode()
	}
	return identical(err1, err2)
}

// identical is == that is false, not a panic, for types that have no ==.
func identical(err1, err2 error) bool {
	if err1 == nil || err2 == nil {
		return err1 == err2
	}
	return reflect.ValueOf(err1).Comparable() && reflect.ValueOf(err2).Comparable() && err1 == err2
}

// Is makes the standard library's errors.Is work by meaning: e matches a
// target *Error of the same code, and of the same id when the target has one.
// A target without a code matches only an error without one and with the same
// detail.
//
// An error with code 408 and without a cause, such as one from the wire, also
// matches context.DeadlineExceeded.
func (e *Error) Is(target error) bool {
	if e == nil {
		return false
	}
	if target == context.DeadlineExceeded {
		return e.Code == http.StatusRequestTimeout && e.Unwrap() == nil
	}
	t, ok := target.(*Error)
	if !ok || t == nil || t.Id != "" && e.Id != t.Id {
		return false
	}
	if t.Code == 0 {
		return e.uncoded() && e.Detail == t.Detail
	}
	return e.Code == t.Code
}

// uncoded reports whether the error was made without a code.
func (e *Error) uncoded() bool {
	s := e.asSent()
	return e.Code == 0 || s != nil && s.uncoded
}

// As returns the first *Error in the chain of err.
func As(err error) (*Error, bool) {
	var e *Error
	if err == nil || !errors.As(err, &e) {
		return nil, false
	}
	return e, true
}

// FromError returns err as an *Error: itself or the first one that it wraps,
// else the result of [Parse] on its text. It returns nil for nil.
func FromError(err error) *Error {
	if err == nil {
		return nil
	}
	if e, ok := As(err); ok && e != nil {
		return e
	}
	return Parse(err.Error())
}
