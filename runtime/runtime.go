// Package runtime is the interface to whatever runs services: the local
// machine, or a cluster. A Runtime creates, updates, lists and deletes services
// and gives access to what they log.
//
//	err := r.Create(&runtime.Service{Name: "greeter", Version: "latest"},
//		runtime.WithCommand("./greeter"), runtime.WithRetries(3))
package runtime

import (
	"errors"
	"time"
)

var (
	// DefaultRuntime is what programs use that choose no runtime. It manages no
	// processes; see NewRuntime.
	DefaultRuntime Runtime = NewRuntime()
	// DefaultName is the name of the service that manages the runtime.
	DefaultName = "go.micro.runtime"
	// ErrAlreadyExists is returned by Create when the platform already has the
	// service.
	ErrAlreadyExists = errors.New("already exists")
)

// Runtime runs services. A service is identified by namespace, name and
// version. All methods may be called concurrently.
type Runtime interface {
	// Init applies options on top of the ones already set.
	Init(...Option) error
	// Create starts a new service. The outcome is also written into the
	// service's metadata.
	Create(*Service, ...CreateOption) error
	// Read returns the services the options select, all of the namespace
	// without any. The caller owns them.
	Read(...ReadOption) ([]*Service, error)
	// Update restarts a service from its changed source and metadata.
	Update(*Service, ...UpdateOption) error
	// Delete stops and forgets a service. One that is unknown is no error.
	Delete(*Service, ...DeleteOption) error
	// Logs returns what a service writes.
	Logs(*Service, ...LogsOption) (LogStream, error)
	// Start begins to watch over the services: failed ones are restarted and
	// the events of the scheduler followed. Starting twice is no error.
	Start() error
	// Stop ends what Start began, and the services that do not outlive the
	// runtime. Stopping twice is no error.
	Stop() error
	// String names the implementation.
	String() string
}

// LogStream is what a service writes, record by record.
type LogStream interface {
	// Error returns why the stream ended, nil when it ended properly.
	Error() error
	// Chan returns the records. It is closed at the end of the stream.
	Chan() chan LogRecord
	// Stop ends the stream. It may be called again.
	Stop() error
}

// LogRecord is one line a service wrote.
type LogRecord struct {
	// Message is the line.
	Message string
	// Metadata says where the line comes from.
	Metadata map[string]string
}

// Scheduler tells a runtime which services to create, update or delete.
type Scheduler interface {
	// Notify returns the events. The channel is closed when there are no more.
	Notify() (<-chan Event, error)
	// Close ends the scheduler and closes its channels.
	Close() error
}

// EventType is what a scheduler wants done.
type EventType int

const (
	// Create a service.
	Create EventType = iota
	// Update a service.
	Update
	// Delete a service.
	Delete
)

// String returns "create", "update", "delete", or "unknown".
func (t EventType) String() string {
	switch t {
	case Create:
		return "create"
	case Update:
		return "update"
	case Delete:
		return "delete"
	default:
		return "unknown"
	}
}

// Event is something a scheduler wants done.
type Event struct {
	// ID of the event.
	ID string
	// Type of the event.
	Type EventType
	// Timestamp of the event.
	Timestamp time.Time
	// Service concerned; nil for all of them.
	Service *Service
	// Options for the service; nil for none.
	Options *CreateOptions
}

// Service is a service a runtime runs.
type Service struct {
	// Name of the service.
	Name string
	// Version of the service.
	Version string
	// Source is where the code is: a path or a repository.
	Source string
	// Metadata of the service; runtimes report its status here.
	Metadata map[string]string
}
