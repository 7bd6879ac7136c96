package server_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	microerrors "github.com/justcy/go-micro/v4/errors"
	"github.com/justcy/go-micro/v4/server"
)

// Erring returns what its request names.
type Erring struct{}

func (Erring) Call(_ context.Context, in *Text, _ *Text) error { return failures[in.Text] }

func (Erring) Stream(_ context.Context, s server.Stream) error {
	var in Text
	if err := s.Recv(&in); err != nil {
		return err
	}
	return failures[in.Text]
}

var failures = map[string]error{
	"empty":   errors.New(""),
	"end":     errors.New("EOS"),
	"wrapped": fmt.Errorf("look up: %w", microerrors.NotFound("users", "nobody")),
	"plain":   errors.New("plain"),
}

func TestAnErrorIsNeverToldByItsText(t *testing.T) {
	for name, want := range map[string]struct {
		code   int32
		detail string
	}{
		"empty":   {500, "an error of type *errors.errorString without a text"},
		"end":     {500, "an error of type *errors.errorString without a text EOS"},
		"wrapped": {404, failures["wrapped"].Error()},
		"plain":   {0, "plain"},
	} {
		p := serve(t, new(Erring))
		unary := p.call(jsonHeader("Erring.Call", "1"), fmt.Sprintf(`{"text":%q}`, name))
		p.send(jsonHeader("Erring.Stream", "2", "Micro-Stream", "2"), `{}`)
		p.send(jsonHeader("Erring.Stream", "2", "Micro-Stream", "2"), fmt.Sprintf(`{"text":%q}`, name))
		for kind, m := range map[string]map[string]string{"call": unary.Header, "stream": p.recv().Header} {
			if got := microerrors.Parse(m["Micro-Error"]); got.Code != want.code || got.Detail != want.detail {
				t.Errorf("%s, %s: got %v", name, kind, m)
			}
		}
	}
}
