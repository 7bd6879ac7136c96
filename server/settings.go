package server

import (
	"context"

	"github.com/justcy/go-micro/v4/internal/wire"
	"github.com/justcy/go-micro/v4/logger"
)

// settings is what requests need of the options. It is made anew by Init and
// never changed.
type settings struct {
	formats     *wire.Formats
	contentType string // of messages that name none
	logger      logger.Logger
	router      Router // of the options, nil without
	own         *router
	handle      HandlerFunc    // router inside the handler wrappers
	process     SubscriberFunc // router inside the subscriber wrappers
}

func newSettings(o *Options, own *router) *settings {
	st := &settings{
		formats:     wire.NewFormats(DefaultCodecs, o.Codecs),
		contentType: DefaultContentType,
		logger:      o.Logger,
		router:      o.Router,
		own:         own,
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

// serve serves a request with the router of the options or the server's own.
func (st *settings) serve(ctx context.Context, req *request, rsp *response) error {
	if st.router == nil {
		return st.own.ServeRequest(ctx, req, rsp)
	}
	return st.handle(ctx, req, rsp)
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
func (st *settings) mayStream(head *wire.Head, http2 bool) bool {
	return http2 || st.isStream(head)
}

// isStream reports whether a request opens a stream, as far as its headers tell.
func (st *settings) isStream(head *wire.Head) bool {
	if head.Stream != "" {
		return true
	}
	if st.router != nil {
		return false
	}
	e := st.own.table.Load().endpoints[head.Endpoint]
	return e != nil && e.stream
}
