// Package registry is how services are found: a Registry maps the name of a
// service to the versions that run and the nodes that serve them.
//
// A server registers its Service, with one Node, when it starts, again in
// every interval so that a registration with a TTL stays alive, and
// deregisters it when it stops. A client asks for a name and gets one Service
// value for each version:
//
//	services, err := registry.GetService("greeter")
//
// The default is multicast DNS, which needs nothing installed. Others are
// [NewMemoryRegistry] for one process and its tests, and the drivers for etcd,
// Consul, NATS and Kubernetes. The package registry/cache keeps what was found
// and follows the changes; package registry/registrytest checks a driver.
package registry

import "errors"

var (
	// ErrNotFound is returned when no node of a service is registered. Some
	// registries (multicast DNS) return an empty list instead: they cannot
	// know that nobody was about to answer.
	ErrNotFound = errors.New("service not found")
	// ErrInvalidService is wrapped by the error of Register for a service that
	// the registry can never hold as it is, because of a name that is too long
	// for it, for example. Registering it again is of no use.
	ErrInvalidService = errors.New("the service cannot be registered as it is")
	// ErrEventsLost is wrapped by the error of [Watcher.Next] when the watcher was
	// not read for so long that some events had to be dropped. Watch anew, and look
	// up again what was followed.
	ErrEventsLost = errors.New("events were lost")
	// ErrWatcherStopped is returned by [Watcher.Next] after Stop.
	ErrWatcherStopped = errors.New("watcher stopped")
)

// Registry stores which services run where. Its methods may be called from
// several goroutines, and block for at most the registry's own time limit
// (see [Timeout]) or until the context in the options is done.
type Registry interface {
	// Init applies further options. What is registered stays registered.
	Init(...Option) error
	// Options returns the options in effect.
	Options() Options
	// Register announces the nodes of a service. Registering again refreshes
	// the TTL and publishes what has changed. The registry keeps no reference
	// to the service or to anything in it.
	Register(*Service, ...RegisterOption) error
	// Deregister removes the nodes listed in the service. Nodes not listed
	// stay, and removing what is not there is no error.
	Deregister(*Service, ...DeregisterOption) error
	// GetService returns one entry for each version of a service, which the
	// caller owns. The error for an unknown name satisfies
	// errors.Is(err, ErrNotFound); see there for registries without it.
	GetService(string, ...GetOption) ([]*Service, error)
	// ListServices returns at least the names of all services.
	ListServices(...ListOption) ([]*Service, error)
	// Watch reports changes from now on.
	Watch(...WatchOption) (Watcher, error)
	// String returns the name of the implementation, such as "mdns".
	String() string
}

// Service is one version of a service and the nodes that serve it.
type Service struct {
	Name      string            `json:"name"`
	Version   string            `json:"version"`
	Metadata  map[string]string `json:"metadata"`
	Endpoints []*Endpoint       `json:"endpoints"`
	Nodes     []*Node           `json:"nodes"`
}

// Node is one running instance of a service.
type Node struct {
	// Id is unique among the nodes of a service.
	Id string `json:"id"`
	// Address is where the node listens, as host:port.
	Address string `json:"address"`
	// Metadata tells peers how to talk to the node; see also [StateKey].
	Metadata map[string]string `json:"metadata"`
}

// Endpoint is one method of a service.
type Endpoint struct {
	Name     string            `json:"name"`
	Request  *Value            `json:"request"`
	Response *Value            `json:"response"`
	Metadata map[string]string `json:"metadata"`
}

// Value describes a type: a message, or a field of one.
type Value struct {
	Name   string   `json:"name"`
	Type   string   `json:"type"`
	Values []*Value `json:"values"`
}

// A node that is about to stop carries StateDraining under StateKey in its
// metadata: it finishes what it has, and gets nothing new while another node
// is left.
const (
	StateKey      = "state"
	StateDraining = "draining"
)

// Draining reports whether the node has announced that it is about to stop.
func (n *Node) Draining() bool {
	return n.Metadata[StateKey] == StateDraining
}

// Register registers a service with [DefaultRegistry].
func Register(s *Service, opts ...RegisterOption) error {
	return DefaultRegistry.Register(s, opts...)
}

// Deregister removes a service's nodes from [DefaultRegistry].
func Deregister(s *Service) error {
	return DefaultRegistry.Deregister(s)
}

// GetService looks a service up in [DefaultRegistry].
func GetService(name string) ([]*Service, error) {
	return DefaultRegistry.GetService(name)
}

// ListServices lists the services of [DefaultRegistry].
func ListServices() ([]*Service, error) {
	return DefaultRegistry.ListServices()
}

// Watch watches [DefaultRegistry].
func Watch(opts ...WatchOption) (Watcher, error) {
	return DefaultRegistry.Watch(opts...)
}

// String returns the name of [DefaultRegistry].
func String() string {
	return DefaultRegistry.String()
}
