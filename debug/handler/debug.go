// Package handler serves the Debug service: health, stats, traces and log of
// the process it runs in. Every server of package server does so by itself, and
// lists it in no registry. A handler that is registered takes its place:
//
//	debug.RegisterDebugHandler(service.Server(), handler.NewHandler(service.Client()))
//
// [NewHealthHandler] tells load balancers and Kubernetes of the health by the
// status of an HTTP response.
package handler

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/justcy/go-micro/v4/client"
	"github.com/justcy/go-micro/v4/debug/log"
	debug "github.com/justcy/go-micro/v4/debug/proto"
	"github.com/justcy/go-micro/v4/debug/stats"
	"github.com/justcy/go-micro/v4/debug/trace"
	"github.com/justcy/go-micro/v4/internal/inspect"
	"github.com/justcy/go-micro/v4/server"
)

// Debug is the handler. Methods that later versions of the service add are
// served by the embedded one, if it is set.
type Debug struct {
	debug.DebugHandler

	log   log.Log
	stats stats.Stats
	trace trace.Tracer
}

// NewHandler returns a handler of log.DefaultLog, stats.DefaultStats and
// trace.DefaultTracer as they are now. It does not use the client.
func NewHandler(client.Client) *Debug {
	return &Debug{log: log.DefaultLog, stats: stats.DefaultStats, trace: trace.DefaultTracer}
}

// Health answers with the health of the server that calls it: see
// [server.Health].
func (d *Debug) Health(ctx context.Context, _ *debug.HealthRequest, rsp *debug.HealthResponse) error {
	rsp.Status = server.Health(ctx)
	return nil
}

// MessageBus answers every message until the client ends the stream.
func (d *Debug) MessageBus(_ context.Context, stream debug.Debug_MessageBusStream) error {
	for {
		_, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := stream.Send(&debug.BusMsg{Msg: inspect.Answer}); err != nil {
			return err
		}
	}
}

// Stats answers with the newest record.
func (d *Debug) Stats(_ context.Context, _ *debug.StatsRequest, rsp *debug.StatsResponse) error {
	records, err := d.stats.Read()
	if err != nil {
		return fmt.Errorf("read stats: %w", err)
	}
	if len(records) == 0 {
		return nil
	}
	s := records[len(records)-1]
	rsp.Timestamp = uint64(s.Timestamp)
	rsp.Started = uint64(s.Started)
	rsp.Uptime = uint64(s.Uptime)
	rsp.Memory = s.Memory
	rsp.Gc = s.GC
	rsp.Threads = s.Threads
	rsp.Requests = s.Requests
	rsp.Errors = s.Errors
	rsp.Streams = s.Streams
	return nil
}

// Trace answers with the spans of one trace, or of all.
func (d *Debug) Trace(_ context.Context, req *debug.TraceRequest, rsp *debug.TraceResponse) error {
	spans, err := inspect.Spans(d.trace, req.GetId())
	if err != nil {
		return fmt.Errorf("read trace %q: %w", req.GetId(), err)
	}
	for _, s := range spans {
		rsp.Spans = append(rsp.Spans, spanOf(s))
	}
	return nil
}

func spanOf(s *trace.Span) *debug.Span {
	kind := debug.SpanType_INBOUND
	if s.Type == trace.SpanTypeRequestOutbound {
		kind = debug.SpanType_OUTBOUND
	}
	return &debug.Span{
		Trace:    s.Trace,
		Id:       s.Id,
		Parent:   s.Parent,
		Name:     s.Name,
		Started:  uint64(s.Started.UnixNano()),
		Duration: uint64(s.Duration.Nanoseconds()),
		Type:     kind,
		Metadata: s.Metadata,
	}
}

// Log sends the stored records that were asked for and, with stream set, those
// written from then on, until the context ends or the server is being stopped.
func (d *Debug) Log(ctx context.Context, req *debug.LogRequest, stream debug.Debug_LogStream) error {
	q := inspect.Query{Since: req.GetSince(), Count: req.GetCount(), Follow: req.GetStream()}
	err := inspect.Records(ctx, d.log, q, func(r *log.Record) error {
		err := stream.Send(&debug.Record{
			Timestamp: r.Timestamp.Unix(),
			Metadata:  r.Metadata,
			Message:   inspect.Text(r),
		})
		if err == nil && q.Follow && server.Draining(ctx) {
			err = io.EOF // stopping would wait for as long as something is logged
		}
		return err
	})
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}
