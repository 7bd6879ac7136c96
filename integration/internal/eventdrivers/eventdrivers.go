// Package eventdrivers names the drivers of event streams, for tests that start
// processes with them.
package eventdrivers

import (
	"fmt"
	"testing"

	"github.com/justcy/go-micro/v4/events"
	"github.com/justcy/go-micro/v4/events/natsjs"
	stream "github.com/justcy/go-micro/v4/events/redis"
	"github.com/justcy/go-micro/v4/integration/internal/servers"
)

// Driver is a driver and its server.
type Driver struct {
	Name string
	// Open returns a stream on the server at the URL.
	Open func(url string) (events.Stream, error)
	// Shared returns the URL of a server that other tests use, too.
	Shared func(testing.TB) string
	// Own starts a server that the test can kill and start again on its data.
	Own func(testing.TB) *servers.Server
}

// All are the drivers.
var All = []Driver{
	{"natsjs", openJetStream, servers.NATS, servers.NewNATSProcess},
	{"redis", func(url string) (events.Stream, error) { return stream.NewStream(stream.Address(url)) }, servers.RealRedis, servers.NewRedis},
}

// Named returns the driver of a name.
func Named(name string) (Driver, error) {
	for _, d := range All {
		if d.Name == name {
			return d, nil
		}
	}
	return Driver{}, fmt.Errorf("there is no driver %q", name)
}

// openJetStream opens a stream whose Publish is done when the event is stored.
func openJetStream(url string) (events.Stream, error) {
	return natsjs.NewStream(natsjs.Address(url), natsjs.SynchronousPublish(true))
}
