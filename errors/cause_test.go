package errors_test

import (
	"context"
	stderrors "errors"
	"fmt"
	"io/fs"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/justcy/go-micro/v4/errors"
)

func TestTheCauseIsFoundBehindTheError(t *testing.T) {
	cause := fmt.Errorf("reading the list: %w", &fs.PathError{Op: "open", Path: "list", Err: fs.ErrNotExist})
	err := errors.Wrap(cause, "shop", "no list", 404)
	if !stderrors.Is(err, fs.ErrNotExist) || stderrors.Unwrap(err) != cause {
		t.Errorf("the cause of %v is %v", err, stderrors.Unwrap(err))
	}
	var path *fs.PathError
	if !stderrors.As(err, &path) || path.Path != "list" {
		t.Errorf("errors.As finds %v", path)
	}
	if want := errors.NotFound("shop", "no list"); err.Error() != want.Error() || !errors.Equal(err, want) {
		t.Errorf("the error is %v, want %v", err, want)
	}
}

func TestTheCauseDoesNotTravel(t *testing.T) {
	err := errors.Wrap(fs.ErrNotExist, "shop", "no list", 404).(*errors.Error)
	if got := errors.Parse(err.Error()); stderrors.Is(got, fs.ErrNotExist) || !proto.Equal(got, err) {
		t.Errorf("%v comes back as %v", err, got)
	}
	body, marshalErr := proto.Marshal(err)
	plain, _ := proto.Marshal(errors.NotFound("shop", "no list").(*errors.Error))
	if marshalErr != nil || string(body) != string(plain) {
		t.Errorf("the message is %q, want %q", body, plain)
	}
}

func TestATimeoutIsADeadlineUnlessItsCauseSaysOtherwise(t *testing.T) {
	for _, e := range []struct {
		err                error
		deadline, canceled bool
	}{
		{errors.Timeout("x", "slow"), true, false},
		{errors.Parse(errors.Timeout("x", "context canceled").Error()), true, false},
		{errors.Wrap(context.DeadlineExceeded, "x", "slow", 408), true, false},
		{errors.Wrap(context.Canceled, "x", "the user left", 408), false, true},
		{errors.NotFound("x", "context deadline exceeded"), false, false},
	} {
		if got := stderrors.Is(e.err, context.DeadlineExceeded); got != e.deadline {
			t.Errorf("%v is a deadline: %v", e.err, got)
		}
		if got := stderrors.Is(e.err, context.Canceled); got != e.canceled {
			t.Errorf("%v is a cancellation: %v", e.err, got)
		}
	}
}

func TestARemoteErrorHasACodeAndTheTextThatWasSent(t *testing.T) {
	e := errors.Remote("greeter", "it is 100% broken")
	if e.Error() != "it is 100% broken" || e.Id != "greeter" || e.Code != 500 || e.Detail != "it is 100% broken" {
		t.Errorf("a plain text becomes %v (id %s, code %d)", e, e.Id, e.Code)
	}
	if !stderrors.Is(e, &errors.Error{Code: 500}) || !stderrors.Is(e, errors.Parse("it is 100% broken")) {
		t.Error("errors.Is matches neither the code nor the text")
	}
	if stderrors.Unwrap(e) != nil {
		t.Errorf("it has the cause %v", stderrors.Unwrap(e))
	}
	list := errors.NewMultiError()
	list.Append(e)
	if want := `{"errors":[{"id":"greeter","code":500,"detail":"it is 100% broken","status":"Internal Server Error"}]}`; list.Error() != want {
		t.Errorf("in a list it is %v", list)
	}
	e.Detail = "the answer was: " + e.Detail
	if want := `{"id":"greeter","code":500,"detail":"the answer was: it is 100% broken","status":"Internal Server Error"}`; e.Error() != want {
		t.Errorf("after a change it is %v", e)
	}
}
