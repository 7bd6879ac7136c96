package events

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/justcy/go-micro/v4/internal/options"
	"github.com/justcy/go-micro/v4/logger"
	"github.com/justcy/go-micro/v4/store"
)

const (
	defaultStoreTTL  = 24 * time.Hour
	defaultReadLimit = 250
	backupInterval   = time.Hour
	hourLayout       = "2006010215" // at the end of the keys
)

// eventStore keeps events as JSON under <topic>/<id>/<hour of writing>.
type eventStore struct {
	opts    StoreOptions
	store   store.Store
	closing chan struct{}
	close   func()
	running sync.WaitGroup // the backup

	mu      sync.Mutex
	written map[string]writtenKey // by topic and id
	prune   int                   // size of written at which to prune it
}

// writtenKey is the key under which an event is kept.
type writtenKey struct {
	key     string
	expires time.Time // zero: never
}

// NewStore returns a store of events in this process. With [StoreBackup] a
// snapshot is taken at once and then every hour, until the store is closed: it
// implements io.Closer.
func NewStore(opts ...StoreOption) Store {
	var o StoreOptions
	options.To(&o, opts)
	if o.TTL == 0 {
		o.TTL = defaultStoreTTL
	}
	if o.Logger == nil {
		o.Logger = logger.DefaultLogger
	}
	s := &eventStore{
		opts:    o,
		store:   store.NewMemoryStore(),
		closing: make(chan struct{}),
		written: map[string]writtenKey{},
	}
	s.close = sync.OnceFunc(func() { close(s.closing) })
	if o.Backup != nil {
		s.running.Go(s.backup)
	}
	return s
}

// Read returns the events of the topic ordered by timestamp and then by ID.
func (s *eventStore) Read(topic string, opts ...ReadOption) ([]*Event, error) {
	if topic == "" {
		return nil, ErrMissingTopic
	}
	o := ReadOptions{Limit: defaultReadLimit}
	options.To(&o, opts)
	records, err := s.store.Read(topic+"/", store.ReadPrefix())
	if err != nil {
		return nil, fmt.Errorf("Error reading from store: %w", err) //nolint:staticcheck // the text is known to programs
	}
	events := make([]*Event, 0, len(records))
	for _, r := range records {
		e := new(Event)
		if err := json.Unmarshal(r.Value, e); err != nil {
			return nil, fmt.Errorf("Invalid event returned from stroe: %w", err) //nolint:staticcheck // the text is known to programs
		}
		if e.Topic == topic { // and not, say, topic/more
			events = append(events, e)
		}
	}
	slices.SortFunc(events, func(a, b *Event) int {
		return cmp.Or(a.Timestamp.Compare(b.Timestamp), strings.Compare(a.ID, b.ID))
	})
	return page(events, o), nil
}

func page(events []*Event, o ReadOptions) []*Event {
	events = events[min(o.Offset, uint(len(events))):]
	if o.Limit > 0 {
		events = events[:min(o.Limit, uint(len(events)))]
	}
	return events
}

// Write keeps an event, in place of one with the same topic and ID.
func (s *eventStore) Write(event *Event, opts ...WriteOption) error {
	if event == nil {
		return fmt.Errorf("Error writing to the store: the event is nil") //nolint:staticcheck // the text is known to programs
	}
	if event.Topic == "" {
		return ErrMissingTopic
	}
	o := WriteOptions{TTL: s.opts.TTL}
	options.To(&o, opts)
	encoded, err := json.Marshal(event)
	if err != nil {
		return fmt.Errorf("Error mashaling event to JSON: %w", err) //nolint:staticcheck // the text is known to programs
	}
	now := time.Now()
	id := event.Topic + "/" + event.ID
	written := writtenKey{key: id + "/" + now.Local().Format(hourLayout)}
	if o.TTL != 0 {
		written.expires = now.Add(o.TTL)
	}

	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.store.Write(&store.Record{Key: written.key, Value: encoded, Expiry: o.TTL}); err != nil {
		return fmt.Errorf("Error writing to the store: %w", err) //nolint:staticcheck // the text is known to programs
	}
	if old, ok := s.written[id]; ok && old.key != written.key {
		if err := s.store.Delete(old.key); err != nil {
			return fmt.Errorf("Error writing to the store: replacing event %s: %w", event.ID, err) //nolint:staticcheck // the text is known to programs
		}
	}
	s.written[id] = written
	s.pruneWritten(now)
	return nil
}

// pruneWritten forgets the keys of expired events, now and then. mu is held.
func (s *eventStore) pruneWritten(now time.Time) {
	if len(s.written) < s.prune {
		return
	}
	for id, w := range s.written {
		if !w.expires.IsZero() && w.expires.Before(now) {
			delete(s.written, id)
		}
	}
	s.prune = 2*len(s.written) + 1024
}

// backup takes snapshots until the store is closed.
func (s *eventStore) backup() {
	ticker := time.NewTicker(backupInterval)
	defer ticker.Stop()
	for {
		if err := s.opts.Backup.Snapshot(s.store); err != nil {
			s.opts.Logger.Logf(logger.ErrorLevel, "Error running backup %s", err)
		}
		select {
		case <-ticker.C:
		case <-s.closing:
			return
		}
	}
}

// Close ends the backup, waiting for a snapshot in progress, and drops the
// events.
func (s *eventStore) Close() error {
	s.close()
	s.running.Wait()
	return s.store.Close()
}
