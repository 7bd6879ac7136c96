// Package selector picks the node a request goes to.
//
// A Selector finds the nodes of a service in the registry, applies filters,
// and gives a Next that a strategy made, which hands out one node after the
// other: the first attempt of a call takes one, each retry the next.
//
//	s := selector.NewSelector(selector.Registry(r), selector.SetStrategy(selector.RoundRobin))
//	defer s.Close()
//	next, err := s.Select("greeter", selector.WithFilter(selector.FilterVersion("1.2.0")))
//	node, err := next()
//
// The default selector keeps what the registry says in a registry/cache, so
// that picking a node costs well under a microsecond. Nodes that could not be
// reached ([Selector.Mark]) are set aside for a while, nodes that answered
// nothing until they answer a probe, and nodes that announce that they are about
// to stop ([registry.StateDraining]) get nothing, unless nothing else is left.
package selector

import (
	"context"
	"errors"

	"github.com/justcy/go-micro/v4/registry"
)

var (
	// ErrNotFound is returned by Select when the registry does not know the
	// service: is it running, and does it use the same registry?
	ErrNotFound = errors.New("not found")
	// ErrNoneAvailable is returned by Select when the filters leave nothing,
	// and by Next when there are no nodes.
	ErrNoneAvailable = errors.New("none available")
	// ErrUnreachable is in the chain of an error given to Mark when the node
	// could not be reached at all. See [Unreachable].
	ErrUnreachable = errors.New("node unreachable")
)

// DefaultSelector is used by clients that are given no other. It reads
// registry.DefaultRegistry.
var DefaultSelector = NewSelector()

// Selector picks nodes. Its methods may be called from several goroutines.
type Selector interface {
	// Init applies options. What was known of services and nodes is dropped.
	Init(opts ...Option) error
	// Options returns the options in effect.
	Options() Options
	// Select returns a function that picks a node of the service at each
	// call.
	Select(service string, opts ...SelectOption) (Next, error)
	// Mark reports how a request to a node went: nil for a success, for nodes
	// that cannot be reached an error as described at [Unreachable], and for
	// nodes that answered nothing in time one as described at [Silent].
	Mark(service string, node *registry.Node, err error)
	// Reset forgets what Mark was told about a service.
	Reset(service string)
	// Close releases the selector's resources. It may be called repeatedly.
	Close() error
	// String returns the name of the implementation.
	String() string
}

// Tracker is implemented by selectors that take the load of nodes into
// account. A client probes for it once and calls Begin for each attempt:
//
//	done := tracker.Begin(service, node)
//	err := attempt()
//	done(err)
//
// Begin costs nothing while no strategy needs it.
type Tracker interface {
	// Begin reports that a request to the node starts. The function it
	// returns, never nil, is to be called exactly once when the request ends.
	Begin(service string, node *registry.Node) (done func(err error))
}

// StreamTracker is implemented by Trackers that count open streams. A client
// probes for it once, and calls BeginStream instead of Begin for each attempt to
// open a stream.
type StreamTracker interface {
	Tracker
	// BeginStream reports that a stream to the node is being opened. The
	// function it returns, never nil, is to be called exactly once when the
	// stream has ended or could not be opened.
	BeginStream(service string, node *registry.Node) (done func())
}

// Picker is implemented by selectors that can pick a node at the price of a map
// lookup, and whose Select returns with SelectOptions.Context as Pick does with
// its context. A client probes for it once and uses Pick for the first attempt
// of calls without select options; for the nodes of further attempts it uses
// Select.
type Picker interface {
	// Pick picks a node of the service by the selector's strategy, as the
	// Next of a Select without options does, with the same errors. It returns
	// the error of ctx when that ends first, even if the registry does not
	// heed it. The node and all that it refers to are shared by everybody and
	// must not be changed: copy it to hand it on.
	Pick(ctx context.Context, service string) (*registry.Node, error)
}

// Next picks a node. The node belongs to the caller but for its metadata map,
// which is shared and must not be changed. It may be called from several
// goroutines.
type Next func() (*registry.Node, error)

// Filter reduces the services that are considered. It gets lists of its own,
// which it may change and return; metadata and endpoints are shared and must
// not be changed.
type Filter func([]*registry.Service) []*registry.Service

// Strategy makes a Next that picks from the nodes of the services. What is
// said of Filter holds for its argument.
type Strategy func([]*registry.Service) Next
