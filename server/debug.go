package server

import (
	"context"
	"io"

	"github.com/justcy/go-micro/v4/debug/log"
	"github.com/justcy/go-micro/v4/debug/stats"
	"github.com/justcy/go-micro/v4/debug/trace"
	"github.com/justcy/go-micro/v4/internal/inspect"
)

// debugName is the name of the Debug handler.
const debugName = "Debug"

// debugHandler is the Debug handler that every server has. Log and stats are
// those of the process, traces those of the server's tracer.
type debugHandler struct {
	server *rpcServer
}

// Health answers with the health of the server.
func (d *debugHandler) Health(ctx context.Context, _, rsp *inspect.Message) error {
	rsp.Reply = &inspect.Health{Status: d.server.Health(ctx)}
	return nil
}

// Stats answers with the newest numbers.
func (d *debugHandler) Stats(_ context.Context, _, rsp *inspect.Message) error {
	records, err := stats.DefaultStats.Read()
	rsp.Reply = new(inspect.Stats)
	if len(records) > 0 {
		rsp.Reply = inspect.StatsOf(records[len(records)-1])
	}
	return err
}

// Trace answers with the spans of one trace, or of all.
func (d *debugHandler) Trace(_ context.Context, req, rsp *inspect.Message) error {
	tracer := d.server.settings.Load().options.Tracer
	if tracer == nil {
		tracer = trace.DefaultTracer
	}
	spans, err := inspect.Spans(tracer, req.Id)
	rsp.Reply = inspect.TraceOf(spans)
	return err
}

// Log sends the records that are asked for. Who follows the log is left when the
// server is stopped, which would wait for as long as something is logged.
func (d *debugHandler) Log(ctx context.Context, stream Stream) error {
	var req inspect.Message
	if err := stream.Recv(&req); err != nil {
		return err
	}
	q := inspect.Query{Since: req.Since, Count: req.Count, Follow: req.Stream}
	err := inspect.Records(ctx, log.DefaultLog, q, func(r *log.Record) error {
		err := stream.Send(&inspect.Message{Reply: inspect.RecordOf(r)})
		if err == nil && q.Follow && Draining(ctx) {
			err = io.EOF
		}
		return err
	})
	if err == io.EOF {
		return nil
	}
	return err
}

// MessageBus answers every message until the client ends the stream.
func (d *debugHandler) MessageBus(_ context.Context, stream Stream) error {
	for {
		err := stream.Recv(new(inspect.Message))
		if err == nil {
			err = stream.Send(&inspect.Message{Reply: &inspect.Bus{Msg: inspect.Answer}})
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// addBuiltIn adds the endpoints of the built-in handler, unless there is another
// handler of its name, or it is turned off.
func (t *routes) addBuiltIn(o *Options) {
	if _, ok := t.handlers[debugName]; ok || o.NoDebug {
		return
	}
	for _, m := range t.builtIn {
		t.endpoints[m.name] = &route{method: m, handler: wrapHandler(m.serve, o.HdlrWrappers), builtIn: true}
	}
}

// serves reports whether there is a handler with this name.
func (t *routes) serves(handler string) bool {
	if _, ok := t.handlers[handler]; ok {
		return true
	}
	return handler == debugName && t.endpoints[debugName+".Health"] != nil
}
