// Package nats implements locks and leader election on a key-value bucket of NATS
// JetStream.
//
//	s := nats.NewSync(sync.Nodes("nats://127.0.0.1:4222"), nats.Replicas(3))
//	if err := s.Init(); err != nil {
//		return err // NATS is not there, or has no JetStream
//	}
//
// # Guarantees
//
// A lock is an entry of the bucket. It is created, renewed and taken over by
// writes that state the revision they replace, and released by purging that
// revision, so that of several writers one succeeds. Fencing tokens are revisions:
// they grow for as long as the bucket exists. Whoever waits is woken when a lock
// is released.
//
// Whether an entry is out of time is judged by the clock of the server that stored
// it. With [Replicas] the clocks of the servers must agree to within a small part
// of the session TTL: a lock could be taken over early otherwise, which its holder
// is told, and which its token shows.
//
// Pauses: a holder that is stopped for longer than its lock lasts has lost it and
// is told when it runs again. Until then it may believe that it holds what
// somebody else holds already. Fencing tokens tell the two apart.
//
// Partitions: with three or five replicas the side with the majority goes on, and
// no acknowledged lock is forgotten while a majority survives. Holders on the
// other side are told that they lost their locks when the session TTL is over.
// With one replica, the default, locks are as safe as that server's disk: JetStream
// writes at once but forces to disk every two minutes unless it is configured to
// sync always, so that a machine that loses power may forget locks.
//
// # Layout
//
// The key of an entry is the SHA-256 of prefix and id, in hexadecimal; its value a
// JSON object with the quoted id, the owner and how long it lasts, in nanoseconds.
// The entry `clock` tells the server's time. An entry whose holder died is removed
// by the next one who wants the lock.
package nats

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	stdsync "sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/justcy/go-micro/v4/sync"
	"github.com/justcy/go-micro/v4/sync/internal/lease"
)

const (
	// lookAgain is how often those who wait look whether they missed something.
	lookAgain = time.Second
	// soon is when to try again what another writer has just changed.
	soon = 5 * time.Millisecond
)

// NewSync returns a Sync on NATS. It implements [sync.Leaser]; its leaders
// implement [sync.Fenced]; it has a Close() error method.
//
// Nodes are `nats://` URLs of servers of one cluster; without any it is
// nats://127.0.0.1:4222. The bucket is created if there is none.
func NewSync(opts ...sync.Option) sync.Sync {
	return lease.New(lease.Driver{Name: "nats", Connect: connect}, opts...)
}

type backend struct {
	conn   *nats.Conn
	kv     jetstream.KeyValue
	stream jetstream.Stream // the one under kv

	mu    stdsync.Mutex
	clock reading
}

// keyOf is the key of an entry: keys may not contain what ids may.
func keyOf(id string) string {
	sum := sha256.Sum256([]byte(id))
	return hex.EncodeToString(sum[:])
}

func (b *backend) Take(ctx context.Context, h *lease.Hold) (bool, time.Duration, error) {
	taken, again, err := b.take(ctx, h)
	return taken, again, b.explain(err)
}

func (b *backend) Keep(ctx context.Context, h *lease.Hold) error {
	return b.explain(b.keep(ctx, h))
}

func (b *backend) Free(ctx context.Context, h *lease.Hold) error {
	return b.explain(b.free(ctx, h))
}

// explain says that there is no connection, for which the client has other words.
func (b *backend) explain(err error) error {
	if err == nil || b.conn.IsConnected() || errors.Is(err, lease.ErrGone) {
		return err
	}
	if errors.Is(err, nats.ErrReconnectBufExceeded) {
		err = errDisconnected
	}
	if last := b.conn.LastError(); last != nil {
		return fmt.Errorf("%w, after: %w", err, last)
	}
	return err
}

var errDisconnected = errors.New("the server is not there; it is looked for")

func (b *backend) take(ctx context.Context, h *lease.Hold) (bool, time.Duration, error) {
	err := b.put(ctx, h, 0)
	if err == nil {
		h.Token = h.Revision
		return true, 0, nil
	}
	if !conflict(err) {
		return false, 0, err
	}
	e, err := b.entry(ctx, h.Key)
	if err != nil || e == nil {
		return false, soon, err
	}
	if e.owner != h.Owner {
		left, err := b.left(ctx, e)
		if err != nil || left > 0 {
			return false, min(left, lookAgain), err
		}
	}
	err = b.put(ctx, h, e.revision)
	if conflict(err) {
		return false, soon, nil
	}
	h.Token = h.Revision
	return err == nil, 0, err
}

func (b *backend) keep(ctx context.Context, h *lease.Hold) error {
	if h.Renew {
		if err := b.put(ctx, h, h.Revision); !conflict(err) {
			return err
		}
	}
	e, err := b.entry(ctx, h.Key)
	if err != nil {
		return err
	}
	if e == nil || e.owner != h.Owner {
		return lease.ErrGone
	}
	if !h.Renew {
		return nil
	}
	return b.put(ctx, h, e.revision) // the answer to an earlier renewal was lost
}

func (b *backend) free(ctx context.Context, h *lease.Hold) error {
	if h.Revision != 0 {
		if err := b.purge(ctx, h.Key, h.Revision); !errors.Is(err, lease.ErrGone) {
			return err
		}
	}
	e, err := b.entry(ctx, h.Key)
	if err != nil {
		return err
	}
	if e == nil || e.owner != h.Owner {
		return lease.ErrGone
	}
	return b.purge(ctx, h.Key, e.revision)
}

// put writes the hold over the given revision of its entry, 0 for none.
func (b *backend) put(ctx context.Context, h *lease.Hold, over uint64) error {
	value, err := encode(h)
	if err != nil {
		return err
	}
	revision, err := b.kv.Update(ctx, keyOf(h.Key), value, over)
	if err == nil {
		h.Revision = revision
	}
	return err
}

// purge removes an entry unless it has a later revision, and tells those who
// wait. It leaves no marker, which would stay for ever.
func (b *backend) purge(ctx context.Context, id string, revision uint64) error {
	request, err := json.Marshal(purgeRequest{Subject: b.subject(keyOf(id)), Below: revision + 1})
	if err != nil {
		return err
	}
	m, err := b.conn.RequestWithContext(ctx, "$JS.API.STREAM.PURGE."+b.stream.CachedInfo().Config.Name, request)
	if err != nil {
		return err
	}
	var response purgeResponse
	if err := json.Unmarshal(m.Data, &response); err != nil {
		return fmt.Errorf("the answer to a purge is not readable: %w", err)
	}
	switch {
	case response.Error != nil:
		return response.Error
	case response.Purged == 0:
		return lease.ErrGone
	}
	_ = b.conn.Publish(b.freed(id), nil) // who misses it looks by itself
	return nil
}

// purgeRequest and purgeResponse are JetStream's: its client keeps from us how
// many messages there were.
type purgeRequest struct {
	Subject string `json:"filter"`
	Below   uint64 `json:"seq"`
}

type purgeResponse struct {
	Error  *jetstream.APIError `json:"error"`
	Purged uint64              `json:"purged"`
}

func (b *backend) subject(key string) string { return "$KV." + b.kv.Bucket() + "." + key }

func (b *backend) freed(id string) string {
	return "micro.sync." + b.kv.Bucket() + ".freed." + keyOf(id)
}

// Watch listens to the releases of a lock.
func (b *backend) Watch(id string) (<-chan struct{}, func()) {
	freed := make(chan struct{}, 1)
	sub, err := b.conn.Subscribe(b.freed(id), func(*nats.Msg) {
		select {
		case freed <- struct{}{}:
		default:
		}
	})
	if err != nil {
		return nil, func() {}
	}
	return freed, func() { _ = sub.Unsubscribe() }
}

func (b *backend) Close() { b.conn.Close() }

// conflict reports whether a write named a revision that is not the last.
func conflict(err error) bool {
	return errors.Is(err, jetstream.ErrKeyRevisionMismatch)
}

// bucketOf opens the bucket, or creates it.
func bucketOf(ctx context.Context, js jetstream.JetStream, s settings) (jetstream.KeyValue, error) {
	kv, err := js.KeyValue(ctx, s.bucket)
	if !errors.Is(err, jetstream.ErrBucketNotFound) {
		return kv, err
	}
	kv, err = js.CreateKeyValue(ctx, jetstream.KeyValueConfig{
		Bucket:      s.bucket,
		Description: "locks of go-micro",
		History:     1,
		Storage:     jetstream.FileStorage,
		Replicas:    s.replicas,
	})
	if errors.Is(err, jetstream.ErrBucketExists) {
		return js.KeyValue(ctx, s.bucket)
	}
	return kv, err
}

// suits checks a bucket that others may have made.
func suits(c jetstream.StreamConfig) error {
	switch {
	case c.MaxMsgsPerSubject != 1:
		return fmt.Errorf("it keeps a history of %d: locks need one of 1", c.MaxMsgsPerSubject)
	case c.MaxAge != 0:
		return fmt.Errorf("its entries expire after %v: locks need one without a TTL", c.MaxAge)
	case c.DenyPurge:
		return errors.New("it does not allow purging")
	}
	return nil
}
