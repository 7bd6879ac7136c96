package client

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/justcy/go-micro/v4/util/kubernetes/api"
)

// The time between attempts to go on with a watch, which doubles.
const (
	firstPause   = 50 * time.Millisecond
	longestPause = 10 * time.Second
)

// resumption is a watch that goes on after its stream was cut. It knows the objects
// that it told of.
type resumption struct {
	client   *client
	resource *Resource
	options  WatchOptions

	version string            // of the newest state that was told of; empty for none
	known   map[string]object // by namespace and name
}

// object is what is known of an object.
type object struct {
	uid, version string
	raw          json.RawMessage
}

// objectMeta is what of an object says which one it is, in which state.
type objectMeta struct {
	Metadata struct {
		Name            string `json:"name"`
		Namespace       string `json:"namespace"`
		UID             string `json:"uid"`
		ResourceVersion string `json:"resourceVersion"`
	} `json:"metadata"`
}

func newResumingWatcher(c *client, r *Resource, o WatchOptions) (Watcher, error) {
	ctx, cancel := context.WithCancel(o.Context)
	s := &resumption{client: c, resource: r, options: o, known: make(map[string]object)}
	if s.options.Params == nil {
		s.options.Params = make(map[string]string)
	}
	s.version = s.options.Params["resourceVersion"]
	s.options.Params["allowWatchBookmarks"] = "true"
	body, err := s.open(ctx)
	if err != nil {
		cancel()
		return nil, err
	}
	return startWatcher(ctx, cancel, func(send func(Event) bool) { s.run(ctx, body, send) }), nil
}

// open opens a stream of what became of the objects since the newest state that
// is known.
func (s *resumption) open(ctx context.Context) (io.ReadCloser, error) {
	delete(s.options.Params, "resourceVersion")
	if s.version != "" {
		s.options.Params["resourceVersion"] = s.version
	}
	return s.client.openWatch(ctx, s.resource, s.options)
}

// run reads streams, one after the other. Between two of them it pauses, unless the
// one before told of something.
func (s *resumption) run(ctx context.Context, body io.ReadCloser, send func(Event) bool) {
	pause := firstPause
	for {
		began := time.Now()
		told := body != nil && s.read(body, send)
		if told || time.Since(began) > longestPause { // the server does work
			pause = firstPause
		}
		if !told {
			select {
			case <-ctx.Done():
			case <-time.After(pause):
			}
			pause = min(2*pause, longestPause)
		}
		if ctx.Err() != nil {
			return
		}
		var err error
		if body, err = s.resume(ctx, send); refusedForGood(err) {
			send(refusal(err))
			return
		}
	}
}

// read tells of the events of a stream. It reports whether there were any that were
// news.
func (s *resumption) read(body io.ReadCloser, send func(Event) bool) (told bool) {
	readEvents(body, func(e Event) bool {
		if e.Type == Error {
			var status api.Status
			if json.Unmarshal(e.Object, &status) == nil && status.Code == http.StatusGone {
				s.version = "" // the server has forgotten it
			}
			return false
		}
		return s.tell(e, func(e Event) bool {
			told = true
			return send(e)
		})
	})
	return told
}

// resume opens the next stream. Where the server has forgotten the state that is
// known, it is asked for all objects first.
func (s *resumption) resume(ctx context.Context, send func(Event) bool) (io.ReadCloser, error) {
	if s.version == "" {
		if err := s.compare(ctx, send); err != nil {
			return nil, err
		}
	}
	body, err := s.open(ctx)
	var refused *streamError
	if errors.As(err, &refused) && refused.code == http.StatusGone {
		s.version = "" // the next attempt begins with all objects
	}
	return body, err
}

// tell tells of an event, unless it is known.
func (s *resumption) tell(e Event, send func(Event) bool) bool {
	var meta objectMeta
	if json.Unmarshal(e.Object, &meta) != nil {
		return send(e)
	}
	m := meta.Metadata
	if m.ResourceVersion != "" {
		s.version = m.ResourceVersion
	}
	key := m.Namespace + "/" + m.Name
	switch e.Type {
	case bookmark:
		return true
	case Deleted:
		delete(s.known, key)
		return send(e)
	}
	before, known := s.known[key]
	s.known[key] = object{uid: m.UID, version: m.ResourceVersion, raw: e.Object}
	switch {
	case known && before.uid != m.UID:
		return send(Event{Type: Deleted, Object: before.raw}) && send(Event{Type: Added, Object: e.Object})
	case known && before.version == m.ResourceVersion && m.ResourceVersion != "":
		return true
	case known && e.Type == Added:
		e.Type = Modified
	}
	return send(e)
}

// compare reads all objects and tells how they differ from what is known.
func (s *resumption) compare(ctx context.Context, send func(Event) bool) error {
	version, objects, err := s.list(ctx)
	if err != nil {
		return err
	}
	there := make(map[string]bool)
	for _, raw := range objects {
		var meta objectMeta
		if err := json.Unmarshal(raw, &meta); err != nil {
			return err
		}
		there[meta.Metadata.Namespace+"/"+meta.Metadata.Name] = true
		if !s.tell(Event{Type: Added, Object: raw}, send) {
			return ctx.Err()
		}
	}
	for _, key := range slices.Sorted(maps.Keys(s.known)) {
		if there[key] {
			continue
		}
		if !send(Event{Type: Deleted, Object: s.known[key].raw}) {
			return ctx.Err()
		}
		delete(s.known, key)
	}
	s.version = version
	return nil
}

// list returns all objects that are watched, and the version of their state.
func (s *resumption) list(ctx context.Context) (version string, objects []json.RawMessage, err error) {
	params := maps.Clone(s.options.Params)
	for _, key := range []string{"watch", "resourceVersion", "allowWatchBookmarks", "timeoutSeconds"} {
		delete(params, key)
	}
	req, cancel := s.client.request(ctx)
	defer cancel()
	var raw json.RawMessage
	err = req.Get().Resource(s.resource.Kind).Name(s.resource.Name).Namespace(s.options.Namespace).
		Params(&api.Params{Additional: params}).Do().Into(&raw)
	if errors.Is(err, api.ErrNotFound) && s.resource.Name != "" {
		return "", nil, nil // it is gone
	}
	if err != nil {
		return "", nil, err
	}
	var list struct {
		objectMeta
		Items []json.RawMessage `json:"items"`
	}
	if err := json.Unmarshal(raw, &list); err != nil {
		return "", nil, err
	}
	if s.resource.Name != "" {
		list.Items = []json.RawMessage{raw}
	}
	return list.Metadata.ResourceVersion, list.Items, nil
}

// code returns the HTTP status of an error, 0 for none.
func code(err error) int {
	var refused *streamError
	var status *api.StatusError
	switch {
	case errors.As(err, &refused):
		return refused.code
	case errors.As(err, &status):
		return status.Code
	case errors.Is(err, api.ErrNotFound):
		return http.StatusNotFound
	}
	return 0
}

// refusedForGood reports whether there is no use in asking again. The token may be
// about to be renewed, so being unauthorized is not that.
func refusedForGood(err error) bool {
	switch code(err) {
	case http.StatusBadRequest, http.StatusForbidden, http.StatusNotFound, http.StatusMethodNotAllowed:
		return true
	}
	return false
}

// refusal is an event that says why a watch ended.
func refusal(err error) Event {
	status := map[string]any{"kind": "Status", "status": "Failure", "message": strings.TrimSpace(err.Error()), "code": code(err)}
	object, _ := json.Marshal(status) // cannot fail for these values
	return Event{Type: Error, Object: object}
}
