// Package etcd is a source of configuration in etcd, of version 3.4 or later.
//
//	s := etcd.NewSource(etcd.WithAddress("10.0.0.1:2379"), etcd.WithPrefix("/shop/"), etcd.StripPrefix(true))
//	err := config.Load(s)
//
// The keys below a prefix are one document: `/shop/db/host` with the value `"a"` is
// the value host of db. A key of one part, such as `/shop/all`, holds a part of the
// root, and what keys of several parts say wins over it. Values are in the format of
// the encoder, JSON unless another is given; what is not is taken as text.
//
// Watchers are told of every change since the last Read, and go on by themselves when
// a server was away. Several changes may be told as one.
package etcd

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/justcy/go-micro/plugins/v4/internal/etcdclient"
	"github.com/justcy/go-micro/v4/config/encoder"
	"github.com/justcy/go-micro/v4/config/source"
)

var (
	// DefaultPrefix is that of sources without one.
	DefaultPrefix = "/micro/config/"
	// DefaultKey is what UseDefKey puts behind the prefix.
	DefaultKey = "/default"
)

const (
	name           = "etcd"
	defaultTimeout = 3 * time.Second
)

type etcdSource struct {
	prefix, stripped string
	encoder          encoder.Encoder
	timeout          time.Duration
	defKey           string // to be written; empty for none
	config           clientv3.Config
	refused          error // why there is no config

	lazy   etcdclient.Lazy
	closed atomic.Bool
	read   atomic.Int64 // the revision of the last Read; 0 before there was one
}

// NewSource returns a source that connects when it is first used. It is an
// io.Closer.
func NewSource(opts ...source.Option) source.Source {
	o := source.NewOptions(opts...)
	s := &etcdSource{
		prefix:  given(o, prefixKey{}, DefaultPrefix),
		encoder: o.Encoder,
		timeout: given(o, dialTimeoutKey{}, defaultTimeout),
	}
	if s.timeout <= 0 {
		s.timeout = defaultTimeout
	}
	if given(o, stripPrefixKey{}, false) {
		s.stripped = s.prefix
	}
	if given(o, defKeyKey{}, false) {
		s.defKey = s.prefix + DefaultKey
	}
	login := given(o, authKey{}, credentials{})
	s.config, s.refused = etcdclient.Settings{
		Addrs: given(o, addressKey{}, []string(nil)), Timeout: s.timeout, Username: login.user, Password: login.password,
	}.Config()
	return s
}

var errClosed = errors.New("the source is closed")

// client returns the client. Where it must log in that takes until it has.
func (s *etcdSource) client() (*clientv3.Client, error) {
	switch {
	case s.refused != nil:
		return nil, s.refused
	case s.closed.Load():
		return nil, errClosed
	}
	client, err := s.lazy.Client(func() (*clientv3.Client, error) { return clientv3.New(s.config) })
	if s.closed.Load() {
		return nil, errors.Join(errClosed, s.lazy.Close())
	}
	return client, err
}

func (s *etcdSource) String() string { return name }

// Location tells the prefix and the servers.
func (s *etcdSource) Location() string { return s.prefix + " at " + s.servers() }

func (s *etcdSource) servers() string { return strings.Join(s.config.Endpoints, ", ") }

// Write does nothing: keys are written by other means.
func (s *etcdSource) Write(*source.ChangeSet) error { return nil }

// Close ends the connection. Watchers fail from then on.
func (s *etcdSource) Close() error {
	s.closed.Store(true)
	return s.lazy.Close()
}

// Read returns all keys as one document. A prefix without keys is an error.
func (s *etcdSource) Read() (*source.ChangeSet, error) {
	set, revision, err := s.get(context.Background())
	if err != nil {
		return nil, err
	}
	s.read.Store(revision)
	if set == nil {
		return nil, fmt.Errorf("source not found: %s", s.prefix)
	}
	return set, nil
}

// get returns the document and its revision; the document is nil when there are no
// keys.
func (s *etcdSource) get(ctx context.Context) (*source.ChangeSet, int64, error) {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	client, err := s.client()
	if err != nil {
		return nil, 0, s.failed("connecting", err)
	}
	if err := s.putDefault(ctx, client); err != nil {
		return nil, 0, s.failed("writing "+s.defKey, err)
	}
	reply, err := client.Get(ctx, s.prefix, clientv3.WithPrefix())
	if err != nil {
		return nil, 0, s.failed("reading "+s.prefix, err)
	}
	if len(reply.Kvs) == 0 {
		return nil, reply.Header.Revision, nil
	}
	set, err := s.set(reply.Kvs)
	return set, reply.Header.Revision, err
}

func (s *etcdSource) failed(doing string, err error) error {
	return fmt.Errorf("etcd: %s at %s: %w", doing, s.servers(), err)
}

// putDefault writes the default key if it is to be and is not there.
func (s *etcdSource) putDefault(ctx context.Context, client *clientv3.Client) error {
	if s.defKey == "" {
		return nil
	}
	_, err := client.Txn(ctx).
		If(clientv3.Compare(clientv3.CreateRevision(s.defKey), "=", 0)).
		Then(clientv3.OpPut(s.defKey, "{}")).
		Commit()
	return err
}

func (s *etcdSource) set(kvs []*mvccpb.KeyValue) (*source.ChangeSet, error) {
	data, err := s.encoder.Encode(s.document(kvs))
	if err != nil {
		return nil, fmt.Errorf("etcd: encoding what is under %s: %w", s.prefix, err)
	}
	set := &source.ChangeSet{Data: data, Format: s.encoder.String(), Source: name, Timestamp: time.Now()}
	set.Checksum = set.Sum()
	return set, nil
}

// document puts the values of keys, which are in order, where their parts say.
func (s *etcdSource) document(kvs []*mvccpb.KeyValue) map[string]any {
	root := map[string]any{}
	var nested []*mvccpb.KeyValue
	for _, kv := range kvs {
		if strings.Contains(s.path(kv), "/") {
			nested = append(nested, kv)
			continue
		}
		if object, ok := s.value(kv).(map[string]any); ok {
			merge(root, object)
		}
	}
	for _, kv := range nested {
		put(root, strings.Split(s.path(kv), "/"), s.value(kv))
	}
	return root
}

// path is the key without the prefix, if that is stripped, and the first slash.
func (s *etcdSource) path(kv *mvccpb.KeyValue) string {
	return strings.TrimPrefix(strings.TrimPrefix(string(kv.Key), s.stripped), "/")
}

func (s *etcdSource) value(kv *mvccpb.KeyValue) any {
	var v any
	if s.encoder.Decode(kv.Value, &v) != nil {
		return string(kv.Value)
	}
	return v
}

// put sets a value in the maps within maps that the path names. An object that is
// there already is kept, as far as the value does not say otherwise.
func put(in map[string]any, path []string, value any) {
	for _, part := range path[:len(path)-1] {
		next, ok := in[part].(map[string]any)
		if !ok {
			next = map[string]any{}
			in[part] = next
		}
		in = next
	}
	last := path[len(path)-1]
	old, wasObject := in[last].(map[string]any)
	if object, ok := value.(map[string]any); ok && wasObject {
		merge(old, object)
		return
	}
	in[last] = value
}

// merge puts all of an object into another.
func merge(into, object map[string]any) {
	for key, value := range object {
		put(into, []string{key}, value)
	}
}

// Watch begins with what has changed since the last Read.
func (s *etcdSource) Watch() (source.Watcher, error) {
	client, err := s.client()
	if err != nil {
		return nil, s.failed("connecting", err)
	}
	w := &watcher{source: s, client: client}
	w.ctx, w.cancel = context.WithCancel(context.Background())
	if err := w.begin(s.read.Load()); err != nil {
		w.cancel()
		return nil, err
	}
	return w, nil
}

// watcher follows the keys. Each has a watch of etcd of its own.
type watcher struct {
	source *etcdSource
	client *clientv3.Client
	ctx    context.Context
	cancel context.CancelFunc

	changes clientv3.WatchChan
	missed  bool // changes were forgotten: read without waiting
}

var errLost = errors.New("etcd: the watch has ended")

// begin watches what comes after a revision, or after now without one. It returns
// when the server has the watch.
func (w *watcher) begin(revision int64) error {
	opts := []clientv3.OpOption{clientv3.WithPrefix()}
	if revision > 0 {
		opts = append(opts, clientv3.WithRev(revision+1))
	}
	ctx, cancel := context.WithCancel(clientv3.WithRequireLeader(w.ctx))
	late := time.AfterFunc(w.source.timeout, cancel)
	w.changes = w.client.Watch(ctx, w.source.prefix, opts...)
	if !late.Stop() {
		return w.source.failed("watching "+w.source.prefix, context.DeadlineExceeded)
	}
	context.AfterFunc(w.ctx, cancel)
	return nil
}

func (w *watcher) Next() (*source.ChangeSet, error) {
	if !w.missed {
		reply, open := <-w.changes
		err := reply.Err()
		switch {
		case w.ctx.Err() != nil:
			return nil, source.ErrWatcherStopped
		case reply.CompactRevision > 0:
			w.missed = true
		case err != nil:
			return nil, w.source.failed("watching "+w.source.prefix, err)
		case !open:
			return nil, errLost
		}
	}
	set, revision, err := w.source.get(w.ctx)
	if w.ctx.Err() != nil {
		return nil, source.ErrWatcherStopped
	}
	if err == nil && w.missed {
		if err = w.begin(revision); err == nil {
			w.missed = false
		}
	}
	if err == nil && set == nil { // all keys are gone
		set, err = w.source.set(nil)
	}
	return set, err
}

// Stop ends this watcher alone.
func (w *watcher) Stop() error {
	w.cancel()
	return nil
}
