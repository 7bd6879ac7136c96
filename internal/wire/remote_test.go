package wire_test

import (
	stderrors "errors"
	"testing"

	"github.com/justcy/go-micro/v4/errors"
	"github.com/justcy/go-micro/v4/internal/wire"
)

func TestARemoteErrorKeepsItsText(t *testing.T) {
	for _, e := range []struct {
		text   string
		code   int32
		detail string
	}{
		{`{"id":"a","code":404,"detail":"100% gone","status":"Not Found"}`, 404, "100% gone"},
		{`{ "id": "a", "code": 404 }`, 404, ""},
		{`{"id":"a","code":404,"other":1}`, 404, ""},
		{`plain 100% text`, 500, "plain 100% text"},
		{`{"no": "error"}`, 500, `{"no": "error"}`},
		{`{`, 500, `{`},
	} {
		err := wire.RemoteError(e.text)
		if err.Error() != e.text {
			t.Errorf("text is %q, want %q", err.Error(), e.text)
		}
		if _, direct := err.(*errors.Error); !direct {
			t.Errorf("%q comes back as %T", e.text, err)
		}
		var got *errors.Error
		if !stderrors.As(err, &got) || got.Code != e.code || got.Detail != e.detail {
			t.Errorf("in %q errors.As finds %v", e.text, got)
		}
		if got := errors.FromError(err); got.Code != e.code || got.Detail != e.detail {
			t.Errorf("in %q FromError finds %v", e.text, got)
		}
	}
}

func TestARemoteErrorIsItsCode(t *testing.T) {
	err := wire.RemoteError(`{ "id": "a", "code": 404 }`)
	if !stderrors.Is(err, &errors.Error{Code: 404}) || stderrors.Is(err, &errors.Error{Code: 500}) {
		t.Error("errors.Is does not see the code")
	}
}

func FuzzRemoteError(f *testing.F) {
	f.Add(`{"id":"a","code":404,"detail":"d","status":"Not Found"}`)
	f.Add(`{"code":1e99}`)
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		err := wire.RemoteError(text)
		if err.Error() != text {
			t.Errorf("%q becomes %q", text, err.Error())
		}
		if got := errors.FromError(err); got == nil {
			t.Error("FromError finds nothing")
		}
	})
}
