package client

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"

	"github.com/justcy/go-micro/v4/util/kubernetes/api"
)

// EventType is what became of an object.
type EventType string

// The types of events.
const (
	Added    EventType = "ADDED"
	Modified EventType = "MODIFIED"
	Deleted  EventType = "DELETED"
	Error    EventType = "ERROR"

	bookmark EventType = "BOOKMARK" // tells how far the watch is, and nothing else
)

// maxEvent is how many bytes an event may have.
const maxEvent = 16 << 20

// Event is something that became of an object.
type Event struct {
	// Type says what.
	Type EventType `json:"type"`
	// Object is the JSON of the object, or of an api.Status for an Error.
	Object json.RawMessage `json:"object"`
}

// Watcher tells what becomes of objects.
type Watcher interface {
	// Chan returns the events. It is closed when there are no more: when the
	// stream ends, or after Stop.
	Chan() <-chan Event
	// Stop ends the watch. It may be called again.
	Stop()
}

// watcher sends events that something reads for it.
type watcher struct {
	events chan Event
	cancel context.CancelFunc
	ended  chan struct{}
}

// startWatcher has read send events until it returns or ctx, which cancel ends, is
// done.
func startWatcher(ctx context.Context, cancel context.CancelFunc, read func(send func(Event) bool)) *watcher {
	w := &watcher{events: make(chan Event), ended: make(chan struct{}), cancel: cancel}
	go func() {
		defer close(w.ended)
		defer close(w.events)
		defer cancel()
		read(func(e Event) bool {
			select {
			case w.events <- e:
				return true
			case <-ctx.Done():
				return false
			}
		})
	}()
	return w
}

func (w *watcher) Chan() <-chan Event { return w.events }

func (w *watcher) Stop() {
	w.cancel()
	<-w.ended
}

// openWatch opens a stream of events.
func (c *client) openWatch(ctx context.Context, r *Resource, o WatchOptions) (io.ReadCloser, error) {
	params := map[string]string{"watch": "true"}
	for key, value := range o.Params {
		params[key] = value
	}
	req := api.NewRequest(c.opts).Get().Resource(r.Kind).Name(r.Name).Namespace(o.Namespace).
		Params(&api.Params{Additional: params})
	return stream(ctx, req)
}

// newWatcher returns a watcher of one stream.
func newWatcher(c *client, r *Resource, o WatchOptions) (Watcher, error) {
	ctx, cancel := context.WithCancel(o.Context)
	body, err := c.openWatch(ctx, r, o)
	if err != nil {
		cancel()
		return nil, err
	}
	return startWatcher(ctx, cancel, func(send func(Event) bool) { readEvents(body, send) }), nil
}

// readEvents hands the events of a stream to handle, until that returns false or
// the stream ends, and closes it. Lines that are no events are skipped.
func readEvents(body io.ReadCloser, handle func(Event) bool) {
	defer body.Close()
	in := bufio.NewReaderSize(body, 64<<10)
	for {
		line, err := readLine(in)
		if err != nil {
			return
		}
		var e Event
		if json.Unmarshal(line, &e) != nil || e.Type == "" {
			continue
		}
		if !handle(e) {
			return
		}
	}
}

var errTooLong = errors.New("the line is too long")

// readLine returns a line that ends. What is cut off is none.
func readLine(in *bufio.Reader) ([]byte, error) {
	var line []byte
	for {
		part, err := in.ReadSlice('\n')
		line = append(line, part...)
		switch {
		case err == nil:
			return line, nil
		case !errors.Is(err, bufio.ErrBufferFull):
			return nil, err
		case len(line) > maxEvent:
			return nil, errTooLong
		}
	}
}
