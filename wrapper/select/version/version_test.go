package version_test

import (
	"context"
	"strings"
	"testing"

	"github.com/justcy/go-micro/v4/client"
	"github.com/justcy/go-micro/v4/registry"
	"github.com/justcy/go-micro/v4/selector"
	"github.com/justcy/go-micro/v4/wrapper/select/version"
)

// recorder is a client that applies the filters of a call and sends nothing.
type recorder struct {
	client.Client
	services []*registry.Service
	left     []string
}

func (r *recorder) filter(opts []client.CallOption) {
	var call client.CallOptions
	for _, o := range opts {
		o(&call)
	}
	var sel selector.SelectOptions
	for _, o := range call.SelectOptions {
		o(&sel)
	}
	services := r.services
	for _, f := range sel.Filters {
		services = f(services)
	}
	r.left = nil
	for _, s := range services {
		r.left = append(r.left, s.Version)
	}
}

func (r *recorder) Call(_ context.Context, _ client.Request, _ any, opts ...client.CallOption) error {
	r.filter(opts)
	return nil
}

func (r *recorder) Stream(_ context.Context, _ client.Request, opts ...client.CallOption) (client.Stream, error) {
	r.filter(opts)
	return nil, nil
}

func TestTheLatestVersionIsCalled(t *testing.T) {
	for versions, want := range map[string]string{
		"1.0.0":                      "1.0.0",
		"1.9.0 1.10.0 1.2.0":         "1.10.0",
		"2.0.0 10.0.0":               "10.0.0",
		"v1.2.0 v1.10.0":             "v1.10.0",
		"1.0.0-rc.1 1.0.0":           "1.0.0",
		"1.0.0-rc.2 1.0.0-rc.10":     "1.0.0-rc.10",
		"1.0.0-alpha 1.0.0-beta":     "1.0.0-beta",
		"1.1.0-rc.1 1.0.0":           "1.1.0-rc.1",
		"1.0 1.0.1":                  "1.0.1",
		"1.0.0 latest":               "latest",
		"1.0.0 1.0.0 0.9.0":          "1.0.0 1.0.0",
		"1.0.0+linux 1.0.0+mac":      "1.0.0+linux 1.0.0+mac",
		"99999999999999999999 1.0.0": "99999999999999999999",
		"1.01.0 1.2.0":               "1.2.0",
		"":                           "",
	} {
		r := &recorder{}
		for _, v := range strings.Fields(versions) {
			r.services = append(r.services, &registry.Service{Version: v})
		}
		c := version.NewClientWrapper()(r)
		if err := c.Call(context.Background(), nil, nil); err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(r.left, " "); got != want {
			t.Errorf("a call: of %q there is left %q, want %q", versions, got, want)
		}
		r.left = nil
		if _, err := c.Stream(context.Background(), nil); err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(r.left, " "); got != want {
			t.Errorf("a stream: of %q there is left %q, want %q", versions, got, want)
		}
	}
}

func TestOptionsOfTheCallerAreCopied(t *testing.T) {
	opts := make([]client.CallOption, 1, 8)
	opts[0] = client.WithRetries(1)
	if err := version.NewClientWrapper()(&recorder{}).Call(context.Background(), nil, nil, opts...); err != nil {
		t.Fatal(err)
	}
	if opts[:2][1] != nil {
		t.Error("the wrapper wrote into the caller's array")
	}
}
