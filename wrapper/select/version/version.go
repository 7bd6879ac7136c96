// Package version is a client wrapper that calls the latest version of a
// service alone.
//
//	service := micro.NewService(micro.WrapClient(version.NewClientWrapper()))
package version

import (
	"context"
	"slices"

	"github.com/justcy/go-micro/v4/client"
	"github.com/justcy/go-micro/v4/registry"
	"github.com/justcy/go-micro/v4/selector"
)

// NewClientWrapper returns a wrapper that limits calls and streams to the nodes
// of the latest version there is. Versions are compared part by part, numbers
// as numbers: 1.10.0 is later than 1.9.0, and 1.0.0 later than 1.0.0-rc.1. A
// word, such as "latest", is later than any number.
func NewClientWrapper() client.Wrapper {
	return func(c client.Client) client.Client {
		return &latestVersion{Client: c}
	}
}

type latestVersion struct{ client.Client }

func (l *latestVersion) Call(ctx context.Context, req client.Request, rsp any, opts ...client.CallOption) error {
	return l.Client.Call(ctx, req, rsp, withLatest(opts)...)
}

func (l *latestVersion) Stream(ctx context.Context, req client.Request, opts ...client.CallOption) (client.Stream, error) {
	return l.Client.Stream(ctx, req, withLatest(opts)...)
}

// withLatest returns the options with the filter added to a copy of them.
func withLatest(opts []client.CallOption) []client.CallOption {
	return append(slices.Clip(opts), client.WithSelectOption(selector.WithFilter(latest)))
}

// latest keeps the services of the latest version.
func latest(services []*registry.Service) []*registry.Service {
	var kept []*registry.Service
	for _, s := range services {
		order := 1
		if len(kept) > 0 {
			order = compare(s.Version, kept[0].Version)
		}
		switch {
		case order > 0:
			kept = []*registry.Service{s}
		case order == 0:
			kept = append(kept, s)
		}
	}
	return kept
}
