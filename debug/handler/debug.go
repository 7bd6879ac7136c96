// Package handler serves the Debug service: health, stats, traces and log of
// the process it runs in.
//
//	debug.RegisterDebugHandler(service.Server(), handler.NewHandler(service.Client()))
package handler

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/justcy/go-micro/v4/client"
	"github.com/justcy/go-micro/v4/debug/log"
	debug "github.com/justcy/go-micro/v4/debug/proto"
	"github.com/justcy/go-micro/v4/debug/stats"
	"github.com/justcy/go-micro/v4/debug/trace"
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

// Health answers that the process is there.
func (d *Debug) Health(_ context.Context, _ *debug.HealthRequest, rsp *debug.HealthResponse) error {
	rsp.Status = "ok"
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
		if err := stream.Send(&debug.BusMsg{Msg: "Request received!"}); err != nil {
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
	return nil
}

// Trace answers with the spans of one trace, or of all.
func (d *Debug) Trace(_ context.Context, req *debug.TraceRequest, rsp *debug.TraceResponse) error {
	spans, err := d.trace.Read(trace.ReadTrace(req.GetId()))
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
// written from then on, until the context ends.
func (d *Debug) Log(ctx context.Context, req *debug.LogRequest, stream debug.Debug_LogStream) error {
	if !req.GetStream() {
		_, err := d.sendStored(req, stream)
		return err
	}
	// Following starts first, so that no record falls between the two.
	live, err := d.log.Stream()
	if err != nil {
		return fmt.Errorf("follow the log: %w", err)
	}
	if live == nil {
		return errors.New("follow the log: this log cannot be followed")
	}
	defer live.Stop()
	stored, err := d.sendStored(req, stream)
	if err != nil {
		return err
	}
	return follow(ctx, live, stored, stream)
}

// sendStored sends stored records and returns them.
func (d *Debug) sendStored(req *debug.LogRequest, stream debug.Debug_LogStream) ([]log.Record, error) {
	var opts []log.ReadOption
	if since := req.GetSince(); since > 0 {
		opts = append(opts, log.Since(time.Unix(since, 0)))
	}
	if count := req.GetCount(); count > 0 {
		opts = append(opts, log.Count(int(count)))
	}
	records, err := d.log.Read(opts...)
	if err != nil {
		return nil, fmt.Errorf("read the log: %w", err)
	}
	for i := range records {
		if err := stream.Send(recordOf(&records[i])); err != nil {
			return nil, err
		}
	}
	return records, nil
}

// follow sends records as they are written, except those that were stored when
// following began and are sent already.
func follow(ctx context.Context, live log.Stream, sent []log.Record, stream debug.Debug_LogStream) error {
	type key struct {
		at   int64
		text string
	}
	known := map[key]int{}
	for i := range sent {
		known[key{sent[i].Timestamp.UnixNano(), text(&sent[i])}]++
	}
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case r, ok := <-live.Chan():
			if !ok {
				return nil
			}
			if k := (key{r.Timestamp.UnixNano(), text(&r)}); known[k] > 0 {
				known[k]--
				continue
			}
			if err := stream.Send(recordOf(&r)); err != nil {
				return err
			}
		}
	}
}

func recordOf(r *log.Record) *debug.Record {
	return &debug.Record{
		Timestamp: r.Timestamp.Unix(),
		Metadata:  r.Metadata,
		Message:   text(r),
	}
}

func text(r *log.Record) string { return fmt.Sprint(r.Message) }
