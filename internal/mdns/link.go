package mdns

import "net/netip"

// Packet is one received datagram. Data is valid only until the receiver returns.
type Packet struct {
	Data []byte
	From netip.AddrPort
}

// Network is what an [Engine] talks over.
type Network interface {
	// Open joins the network and delivers every packet that arrives until the
	// link is closed. deliver is called from several goroutines at once.
	// It fails when neither an address family nor an interface is usable.
	Open(deliver func(Packet)) (Link, error)
}

// Link is an open connection to a [Network]. Its methods may be called
// concurrently, and send without waiting for anybody.
type Link interface {
	// Ask multicasts a query from a port of the link's own, so that answers sent
	// to the query's source arrive here and nowhere else.
	Ask(data []byte) error

	// Announce multicasts a response from the port of multicast DNS.
	Announce(data []byte) error

	// Reply sends a response to one receiver, from the port of multicast DNS.
	Reply(data []byte, to netip.AddrPort) error

	// Refresh joins interfaces that have come and leaves those that have gone.
	// It reports whether anything has changed since the last call.
	Refresh() bool

	// Close leaves the network and waits until deliver has returned for good.
	Close() error
}

// Notifier is implemented by links that tell when to call Refresh. Of others it is
// found out from time to time.
type Notifier interface {
	// Changed has something when interfaces may have come or gone; nil means that
	// nobody tells after all.
	Changed() <-chan struct{}
}
