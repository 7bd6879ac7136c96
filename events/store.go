package events

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/justcy/go-micro/v4/internal/expiring"
	"github.com/justcy/go-micro/v4/internal/options"
	"github.com/justcy/go-micro/v4/internal/ordered"
	"github.com/justcy/go-micro/v4/logger"
	"github.com/justcy/go-micro/v4/store"
)

const (
	defaultStoreTTL  = 24 * time.Hour
	defaultReadLimit = 250
	backupInterval   = time.Hour
	hourLayout       = "2006010215" // at the end of the keys
	forgottenAtOnce  = 16           // expired events, by a Write
)

// eventStore keeps events as JSON under <topic>/<id>/<hour of writing>, and knows
// the order of each topic's events.
type eventStore struct {
	opts    StoreOptions
	store   store.Store
	closing chan struct{}
	close   func()
	running sync.WaitGroup // the backup

	mu      sync.Mutex
	written *expiring.Map           // of *writtenEvent, by topic and id
	topics  map[string]*ordered.Set // places of the topic's events
}

// writtenEvent is where an event is.
type writtenEvent struct {
	topic string
	key   string // in the store
	place string // in the order of the topic
}

// placeOf returns a text whose order is that of events: by time, and then by id.
func placeOf(e *Event) string {
	var b [12]byte
	binary.BigEndian.PutUint64(b[:], uint64(e.Timestamp.Unix())^1<<63) // negative ones come first
	binary.BigEndian.PutUint32(b[8:], uint32(e.Timestamp.Nanosecond()))
	return string(b[:]) + e.ID
}

// idAt returns the id of the event that is at a place.
func idAt(place string) string { return place[12:] }

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
		written: expiring.New(),
		topics:  map[string]*ordered.Set{},
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
	records, err := s.read(topic, o)
	if err != nil {
		return nil, fmt.Errorf("Error reading from store: %w", err) //nolint:staticcheck // the text is known to programs
	}
	events := make([]*Event, 0, len(records))
	for _, r := range records {
		e := new(Event)
		if err := json.Unmarshal(r.Value, e); err != nil {
			return nil, fmt.Errorf("Invalid event returned from stroe: %w", err) //nolint:staticcheck // the text is known to programs
		}
		events = append(events, e)
	}
	return events, nil
}

// read returns the records of the events that are asked for, and looks at no
// others.
func (s *eventStore) read(topic string, o ReadOptions) (records []*store.Record, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forgetExpired(math.MaxInt)
	places := s.topics[topic]
	if places == nil {
		return nil, nil
	}
	places.Skip(o.Offset, func(place string) bool {
		w := s.written.Get(topic + "/" + idAt(place)).(*writtenEvent)
		found, readErr := s.store.Read(w.key)
		if readErr != nil && !errors.Is(readErr, store.ErrNotFound) { // else it has expired a moment ago
			err = readErr
			return false
		}
		records = append(records, found...)
		return o.Limit == 0 || uint(len(records)) < o.Limit
	})
	return records, err
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
	written := &writtenEvent{topic: event.Topic, key: id + "/" + now.Local().Format(hourLayout), place: placeOf(event)}

	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.store.Write(&store.Record{Key: written.key, Value: encoded, Expiry: o.TTL}); err != nil {
		return fmt.Errorf("Error writing to the store: %w", err) //nolint:staticcheck // the text is known to programs
	}
	old, replaced := s.written.Get(id).(*writtenEvent)
	if replaced && old.key != written.key {
		if err := s.store.Delete(old.key); err != nil {
			return fmt.Errorf("Error writing to the store: replacing event %s: %w", event.ID, err) //nolint:staticcheck // the text is known to programs
		}
	}
	if replaced && old.place != written.place {
		s.forgetPlace(old)
	}
	s.note(id, written, endOf(now, o.TTL))
	s.forgetExpired(forgottenAtOnce)
	return nil
}

// endOf returns when an event of a lifetime ends, 0 for never.
func endOf(now time.Time, ttl time.Duration) int64 {
	end := now.UnixNano()
	if ttl == 0 || ttl > 0 && int64(ttl) > math.MaxInt64-end {
		return 0
	}
	return end + int64(ttl)
}

// note remembers where an event is. mu is held.
func (s *eventStore) note(id string, w *writtenEvent, end int64) {
	places := s.topics[w.topic]
	if places == nil {
		places = new(ordered.Set)
		s.topics[w.topic] = places
	}
	places.Add(w.place)
	s.written.Set(id, w, end)
}

func (s *eventStore) forgetPlace(w *writtenEvent) {
	places := s.topics[w.topic]
	if places.Remove(w.place); places.Len() == 0 {
		delete(s.topics, w.topic)
	}
}

// forgetExpired forgets where events were that have expired, at most n of them.
// mu is held.
func (s *eventStore) forgetExpired(n int) {
	s.written.RemoveEnded(time.Now().UnixNano(), n, func(_ string, w any) { s.forgetPlace(w.(*writtenEvent)) })
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
