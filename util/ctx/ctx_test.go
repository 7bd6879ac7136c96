package ctx_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/justcy/go-micro/v4/metadata"
	"github.com/justcy/go-micro/v4/util/ctx"
)

func TestHeadersBecomeMetadata(t *testing.T) {
	r := &http.Request{Header: http.Header{"Foo": {"1"}, "Bar": {"2", "3"}}}
	md, ok := metadata.FromContext(ctx.FromRequest(r))
	if !ok || len(md) != 2 || md["Foo"] != "1" || md["Bar"] != "2,3" {
		t.Errorf("got %v, %v", md, ok)
	}
}

func TestTheContextIsThatOfTheRequest(t *testing.T) {
	parent, cancel := context.WithCancel(context.Background())
	r := (&http.Request{}).WithContext(parent)
	c := ctx.FromRequest(r)
	cancel()
	<-c.Done()
}
