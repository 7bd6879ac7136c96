// Package runtime runs services: on this machine, or with another implementation
// on a cluster. A Runtime creates, updates, lists and deletes services, restarts
// the ones that fail and gives access to what they log.
//
//	r := runtime.NewRuntime()
//	err := r.Start()
//	err = r.Create(&runtime.Service{Name: "greeter", Version: "latest", Source: "./greeter"},
//		runtime.WithRetries(3))
//
//	logs, err := r.Logs(&runtime.Service{Name: "greeter"}, runtime.LogsStream(true))
//	for record := range logs.Chan() {
//		fmt.Println(record.Message)
//	}
//
// The source is a folder, or one in a git repository
// ("github.com/owner/name/folder", at the version that the service has); the
// command is "go run ." unless WithCommand names another.
//
// NewRuntime runs services on this machine; package runtime/kubernetes runs them on
// a cluster. DefaultRuntime, which the services of package micro have, runs
// services in programs that import runtime/local, so that the others do not carry
// it along.
package runtime

import (
	"errors"
	"time"
)

var (
	// DefaultRuntime is the runtime of programs that choose none: see NewDefault.
	DefaultRuntime Runtime = NewDefault()
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
