package stream

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"time"

	"github.com/go-redis/redis/v8"

	"github.com/justcy/go-micro/v4/logger"
)

const (
	// readFor is how long a read waits for events.
	readFor = 10 * time.Second
	// pageBytes is about how many bytes of events a consumer fetches at a time, in
	// at most maxPage events.
	pageBytes = 1 << 20
	firstPage = 16
	maxPage   = 256
	// The pauses while the server is away.
	firstPause = 20 * time.Millisecond
	lastPause  = time.Second
)

// fetcher reads the group's new events, a page whenever one is wanted. Its pages
// grow and shrink with the size of the events.
type fetcher struct {
	group  group
	client redis.UniversalClient
	log    logger.Logger
	wanted chan struct{}
	pages  chan page
	last   string // the entry from which to read on where the server knows no better
	count  int64  // of entries in the next page
	size   atomic.Int64
}

// page is some new events, and when they came.
type page struct {
	messages []redis.XMessage
	at       time.Time
}

// deliveries are for a page that is not handed over.
func (p page) deliveries() []*delivery {
	out := make([]*delivery, len(p.messages))
	for i, m := range p.messages {
		out[i] = &delivery{id: m.ID}
	}
	return out
}

func newFetcher(g group, client redis.UniversalClient, log logger.Logger) *fetcher {
	f := &fetcher{group: g, client: client, log: log, wanted: make(chan struct{}, 1), pages: make(chan page, 1), count: firstPage}
	f.size.Store(firstPage)
	return f
}

// pageSize is how many events the next page may have.
func (f *fetcher) pageSize() int { return int(f.size.Load()) }

// low is how many events may be left when the next page is fetched.
func (f *fetcher) low() int { return f.pageSize() / 2 }

func (f *fetcher) run(ctx context.Context) {
	for {
		select {
		case <-f.wanted:
		case <-ctx.Done():
			return
		}
		p, ok := f.read(ctx)
		if !ok {
			return
		}
		f.pages <- p
	}
}

// read returns the next page, or false when ctx is done.
func (f *fetcher) read(ctx context.Context) (p page, ok bool) {
	pause, failing := firstPause, false
	for ctx.Err() == nil {
		streams, err := f.client.XReadGroup(ctx, &redis.XReadGroupArgs{
			Group: f.group.name, Consumer: f.group.consumer,
			Streams: []string{f.group.key, ">"}, Count: f.count, Block: readFor,
		}).Result()
		if err == nil && len(streams) == 1 && len(streams[0].Messages) > 0 {
			return f.page(streams[0].Messages), true
		}
		if err == nil || errors.Is(err, redis.Nil) {
			pause, failing = firstPause, false
			continue
		}
		if isNoGroup(err) {
			err = errors.Join(err, f.group.createAt(ctx, f.last))
		}
		if !failing && ctx.Err() == nil {
			failing = true
			f.log.Logf(logger.WarnLevel, "redis stream: reading for group %s of topic %.80q, trying again: %v", f.group.name, f.group.topic, err)
		}
		sleep(ctx, pause)
		pause = min(2*pause, lastPause)
	}
	return page{}, false
}

func (f *fetcher) page(messages []redis.XMessage) page {
	f.last = messages[len(messages)-1].ID
	bytes := 0
	for _, m := range messages {
		encoded, _ := m.Values[eventField].(string)
		bytes += len(encoded)
	}
	f.count = min(max(pageBytes*int64(len(messages))/int64(bytes+1), 1), maxPage, 4*f.count)
	f.size.Store(f.count)
	return page{messages: messages, at: time.Now()}
}

// isNoGroup tells whether the server does not have the group: it has lost its data,
// or somebody deleted it.
func isNoGroup(err error) bool { return err != nil && strings.Contains(err.Error(), "NOGROUP") }

func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
