package server

import (
	"context"
	"sync/atomic"

	"github.com/justcy/go-micro/v4/internal/wire"
)

// incoming is a message as it arrived.
type incoming struct {
	header wire.Header
	body   []byte
}

// inbound is a message of a stream on its way to the handler.
type inbound struct {
	incoming
	err string // of the Micro-Error header
}

// halfCloses reports whether the sender of a message that ends its side of the
// stream waits for the end of the other one.
func (m *inbound) halfCloses() bool { return m.header.Has(wire.HalfCloseHeader) }

// source is where the messages of a stream come from after the first one.
type source interface {
	// take returns the next message, waiting for it until ctx is done. One
	// goroutine at a time calls it.
	take(ctx context.Context) (inbound, error)
	// isWaiting reports whether messages may come and none is there.
	isWaiting() bool
	// clientEnded reports whether the client has ended its side.
	clientEnded() bool
	// close makes take return err after what waits, and abort at once.
	close(err error)
	abort(err error)
	// isUnary says that there is no stream. What waits is dropped.
	isUnary()
}

// ownSource is the source of a stream that has an exchange for itself: the
// handler receives from it directly.
type ownSource struct {
	call   *call
	header wire.Header // for take alone, which would have to allocate one
	ended  atomic.Bool
}

func (s *ownSource) take(ctx context.Context) (inbound, error) {
	body, err := s.call.exchange.RecvHeader(&s.header)
	if err != nil {
		if cause := causeOf(ctx); cause != nil {
			err = cause
		}
		return inbound{}, err
	}
	m := inbound{incoming: incoming{s.header, body}}
	m.err, _ = m.header.Error()
	if m.err == wire.EOS {
		s.ended.Store(true)
	}
	return m, nil
}

func (s *ownSource) isWaiting() bool   { return !s.ended.Load() && s.call.exchange.Quiet() }
func (s *ownSource) clientEnded() bool { return s.ended.Load() }
func (s *ownSource) close(err error)   { s.call.exchange.Interrupt(err) }
func (s *ownSource) abort(err error)   { s.call.exchange.Interrupt(err) }
func (s *ownSource) isUnary()          {}
