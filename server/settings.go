package server

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/justcy/go-micro/v4/codec"
	"github.com/justcy/go-micro/v4/internal/wire"
	"github.com/justcy/go-micro/v4/logger"
	"github.com/justcy/go-micro/v4/transport/headers"
)

// maxChanges is how often a change of the settings starts over because another
// one came first. Only a change that causes another one each time needs more.
const maxChanges = 1000

// settings is all of a server that can be set: its options, its handlers and
// subscribers, and what requests need of them. A value in use never changes; a
// change puts another one in its place.
type settings struct {
	options     Options
	routes      *routes
	defaults    defaults
	formats     *wire.Formats
	contentType string // of messages that name none
	logger      logger.Logger
	router      Router         // of the options, nil without
	handle      HandlerFunc    // router inside the handler wrappers
	process     SubscriberFunc // router inside the subscriber wrappers
}

// defaults are the package's variables as they were when the server was made.
type defaults struct {
	codecs      map[string]codec.NewCodec
	contentType string
}

func currentDefaults() defaults {
	return defaults{codecs: maps.Clone(DefaultCodecs), contentType: DefaultContentType}
}

// newSettings returns the settings for o, which is theirs from now on, with the
// handlers and subscribers of routes. It calls the wrappers.
func newSettings(d defaults, o Options, routes *routes) *settings {
	st := &settings{
		options:     o,
		routes:      routes.configured(&o),
		defaults:    d,
		formats:     wire.NewFormats(d.codecs, o.Codecs),
		contentType: d.contentType,
		logger:      o.Logger,
		router:      o.Router,
	}
	if r := o.Router; r != nil {
		st.handle = wrapHandler(func(ctx context.Context, req Request, rsp any) (err error) {
			defer recoverInto(&err)
			return r.ServeRequest(ctx, req, rsp.(Response))
		}, o.HdlrWrappers)
		st.process = wrapSubscriber(func(ctx context.Context, m Message) (err error) {
			defer recoverInto(&err)
			return r.ProcessMessage(ctx, m)
		}, o.SubWrappers)
	}
	return st
}

// with returns the same settings with other routes.
func (st *settings) with(routes *routes) *settings {
	next := *st
	next.routes = routes
	return &next
}

// change replaces the settings by what derive makes of them. Derive calls code
// of the server's users, which may use the server, so no lock is held: it runs
// again when another change came first.
func (s *rpcServer) change(derive func(*settings) (*settings, error)) error {
	for range maxChanges {
		old := s.settings.Load()
		next, err := derive(old)
		if err != nil {
			return err
		}
		if s.settings.CompareAndSwap(old, next) {
			return nil
		}
	}
	return fmt.Errorf("server %s: %d times in a row, applying options or wrappers changed the server; an option or a wrapper must not do that each time it is called",
		s.settings.Load().options.Name, maxChanges)
}

// clone returns a copy that shares no map and no slice with o.
func (o *Options) clone() Options {
	c := *o
	c.Codecs = maps.Clone(o.Codecs)
	c.Metadata = maps.Clone(o.Metadata)
	c.HdlrWrappers = slices.Clone(o.HdlrWrappers)
	c.SubWrappers = slices.Clone(o.SubWrappers)
	c.ListenOptions = slices.Clone(o.ListenOptions)
	return c
}

// serve serves a request with the router of the options or the server's own.
func (st *settings) serve(ctx context.Context, req *request, rsp *response) error {
	if st.router == nil {
		return st.routes.serve(ctx, req, rsp)
	}
	return st.handle(ctx, req, rsp)
}

// complete completes the headers that decide about a request, and returns the
// format of its body.
func (st *settings) complete(head *wire.Head, h *wire.Header) (*wire.Format, error) {
	if head.ContentType == "" {
		head.ContentType = st.contentType
		m := h.Map()
		m[headers.ContentType] = head.ContentType
		*h = h.With(m)
	}
	return st.format(head.ContentType, head.Resolve())
}

// format finds the format of a content type.
func (st *settings) format(contentType string, legacy bool) (*wire.Format, error) {
	if legacy {
		if f, err := wire.Legacy.Lookup(contentType); err == nil {
			return f, nil
		}
	}
	return st.formats.Lookup(contentType)
}

// mayStream reports whether further messages may belong to a request.
func mayStream(head *wire.Head, http2 bool) bool { return http2 || head.Stream != "" }

// isStream reports whether a request of HTTP/2 opens a stream, as far as its
// headers tell.
func (st *settings) isStream(head *wire.Head) bool {
	if head.Stream != "" {
		return true
	}
	if st.router != nil {
		return false
	}
	e := st.routes.endpoints[head.Endpoint]
	return e != nil && e.stream
}
