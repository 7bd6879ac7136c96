package registry

import "time"

// Watcher follows the changes of a registry, in order. Next may be called by
// one goroutine at a time, Stop by any.
type Watcher interface {
	// Next blocks until something changes. After Stop it returns
	// [ErrWatcherStopped]; any other error means that the registry was lost
	// and the watcher is of no more use. The caller owns the result.
	Next() (*Result, error)
	// Stop ends the watcher and a Next that is blocked. It may be called
	// repeatedly.
	Stop()
}

// Result is one change of a registry.
type Result struct {
	// Action is "create", "update" or "delete".
	Action string
	// Service holds the nodes that the change is about. A delete without
	// nodes is about all of them.
	Service *Service
}

// EventType is the kind of an Event.
type EventType int

// The kinds of events. Their texts are the values of [Result] Action.
const (
	Create EventType = iota
	Delete
	Update
)

// String returns "create", "delete", "update" or "unknown".
func (t EventType) String() string {
	switch t {
	case Create:
		return "create"
	case Delete:
		return "delete"
	case Update:
		return "update"
	default:
		return "unknown"
	}
}

// Event is a change of a registry as it is passed between processes.
type Event struct {
	Id        string
	Type      EventType
	Timestamp time.Time
	Service   *Service
}
