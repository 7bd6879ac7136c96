package events

import (
	"context"
	"time"

	"github.com/justcy/go-micro/v4/internal/options"
	"github.com/justcy/go-micro/v4/logger"
	"github.com/justcy/go-micro/v4/store"
)

// Options configure a stream.
type Options struct {
	// Logger takes what nobody else can be told. Never nil after [NewOptions].
	Logger logger.Logger
	// History is how many events of a topic the memory stream keeps for replay
	// and for consumers that fall behind; 0 means 10,000.
	History int
	// TotalHistory is how many events of all topics it keeps; 0 means 100,000.
	TotalHistory int
	// Store, if any, gets the JSON of each event that the memory stream keeps.
	Store store.Store
}

// Option changes Options.
type Option func(*Options)

// NewOptions returns the default options with opts applied.
func NewOptions(opts ...Option) *Options {
	o := &Options{Logger: logger.DefaultLogger}
	options.To(o, opts)
	return o
}

// StreamLogger sets the logger of a stream.
func StreamLogger(l logger.Logger) Option { return func(o *Options) { o.Logger = l } }

// StreamHistory sets how many events the memory stream keeps for each topic and
// for all topics together; 0 keeps the default.
func StreamHistory(perTopic, total int) Option {
	return func(o *Options) { o.History, o.TotalHistory = perTopic, total }
}

// StreamStore makes the memory stream write each event of its history, as JSON
// under <topic>/<id>, to st as well. The caller closes st.
func StreamStore(st store.Store) Option { return func(o *Options) { o.Store = st } }

// PublishOptions configure one Publish.
type PublishOptions struct {
	// Metadata of the event.
	Metadata map[string]string
	// Timestamp of the event; zero means now.
	Timestamp time.Time
}

// PublishOption changes PublishOptions.
type PublishOption func(*PublishOptions)

// WithMetadata sets the event's metadata.
func WithMetadata(md map[string]string) PublishOption {
	return func(o *PublishOptions) { o.Metadata = md }
}

// WithTimestamp sets the event's time; a zero time means now.
func WithTimestamp(t time.Time) PublishOption {
	return func(o *PublishOptions) { o.Timestamp = t }
}

// ConsumeOptions configure one Consume.
type ConsumeOptions struct {
	// Context ends the consumption when done; nil means it lasts until the
	// stream is closed.
	Context context.Context
	// Group shares the topic's events among the consumers of that name. Without
	// one the consumer is a group of its own.
	Group string
	// Offset replays events published since that time before new ones; zero
	// means only new ones.
	Offset time.Time
	// AckWait is how long an event may stay unacknowledged before it is
	// delivered again. Needed when AutoAck is off.
	AckWait time.Duration
	// RetryLimit is how often an event is delivered again; see GetRetryLimit.
	RetryLimit int
	// AutoAck takes an event for acknowledged once it is handed over.
	AutoAck bool
	// CustomRetries says that RetryLimit was set.
	CustomRetries bool
}

// GetRetryLimit returns how often an event is delivered again when it is not
// acknowledged: -1, without end, unless [WithRetryLimit] was used.
func (s ConsumeOptions) GetRetryLimit() int {
	if !s.CustomRetries {
		return -1
	}
	return s.RetryLimit
}

// ConsumeOption changes ConsumeOptions.
type ConsumeOption func(*ConsumeOptions)

// WithContext ends the consumption when ctx is done: its goroutine and its
// events are released, and nothing more is sent on the channel.
func WithContext(ctx context.Context) ConsumeOption {
	return func(o *ConsumeOptions) { o.Context = ctx }
}

// WithGroup makes the consumer one of a group, whose consumers share the events.
// A group of the memory stream gets what is published while it has a consumer, and
// what was published before only with [WithOffset]; streams on servers keep its place.
func WithGroup(q string) ConsumeOption { return func(o *ConsumeOptions) { o.Group = q } }

// WithOffset replays events published since t first, in whole seconds.
func WithOffset(t time.Time) ConsumeOption { return func(o *ConsumeOptions) { o.Offset = t } }

// WithAutoAck sets whether events count as acknowledged once handed over, and
// if not, after how long an unacknowledged one is delivered again.
func WithAutoAck(ack bool, ackWait time.Duration) ConsumeOption {
	return func(o *ConsumeOptions) { o.AutoAck, o.AckWait = ack, ackWait }
}

// WithRetryLimit sets how often an unacknowledged event is delivered again
// after its first delivery; -1 means without end.
func WithRetryLimit(retries int) ConsumeOption {
	return func(o *ConsumeOptions) { o.RetryLimit, o.CustomRetries = retries, true }
}

// StoreOptions configure an event store.
type StoreOptions struct {
	// Backup takes a snapshot at once and then every hour; nil means none.
	Backup Backup
	// Logger takes what nobody else can be told.
	Logger logger.Logger
	// TTL is how long events are kept; 0 means 24 hours.
	TTL time.Duration
}

// StoreOption changes StoreOptions.
type StoreOption func(*StoreOptions)

// WithLogger sets the logger of an event store.
func WithLogger(l logger.Logger) StoreOption { return func(o *StoreOptions) { o.Logger = l } }

// StoreTTL sets how long an event store keeps events; 0 means 24 hours.
func StoreTTL(d time.Duration) StoreOption { return func(o *StoreOptions) { o.TTL = d } }

// StoreBackup sets what takes snapshots of an event store.
func StoreBackup(b Backup) StoreOption { return func(o *StoreOptions) { o.Backup = b } }

// Backup takes snapshots of an event store.
type Backup interface {
	// Snapshot saves what st holds. It is called from one goroutine at a time.
	Snapshot(st store.Store) error
}

// ReadOptions configure one Read.
type ReadOptions struct {
	// Limit is the largest number of events. Default 250; 0 means all.
	Limit uint
	// Offset is how many events of the topic are skipped first.
	Offset uint
}

// ReadOption changes ReadOptions.
type ReadOption func(*ReadOptions)

// ReadLimit returns at most l events; 0 means all.
func ReadLimit(l uint) ReadOption { return func(o *ReadOptions) { o.Limit = l } }

// ReadOffset skips the first n events of the topic.
func ReadOffset(n uint) ReadOption { return func(o *ReadOptions) { o.Offset = n } }

// WriteOptions configure one Write.
type WriteOptions struct {
	// TTL is how long the event is kept. Default the store's; 0 means for ever.
	TTL time.Duration
}

// WriteOption changes WriteOptions.
type WriteOption func(*WriteOptions)

// WithTTL sets how long the event is kept; 0 means for ever.
func WithTTL(d time.Duration) WriteOption { return func(o *WriteOptions) { o.TTL = d } }
