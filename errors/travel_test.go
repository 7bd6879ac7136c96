package errors_test

import (
	stderrors "errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/justcy/go-micro/v4/errors"
)

// told is an error from another service: any text, with a code beside it.
type told struct {
	text string
	e    *errors.Error
}

func (t *told) Error() string { return t.text }

func (t *told) As(target any) bool {
	e, ok := target.(**errors.Error)
	if ok {
		*e = t.e
	}
	return ok
}

func TestAWrappedErrorKeepsItsIdAndCodeWithTheWholeText(t *testing.T) {
	inner := errors.NotFound("users", "nobody")
	for name, err := range map[string]error{
		"wrapped":       fmt.Errorf("look up: %w", inner),
		"wrapped twice": fmt.Errorf("serve: %w", fmt.Errorf("look up: %w", inner)),
		"joined":        stderrors.Join(io.EOF, inner),
		"one of two":    fmt.Errorf("%w, %w", io.EOF, inner),
		"without text":  fmt.Errorf("%.0w", inner),
	} {
		got := errors.Parse(errors.Text("server", err))
		want := &errors.Error{Id: "users", Code: 404, Detail: err.Error(), Status: "Not Found"}
		if !proto.Equal(got, want) {
			t.Errorf("%s: got %v, want %v", name, got, want)
		}
	}
}

func TestAnErrorTravelsAsItsText(t *testing.T) {
	e := errors.Conflict("a", "b")
	foreign := `{ "id": "a", "code": 409 }`
	for want, err := range map[string]error{
		e.Error():         e,
		"plain":           stderrors.New("plain"),
		"EOF":             io.EOF,
		"null":            stderrors.New("null"),
		"{}":              errors.NewMultiError(),
		" with spaces\n ": stderrors.New(" with spaces\n "),
		foreign:           &told{foreign, errors.Parse(foreign)},
		"told":            &told{"told", errors.Parse("told")},
	} {
		if got := errors.Text("server", err); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestAnErrorWithoutATextIsAnErrorWithCode500(t *testing.T) {
	var missing *errors.Error
	for name, err := range map[string]error{
		"empty":                  stderrors.New(""),
		"blank":                  stderrors.New(" \r\n\t"),
		"wrapped empty":          fmt.Errorf("%w", stderrors.New("")),
		"the text of an end":     stderrors.New("EOS"),
		"nil *Error":             missing,
		"wraps a nil *Error":     &told{"", missing},
		"joined empty":           stderrors.Join(stderrors.New("")),
		"the same with newlines": stderrors.New("EOS\n"),
	} {
		got := errors.Parse(errors.Text("server", err))
		if got.Code != 500 || got.Id != "server" || !strings.Contains(got.Detail, "error of type") || got.Status != "Internal Server Error" {
			t.Errorf("%s: got %v", name, got)
		}
	}
}

func FuzzText(f *testing.F) {
	f.Add("", "", int32(0))
	f.Add("EOS", "a", int32(404))
	f.Add(`{"id":"a","code":404}`, "d", int32(404))
	f.Fuzz(func(t *testing.T, text, detail string, code int32) {
		for _, err := range []error{stderrors.New(text), errors.New("id", detail, code), fmt.Errorf("%s%w", text, errors.New("id", detail, code))} {
			if got := strings.TrimSpace(errors.Text("server", err)); got == "" || got == "EOS" {
				t.Fatalf("%q travels as %q", err, got)
			}
		}
	})
}
