package wire_test

import (
	stderrors "errors"
	"testing"

	"github.com/justcy/go-micro/v4/errors"
	"github.com/justcy/go-micro/v4/internal/wire"
)

func TestACodedErrorHasTheTextOfV4AndTheCodeOfItsHeader(t *testing.T) {
	const text = "rpc: can't find service Nobody"
	err := wire.CodedError(text, `{"id":"a","code":404,"detail":"nobody here","status":"Not Found"}`)
	var got *errors.Error
	if err.Error() != text || !stderrors.As(err, &got) || got.Code != 404 || got.Detail != "nobody here" {
		t.Errorf("the error is %v, as an *errors.Error %v", err, got)
	}
	if !stderrors.Is(err, &errors.Error{Code: 404}) {
		t.Error("errors.Is does not see the code")
	}
	for _, broken := range []string{"", "{", "[]", `{"code":"x"}`, `{"detail":"no code"}`} {
		if err := wire.CodedError(text, broken); err.Error() != text {
			t.Errorf("with the header %q the text is %q", broken, err)
		}
	}
}
