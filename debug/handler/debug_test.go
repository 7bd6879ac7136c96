package handler_test

import (
	"context"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/debug/handler"
	"github.com/justcy/go-micro/v4/debug/log"
	debug "github.com/justcy/go-micro/v4/debug/proto"
	"github.com/justcy/go-micro/v4/debug/stats"
	"github.com/justcy/go-micro/v4/debug/trace"
	"github.com/justcy/go-micro/v4/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// newHandler makes a handler of a log, stats and tracer of its own.
func newHandler(t *testing.T) *handler.Debug {
	t.Helper()
	l, s, tr := log.DefaultLog, stats.DefaultStats, trace.DefaultTracer
	log.DefaultLog, stats.DefaultStats, trace.DefaultTracer = log.NewLog(), stats.NewStats(), trace.NewTracer()
	t.Cleanup(func() { log.DefaultLog, stats.DefaultStats, trace.DefaultTracer = l, s, tr })
	return handler.NewHandler(nil)
}

func TestHealthIsOkWithoutChecks(t *testing.T) {
	var rsp debug.HealthResponse
	if err := newHandler(t).Health(context.Background(), nil, &rsp); err != nil || rsp.Status != "ok" {
		t.Errorf("%v %q", err, rsp.Status)
	}
}

func TestStatsReportsTheNewestRecord(t *testing.T) {
	d := newHandler(t)
	for i := range 3 {
		if err := stats.DefaultStats.Write(&stats.Stat{Timestamp: int64(i)}); err != nil {
			t.Fatal(err)
		}
	}
	_ = stats.DefaultStats.Record(nil)
	_ = stats.DefaultStats.Record(errors.New("bad"))
	var rsp debug.StatsResponse
	if err := d.Stats(context.Background(), nil, &rsp); err != nil {
		t.Fatal(err)
	}
	if rsp.Timestamp < 3 || rsp.Requests != 2 || rsp.Errors != 1 || rsp.Memory == 0 {
		t.Errorf("got %v", &rsp)
	}
}

func TestTraceSelectsByItsID(t *testing.T) {
	d := newHandler(t)
	ctx, outer := trace.DefaultTracer.Start(context.Background(), "outer")
	_, inner := trace.DefaultTracer.Start(ctx, "inner")
	inner.Type = trace.SpanTypeRequestOutbound
	_, other := trace.DefaultTracer.Start(context.Background(), "other")
	for _, s := range []*trace.Span{inner, outer, other} {
		if err := trace.DefaultTracer.Finish(s); err != nil {
			t.Fatal(err)
		}
	}
	for id, want := range map[string]int{"": 3, outer.Trace: 2, "unknown": 0} {
		var rsp debug.TraceResponse
		if err := d.Trace(context.Background(), &debug.TraceRequest{Id: id}, &rsp); err != nil || len(rsp.Spans) != want {
			t.Errorf("trace %q: %d spans, %v, want %d", id, len(rsp.Spans), err, want)
		}
		if want != 2 {
			continue
		}
		s := rsp.Spans[0]
		if s.Name != "inner" || s.Parent != outer.Id || s.Type != debug.SpanType_OUTBOUND || s.Started != uint64(inner.Started.UnixNano()) || s.Duration != uint64(inner.Duration) {
			t.Errorf("span %v", s)
		}
	}
}

// logStream collects what a handler sends.
type logStream struct {
	debug.Debug_LogStream
	sent chan *debug.Record
	err  error
}

func (s *logStream) Send(r *debug.Record) error {
	if s.err == nil {
		s.sent <- r
	}
	return s.err
}

func write(t *testing.T, at int64, message any) {
	t.Helper()
	err := log.DefaultLog.Write(log.Record{Timestamp: time.Unix(at, 0), Message: message, Metadata: map[string]string{"k": "v"}})
	if err != nil {
		t.Fatal(err)
	}
}

func (s *logStream) messages() (list []string) {
	for len(s.sent) > 0 {
		list = append(list, (<-s.sent).Message)
	}
	return list
}

func TestLogSelectsBySinceAndCount(t *testing.T) {
	d := newHandler(t)
	write(t, -5, "before 1970")
	write(t, 100, "old")
	write(t, 200, "new")
	write(t, 300, errors.New("not a string"))
	for _, test := range []struct {
		name string
		req  *debug.LogRequest
		want []string
	}{
		{"all", &debug.LogRequest{}, []string{"before 1970", "old", "new", "not a string"}},
		{"since", &debug.LogRequest{Since: 150}, []string{"new", "not a string"}},
		{"count", &debug.LogRequest{Count: 1}, []string{"not a string"}},
	} {
		s := &logStream{sent: make(chan *debug.Record, 10)}
		if err := d.Log(context.Background(), test.req, s); err != nil {
			t.Errorf("%s: %v", test.name, err)
		}
		if got := s.messages(); len(got) != len(test.want) || got[len(got)-1] != test.want[len(got)-1] {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
}

func TestLogStreamEndsWithTheContext(t *testing.T) {
	d := newHandler(t)
	write(t, 100, "stored")
	ctx, cancel := context.WithCancel(context.Background())
	s := &logStream{sent: make(chan *debug.Record, 10)}
	ended := make(chan error, 1)
	go func() { ended <- d.Log(ctx, &debug.LogRequest{Stream: true}, s) }()
	first := <-s.sent
	if first.Message != "stored" || first.Timestamp != 100 || first.Metadata["k"] != "v" {
		t.Errorf("first %v", first)
	}
	write(t, 100, "live")
	if r := <-s.sent; r.Message != "live" {
		t.Errorf("then %v", r)
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("ended with %v", err)
	}
}

func TestLogStreamEndsWhenTheClientIsGone(t *testing.T) {
	d := newHandler(t)
	write(t, 100, "stored")
	gone := errors.New("gone")
	s := &logStream{err: gone}
	if err := d.Log(context.Background(), &debug.LogRequest{Stream: true}, s); !errors.Is(err, gone) {
		t.Errorf("ended with %v", err)
	}
}

type busStream struct {
	debug.Debug_MessageBusStream
	in  int
	end error
	out []string
}

func (s *busStream) Recv() (*debug.BusMsg, error) {
	if s.in == 0 {
		return nil, s.end
	}
	s.in--
	return &debug.BusMsg{}, nil
}

func (s *busStream) Send(m *debug.BusMsg) error {
	s.out = append(s.out, m.Msg)
	return nil
}

func TestMessageBusAnswersEveryMessageUntilTheEnd(t *testing.T) {
	broken := errors.New("broken")
	for end, want := range map[error]error{io.EOF: nil, broken: broken} {
		s := &busStream{in: 2, end: end}
		if err := newHandler(t).MessageBus(context.Background(), s); err != want {
			t.Errorf("ended with %v, want %v", err, want)
		}
		if len(s.out) != 2 || s.out[0] != "Request received!" {
			t.Errorf("answered %q", s.out)
		}
	}
}
