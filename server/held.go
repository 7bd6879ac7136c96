package server

import (
	"sync/atomic"

	microerrors "github.com/justcy/go-micro/v4/errors"
	bytebudget "github.com/justcy/go-micro/v4/internal/budget"
)

// held counts the bytes that wait for the handlers of one socket's streams, as a
// part of what all sockets make the server hold.
type held struct {
	all   *bytebudget.Budget
	bytes atomic.Int64
}

// take claims n bytes unless that is too much for the socket or for all. More than
// the limit of the socket may be claimed when there is nothing else.
func (h *held) take(n int) bool {
	if before := int(h.bytes.Load()); before > 0 && before+n > connBudget || !h.all.Take(n) {
		return false
	}
	h.bytes.Add(int64(n))
	return true
}

// force claims n bytes in any case.
func (h *held) force(n int) {
	h.all.Force(n)
	h.bytes.Add(int64(n))
}

// give returns n bytes.
func (h *held) give(n int) {
	h.all.Give(n)
	h.bytes.Add(int64(-n))
}

// overfull is the error of a message for which all sockets together leave no room.
func overfull(b *bytebudget.Budget) error {
	return microerrors.New(errorID, b.Full()+" (transport.MaxTotalBytes)", 503)
}
