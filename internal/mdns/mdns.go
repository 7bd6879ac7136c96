// Package mdns finds services on the local network with multicast DNS and no
// server at all.
//
// An [Engine] is a responder, a browser and a cache in one. However many nodes
// it publishes, it owns one pair of sockets per address family and a handful of
// goroutines, all of which exist only while somebody needs them: the first
// Publish, Lookup or Watch opens them, and a while after the last use they are
// closed again.
//
//   - The responder announces what is published, answers questions about it and
//     says goodbye when it is withdrawn. Every message it sends carries one node,
//     because readers of the go-micro v4 family take one node from a message.
//   - The browser asks the network for a name once and then keeps what it learned
//     fresh: it listens to announcements and goodbyes, and asks again before the
//     records of a name in use grow old.
//   - The cache serves lookups from memory and tells watchers what changed. It holds
//     what somebody asks for or watches, and that within bounds in bytes: anybody on
//     the network can announce anything.
//
// Time and network come from outside: [Network] is the seam behind which tests
// put a network of their own, and the clock is the time package's, so that
// testing/synctest can drive it.
package mdns

import (
	"errors"
	"net/netip"
	"time"
)

// Port is the port of multicast DNS.
const Port = 5353

// DefaultTTL is how long a record lives, in seconds, unless its instance says otherwise.
const DefaultTTL = 120

// ListService is the service under which the names of all services are listed.
const ListService = "_services"

// metaService is the DNS-SD name under which service types are enumerated.
const metaService = "_services._dns-sd._udp"

// Values of a list entry, which stands for a service and not for a node.
const (
	listPort  = 9999
	listSRVIP = "0.0.0.0"
)

// Values of every SRV record.
const (
	srvPriority = 10
	srvWeight   = 1
)

// GroupV4 and GroupV6 are the multicast groups of multicast DNS.
var (
	GroupV4 = netip.MustParseAddr("224.0.0.251")
	GroupV6 = netip.MustParseAddr("ff02::fb")
)

// Errors an Engine returns. All of them arrive wrapped.
var (
	// ErrStopped says that a watch has been stopped.
	ErrStopped = errors.New("mdns: watch stopped")

	// ErrTooLarge says that a record does not fit into any datagram.
	ErrTooLarge = errors.New("mdns: record too large for a datagram")

	// ErrName says that a name cannot be written as DNS labels.
	ErrName = errors.New("mdns: not a valid name")
)

// Bounds on what the network can make an Engine hold or do.
const (
	maxEntries      = 16384    // cached instances
	maxBytes        = 64 << 20 // what they may take together, see cached.size
	maxBacklogBytes = 16 << 20 // what events waiting for one watcher may refer to
	maxPlans        = 8 * maxEntries
	maxReadings     = 16    // texts decoded of one message
	maxNames        = 4096  // names kept fresh because somebody asked for them
	maxQueued       = 32768 // messages waiting to be sent
	maxQuestions    = 16    // questions answered of one message
	maxWatchBacklog = 65536 // events waiting for a watcher
	maxListed       = 16384 // service names collected by one list query
)

// The rhythm of an Engine.
const (
	// defaultIdle is how long an engine nobody uses keeps its sockets.
	defaultIdle = 5 * time.Second

	// scanInterval is how often interfaces that came or went are looked for where
	// nobody tells.
	scanInterval = 2 * time.Second
	// longestTurn is when an engine that has nothing to do looks whether that is so.
	longestTurn = time.Minute

	// goodbyeRepeat is when a goodbye is said a second time, should the first be lost.
	goodbyeRepeat = time.Second

	// interest is how long a name stays fresh after the last lookup of it.
	interest = 5 * time.Minute

	// askIntervalMin and askIntervalMax bound the pauses between the questions
	// that keep a name in use complete. The pause doubles from one to the next.
	askIntervalMin = time.Second
	askIntervalMax = time.Minute

	// repeatSilence separates an announcement from the copies of it which arrive
	// over other interfaces and address families.
	repeatSilence = 500 * time.Millisecond
)

// announcePauses are the times after publication at which an instance is announced.
var announcePauses = []time.Duration{0, time.Second, 3 * time.Second}
