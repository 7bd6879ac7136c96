// Package nats is a source whose document is the value of a key in a bucket of NATS
// JetStream.
//
//	err := config.Load(nats.NewSource(nats.WithUrl("10.0.0.1:4222"), nats.WithBucket("config"), nats.WithKey("billing")))
//
// The format of the document is that of the source's encoder, JSON unless
// source.WithEncoder says otherwise. Layout and names are those of go-micro v4.
package nats

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/justcy/go-micro/v4/config/source"
	"github.com/justcy/go-micro/v4/internal/natsclient"
	"github.com/justcy/go-micro/v4/internal/options"
)

var (
	// DefaultBucket is the bucket of sources that are given none.
	DefaultBucket = "default"
	// DefaultKey is the key of sources that are given none.
	DefaultKey = "micro_config"
)

const (
	name = "nats"
	// timeout limits connecting, and each operation.
	timeout = 5 * time.Second
)

// settings are the options of this package.
type settings struct {
	urls        []string
	bucket, key string // empty: the defaults
}

func set(change func(*settings)) source.Option {
	return func(o *source.Options) {
		s, _ := options.Value[settings](o.Context)
		change(&s)
		o.Context = options.Put(o.Context, s)
	}
}

// WithUrl sets the servers: URLs, or hosts with or without a port. Default:
// nats://127.0.0.1:4222.
func WithUrl(urls ...string) source.Option {
	return set(func(s *settings) { s.urls = urls })
}

// WithBucket sets the bucket. It is created when there is none.
func WithBucket(bucket string) source.Option {
	return set(func(s *settings) { s.bucket = bucket })
}

// WithKey sets the key.
func WithKey(key string) source.Option { return set(func(s *settings) { s.key = key }) }

// Client connects to a server, nats://127.0.0.1:4222 when the URL is empty, for
// programs that write configuration. The connection lasts as long as the program.
func Client(url string) (nats.JetStreamContext, error) {
	conn, err := natsclient.Settings{Addrs: []string{url}, Name: "go-micro config", Timeout: timeout}.Connect()
	if err != nil {
		return nil, err
	}
	js, err := conn.JetStream()
	if err != nil {
		conn.Close()
		return nil, err
	}
	return js, nil
}

// natsSource connects when it is first used.
type natsSource struct {
	settings
	opts    source.Options
	context context.Context // ends with Close
	end     context.CancelFunc

	opening chan struct{} // has an element while somebody uses what follows
	conn    *nats.Conn    // nil until it is used
	kv      jetstream.KeyValue

	losing sync.Mutex
	lost   chan struct{} // closed when the connection is lost that there is now
}

var _ io.Closer = (*natsSource)(nil)

// NewSource returns a source that connects when it is first used; what fails then is
// an error of Read, Write or Watch, each of which may wait five seconds for another
// that connects, and takes five seconds at most itself. The source implements
// io.Closer: Close ends its watchers and its connection.
func NewSource(opts ...source.Option) source.Source {
	s := &natsSource{opts: source.NewOptions(opts...), opening: make(chan struct{}, 1)}
	s.settings, _ = options.Value[settings](s.opts.Context)
	s.urls = slices.Clone(s.urls)
	s.bucket = cmp.Or(s.bucket, DefaultBucket)
	s.key = cmp.Or(s.key, DefaultKey)
	s.context, s.end = context.WithCancel(context.Background())
	s.lost = make(chan struct{})
	return s
}

// changed is called when the connection was lost, and when it is back. Watchers may
// have missed something in both cases.
func (s *natsSource) changed() {
	s.losing.Lock()
	defer s.losing.Unlock()
	close(s.lost)
	s.lost = make(chan struct{})
}

func (s *natsSource) untilLost() <-chan struct{} {
	s.losing.Lock()
	defer s.losing.Unlock()
	return s.lost
}

func (s *natsSource) String() string { return name }

// Location tells the sources of a program apart.
func (s *natsSource) Location() string {
	servers := natsclient.Servers(s.urls)
	if len(servers) == 0 {
		servers = []string{nats.DefaultURL}
	}
	return fmt.Sprintf("key %s of bucket %s at %s", s.key, s.bucket, natsclient.Redacted(servers...))
}

// Close ends the watchers and the connection.
func (s *natsSource) Close() error {
	s.end()
	s.opening <- struct{}{}
	defer func() { <-s.opening }()
	if s.conn != nil {
		s.conn.Close()
	}
	return nil
}

// open returns the bucket, which it creates when there is none.
func (s *natsSource) open(ctx context.Context) (jetstream.KeyValue, error) {
	select {
	case s.opening <- struct{}{}:
		defer func() { <-s.opening }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if s.context.Err() != nil {
		return nil, errors.New("the source is closed")
	}
	if s.conn == nil || s.conn.IsClosed() {
		conn, err := natsclient.Settings{Addrs: s.urls, Name: "go-micro config", Timeout: timeout, Changed: s.changed}.Connect()
		if err != nil {
			return nil, err
		}
		s.conn, s.kv = conn, nil
	}
	if err := natsclient.Await(ctx, s.conn); err != nil || s.kv != nil {
		return s.kv, err
	}
	js, err := jetstream.New(s.conn)
	if err != nil {
		return nil, err
	}
	kv, err := js.KeyValue(ctx, s.bucket)
	if errors.Is(err, jetstream.ErrBucketNotFound) {
		kv, err = js.CreateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: s.bucket})
		if errors.Is(err, jetstream.ErrBucketExists) { // another process was faster
			kv, err = js.KeyValue(ctx, s.bucket)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("opening bucket %s: %w", s.bucket, err)
	}
	s.kv = kv
	return kv, nil
}

// operation is the context of one operation.
func (s *natsSource) operation() (context.Context, context.CancelFunc) {
	return context.WithTimeout(s.context, timeout)
}

// failed names the source in an error.
func (s *natsSource) failed(doing string, err error) error {
	return fmt.Errorf("%s configuration, %s: %w", doing, s.Location(), err)
}

// Read returns the document, or nil when there is no such key.
func (s *natsSource) Read() (*source.ChangeSet, error) {
	ctx, cancel := s.operation()
	defer cancel()
	kv, err := s.open(ctx)
	if err != nil {
		return nil, s.failed("reading", err)
	}
	entry, err := kv.Get(ctx, s.key)
	switch {
	case errors.Is(err, jetstream.ErrKeyNotFound) || errors.Is(err, jetstream.ErrKeyDeleted):
		return nil, nil
	case err != nil:
		return nil, s.failed("reading", err)
	case len(entry.Value()) == 0:
		return nil, fmt.Errorf("source not found: %s", s.key)
	}
	return s.changeSet(entry), nil
}

func (s *natsSource) changeSet(entry jetstream.KeyValueEntry) *source.ChangeSet {
	set := &source.ChangeSet{
		Data: entry.Value(), Format: s.opts.Encoder.String(), Source: name, Timestamp: entry.Created(),
	}
	set.Checksum = set.Sum()
	return set
}

// Write puts the document under the key.
func (s *natsSource) Write(set *source.ChangeSet) error {
	if set == nil {
		return nil
	}
	ctx, cancel := s.operation()
	defer cancel()
	kv, err := s.open(ctx)
	if err == nil {
		_, err = kv.Put(ctx, s.key, set.Data)
	}
	if err != nil {
		return s.failed("writing", err)
	}
	return nil
}

// Watch begins to tell of changes. That the key was deleted is none. A watcher whose
// connection was lost ends with an error, so that its user reads and watches anew.
func (s *natsSource) Watch() (source.Watcher, error) {
	opening, opened := s.operation()
	defer opened()
	lost := s.untilLost()
	kv, err := s.open(opening)
	if err != nil {
		return nil, s.failed("watching", err)
	}
	ctx, cancel := context.WithCancel(s.context)
	w, err := kv.Watch(ctx, s.key, jetstream.UpdatesOnly())
	if err != nil {
		cancel()
		return nil, s.failed("watching", err)
	}
	return &watcher{source: s, inner: w, lost: lost, ctx: ctx, stop: sync.OnceFunc(func() {
		cancel()
		_ = w.Stop()
	})}, nil
}

type watcher struct {
	source *natsSource
	inner  jetstream.KeyWatcher
	lost   <-chan struct{}
	ctx    context.Context
	stop   func()
}

func (w *watcher) Next() (*source.ChangeSet, error) {
	for {
		if w.ctx.Err() != nil {
			return nil, source.ErrWatcherStopped
		}
		select {
		case entry, open := <-w.inner.Updates():
			switch {
			case w.ctx.Err() != nil:
				return nil, source.ErrWatcherStopped
			case !open:
				w.stop() // who asks again is told the same
				return nil, w.source.failed("watching", nats.ErrConnectionClosed)
			case entry != nil && entry.Operation() == jetstream.KeyValuePut && len(strings.TrimSpace(string(entry.Value()))) > 0:
				return w.source.changeSet(entry), nil
			}
		case <-w.lost:
			w.stop()
			return nil, w.source.failed("watching", errors.New("the connection was lost: a change may have been missed"))
		case <-w.ctx.Done():
			return nil, source.ErrWatcherStopped
		}
	}
}

func (w *watcher) Stop() error {
	w.stop()
	return nil
}
