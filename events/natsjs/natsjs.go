// Package natsjs streams events over NATS JetStream: they are stored by the servers,
// outlive their publishers, and can be replayed.
//
//	stream, err := natsjs.NewStream(natsjs.Address("nats://10.0.0.1:4222,nats://10.0.0.2:4222"))
//	ch, err := stream.Consume("orders", events.WithGroup("packers"),
//		events.WithAutoAck(false, time.Minute), events.WithRetryLimit(5))
//	err = stream.Publish("orders", Order{ID: 42})
//
// # What is on the server
//
// A topic is a subject of that name, kept in a JetStream stream of that name, which
// the first Publish or Consume creates: on files, in one replica, without limits.
// Where a topic needs others, create the stream beforehand, with the topic among
// its subjects. Names with dots, and whatever else a stream cannot be named, get
// one with a hash. Topics that cannot be subjects, because of blanks or wildcards,
// are escaped with percent signs.
//
// A group is a durable push consumer with the group's name and a queue group of
// that name. Processes of go-micro v4 share streams and groups with those of this
// package. A group stays on the server when its last consumer leaves, and goes on
// from there; [events.WithOffset] says where a new group begins, and changes
// nothing for one that exists. A consumer without a group gets a durable consumer
// of its own, which goes away with it, or after an hour if the process was killed.
//
// # What is promised
//
// Every event that was stored is delivered to every group at least once: it comes
// again when its acknowledgement does not arrive within AckWait, in particular when
// the consumer's process, its connection or the server died. With automatic
// acknowledgement that happens when the channel has handed the event over, and
// AckWait is ten seconds. An event that is not taken from the channel is kept alive
// at the server: AckWait begins with the hand-over. At most 1,000 events, of the
// group, wait for their acknowledgement. A retry limit counts what the server sent,
// and so also what a consumer that ended had not handed over yet.
//
// Events of a topic arrive in the order in which they were stored, redelivered ones
// aside. Publish hands an event to the connection, and the events on their way when
// that breaks are sent again, maybe in another order; what fails for good is logged.
// [SynchronousPublish] makes Publish wait until the server has stored the event.
// Either way the server drops the doubles that repetition makes, by the event's id.
//
// What is no event is reported to the log and never delivered again.
package natsjs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/justcy/go-micro/v4/events"
	"github.com/justcy/go-micro/v4/internal/natsclient"
	"github.com/justcy/go-micro/v4/internal/options"
	"github.com/justcy/go-micro/v4/logger"
)

// stream is an events.Stream on one connection.
type stream struct {
	opts    Options
	conn    *nats.Conn
	js      jetstream.JetStream
	context context.Context // ends with Close
	end     context.CancelFunc
	running sync.WaitGroup // the consumptions, and what restores them
	changed chan struct{}  // the connection was lost or is back

	publishing sync.WaitGroup
	unstored   atomic.Int64  // events that the server has not answered for
	allStored  chan struct{} // has an element when unstored may be 0
	resend     resender

	mu           sync.Mutex
	closed       bool
	names        map[string]string // of JetStream streams, by subject
	consumptions map[*consumption]struct{}
}

var _ io.Closer = (*stream)(nil)

// NewStream connects to JetStream. The error tells the servers, within the timeout,
// when none can be reached or they refuse the credentials. The stream implements
// io.Closer: Close ends the consumptions, sends what is on its way, and closes the
// connection.
func NewStream(opts ...Option) (events.Stream, error) {
	o := Options{ClusterID: "micro", ClientID: uuid.NewString(), Timeout: defaultTimeout}
	options.To(&o, opts)
	o.Logger = logger.LoggerOrDefault(o.Logger)
	if o.Timeout <= 0 {
		o.Timeout = defaultTimeout
	}
	s := &stream{
		opts: o, changed: make(chan struct{}, 1), allStored: make(chan struct{}, 1),
		names: map[string]string{}, consumptions: map[*consumption]struct{}{},
	}
	if err := s.connect(); err != nil {
		return nil, fmt.Errorf("error connecting to nats cluster %v: %w", o.ClusterID, err)
	}
	s.context, s.end = context.WithCancel(context.Background())
	s.resend.init(s)
	s.running.Go(s.restore)
	s.running.Go(s.resend.run)
	return s, nil
}

// connect connects, and sees that the server has JetStream.
func (s *stream) connect() error {
	settings, err := s.opts.connection(s.noteChange)
	if err != nil {
		return err
	}
	if s.conn, err = settings.Connect(); err != nil {
		return err
	}
	s.js, err = jetstream.New(s.conn,
		jetstream.WithPublishAsyncMaxPending(maxUnstored),
		jetstream.WithPublishAsyncTimeout(s.opts.Timeout),
		jetstream.WithPublishAsyncAckHandler(func(jetstream.JetStream, *nats.Msg, *jetstream.PubAck) { s.done() }),
		jetstream.WithPublishAsyncErrHandler(func(_ jetstream.JetStream, m *nats.Msg, err error) { s.resend.add(m, err) }),
	)
	if err == nil {
		ctx, cancel := context.WithTimeout(context.Background(), s.opts.Timeout)
		defer cancel()
		_, err = s.js.AccountInfo(ctx)
	}
	if err == nil || !errors.Is(err, jetstream.ErrJetStreamNotEnabled) && !errors.Is(err, jetstream.ErrJetStreamNotEnabledForAccount) {
		return nil // an account may be forbidden to ask
	}
	s.conn.Close()
	return fmt.Errorf("the server at %s: %w", natsclient.Redacted(s.conn.Servers()...), err)
}

func (s *stream) noteChange() {
	select {
	case s.changed <- struct{}{}:
	default:
	}
}

// Close ends the stream. It waits, within the timeout, until what was published is
// stored; the error says how many events may not be.
func (s *stream) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		s.running.Wait()
		return nil
	}
	s.closed = true
	s.mu.Unlock()
	s.publishing.Wait() // which the timeout limits
	unstored := s.settle()
	s.end()
	s.running.Wait()
	if s.conn.IsConnected() {
		_ = s.conn.FlushTimeout(s.opts.Timeout) // acknowledgements, which may be repeated
	}
	s.conn.Close()
	if unstored > 0 {
		return fmt.Errorf("closing the stream on NATS: %d events may not be stored", unstored)
	}
	return nil
}

// settle waits until everything is stored, and returns how much is not.
func (s *stream) settle() int64 {
	limit := time.NewTimer(s.opts.Timeout)
	defer limit.Stop()
	for s.unstored.Load() > 0 {
		select {
		case <-s.allStored:
		case <-limit.C:
			return s.unstored.Load()
		}
	}
	return 0
}

// done notes that an event is stored, or lost.
func (s *stream) done() {
	if s.unstored.Add(-1) > 0 {
		return
	}
	select {
	case s.allStored <- struct{}{}:
	default:
	}
}

// operation is the context of one operation that waits for the server.
func (s *stream) operation() (context.Context, context.CancelFunc) {
	return context.WithTimeout(s.context, s.opts.Timeout)
}

// restoreInterval is how often the consumers on the server are looked after.
const restoreInterval = 30 * time.Second

// restore makes consumers anew that the server has lost, after an outage and now
// and then, until Close.
func (s *stream) restore() {
	tick := time.NewTicker(restoreInterval)
	defer tick.Stop()
	for {
		select {
		case <-s.context.Done():
			return
		case <-s.changed:
		case <-tick.C:
		}
		if !s.conn.IsConnected() {
			continue
		}
		s.mu.Lock()
		all := make([]*consumption, 0, len(s.consumptions))
		for c := range s.consumptions {
			all = append(all, c)
		}
		s.mu.Unlock()
		for _, c := range all {
			if err := c.restore(); err != nil && s.context.Err() == nil {
				s.opts.Logger.Logf(logger.WarnLevel, "consuming %s: group %s: %v", c.topic, c.group, err)
			}
		}
	}
}
