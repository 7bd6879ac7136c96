package nats

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/justcy/go-micro/v4/sync/lease"
)

const (
	operationHeader = "KV-Operation"       // of a marker that stands for a deletion
	reasonHeader    = "Nats-Marker-Reason" // of one that the server made

	// markerTTL is how long the marker of a release stays.
	markerTTL = time.Minute
	// spare is how much longer than needed the server keeps entries. It must not
	// be the one who decides when a lock is free.
	spare = 10 * time.Second
)

// openBucket opens the bucket, or creates it.
func openBucket(ctx context.Context, js jetstream.JetStream, s settings) (jetstream.KeyValue, error) {
	kv, err := js.KeyValue(ctx, s.bucket)
	if !errors.Is(err, jetstream.ErrBucketNotFound) {
		return kv, err
	}
	config := jetstream.KeyValueConfig{
		Bucket:         s.bucket,
		Description:    "locks of go-micro",
		History:        1,
		Storage:        jetstream.FileStorage,
		Replicas:       s.replicas,
		LimitMarkerTTL: markerTTL,
	}
	kv, err = js.CreateKeyValue(ctx, config)
	if errors.Is(err, jetstream.ErrLimitMarkerTTLNotSupported) {
		config.LimitMarkerTTL = 0
		kv, err = js.CreateKeyValue(ctx, config)
	}
	if errors.Is(err, jetstream.ErrBucketExists) { // another process was faster
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

func (b *backend) subject(key string) string { return "$KV." + b.kv.Bucket() + "." + key }

// put writes the hold over the given revision of its entry, 0 for none.
func (b *backend) put(ctx context.Context, h *lease.Hold, over uint64) error {
	value, err := encode(h)
	if err != nil {
		return err
	}
	m := &nats.Msg{Subject: b.subject(keyOf(h.Key)), Data: value}
	revision, err := b.publish(ctx, m, over, h.Time+spare)
	if err == nil {
		h.Revision = revision
	}
	return err
}

// remove removes an entry, unless it has another revision by now. Those who wait
// see the marker, or are told.
func (b *backend) remove(ctx context.Context, id string, revision uint64) error {
	if b.expires {
		return b.mark(ctx, id, revision)
	}
	if err := b.purge(ctx, id, revision); err != nil {
		return err
	}
	_ = b.conn.Publish(b.freed(id), nil) // who misses it looks by itself
	return nil
}

// mark replaces an entry by a marker that goes away by itself.
func (b *backend) mark(ctx context.Context, id string, revision uint64) error {
	m := &nats.Msg{Subject: b.subject(keyOf(id)), Header: nats.Header{operationHeader: {"DEL"}}}
	marker, err := b.publish(ctx, m, revision, markerTTL)
	if conflict(err) {
		return lease.ErrGone
	}
	if err == nil {
		b.revisions.note(id, marker)
	}
	return err
}

// publish writes a message over the given revision of its subject. The server
// removes it after a time, rounded up to seconds, if it can.
func (b *backend) publish(ctx context.Context, m *nats.Msg, over uint64, ttl time.Duration) (revision uint64, err error) {
	if m.Header == nil {
		m.Header = nats.Header{}
	}
	m.Header.Set(jetstream.ExpectedLastSubjSeqHeader, strconv.FormatUint(over, 10))
	if b.expires && ttl > 0 {
		m.Header.Set(jetstream.MsgTTLHeader, strconv.FormatInt(int64((ttl-1)/time.Second)+1, 10))
	}
	ack, err := b.js.PublishMsg(ctx, m)
	if err != nil {
		return 0, err
	}
	return ack.Sequence, nil
}

// conflict reports whether a write named a revision that is not the last.
func conflict(err error) bool {
	var api *jetstream.APIError
	return errors.As(err, &api) && (api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence ||
		api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequenceConstant)
}

// purge removes an entry from a server that would keep a marker for ever. It is
// slower.
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

// revisions remembers the markers that this process has left, over which it can
// write without a look. It may be wrong. The zero value is ready.
type revisions struct {
	mu    sync.Mutex
	byKey map[string]uint64
}

// remembered is how many markers are remembered at most.
const remembered = 1024

func (r *revisions) note(id string, revision uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.byKey == nil || len(r.byKey) >= remembered {
		r.byKey = map[string]uint64{}
	}
	r.byKey[keyOf(id)] = revision
}

// recall returns what is remembered and forgets it; 0 is that there is nothing.
func (r *revisions) recall(id string) uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	key := keyOf(id)
	revision := r.byKey[key]
	delete(r.byKey, key)
	return revision
}
