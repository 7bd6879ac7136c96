package inspect_test

import (
	"bytes"
	"io"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/protoadapt"

	"github.com/justcy/go-micro/v4/codec"
	"github.com/justcy/go-micro/v4/codec/json"
	"github.com/justcy/go-micro/v4/debug/log"
	debug "github.com/justcy/go-micro/v4/debug/proto"
	"github.com/justcy/go-micro/v4/debug/stats"
	"github.com/justcy/go-micro/v4/debug/trace"
	"github.com/justcy/go-micro/v4/internal/inspect"
)

// replies are replies beside the generated messages of the same content.
func replies() map[string]struct {
	reply     any
	generated proto.Message
} {
	at := time.Unix(1700000000, 5)
	one := map[string]string{"k": "v"}
	return map[string]struct {
		reply     any
		generated proto.Message
	}{
		"health":    {&inspect.Health{Status: "ok"}, &debug.HealthResponse{Status: "ok"}},
		"no health": {&inspect.Health{}, &debug.HealthResponse{}},
		"bus":       {&inspect.Bus{Msg: "<x> & \"y\"\u2028"}, &debug.BusMsg{Msg: "<x> & \"y\"\u2028"}},
		"stats": {
			inspect.StatsOf(&stats.Stat{Timestamp: 1, Started: 2, Uptime: 300, Memory: 1 << 63, Threads: 5, GC: 6, Requests: 7, Errors: 8, Streams: 9}),
			&debug.StatsResponse{Timestamp: 1, Started: 2, Uptime: 300, Memory: 1 << 63, Threads: 5, Gc: 6, Requests: 7, Errors: 8, Streams: 9},
		},
		"record": {
			inspect.RecordOf(&log.Record{Timestamp: at, Metadata: one, Message: 42}),
			&debug.Record{Timestamp: at.Unix(), Metadata: one, Message: "42"},
		},
		"empty record": {inspect.RecordOf(&log.Record{Timestamp: at, Message: ""}), &debug.Record{Timestamp: at.Unix()}},
		"trace": {
			inspect.TraceOf([]*trace.Span{
				{Trace: "t", Id: "a", Name: "n", Started: at, Duration: time.Second, Metadata: one, Type: trace.SpanTypeRequestOutbound},
				{Trace: "t", Id: "b", Parent: "a", Started: at},
			}),
			&debug.TraceResponse{Spans: []*debug.Span{
				{Trace: "t", Id: "a", Name: "n", Started: uint64(at.UnixNano()), Duration: 1e9, Metadata: one, Type: debug.SpanType_OUTBOUND},
				{Trace: "t", Id: "b", Parent: "a", Started: uint64(at.UnixNano())},
			}},
		},
		"no spans": {inspect.TraceOf(nil), &debug.TraceResponse{}},
	}
}

func TestRepliesHaveTheBytesOfTheGeneratedMessages(t *testing.T) {
	for name, tt := range replies() {
		t.Run(name, func(t *testing.T) {
			got, err := proto.Marshal(protoadapt.MessageV2Of(&inspect.Message{Reply: tt.reply}))
			if err != nil {
				t.Fatal(err)
			}
			want, err := proto.Marshal(tt.generated)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("protobuf %x, want %x", got, want)
			}
			if got, want := inJSON(t, &inspect.Message{Reply: tt.reply}), inJSON(t, tt.generated); got != want {
				t.Errorf("JSON %s, want %s", got, want)
			}
		})
	}
}

type buffer struct{ bytes.Buffer }

func (*buffer) Close() error { return nil }

func inJSON(t *testing.T, v any) string {
	t.Helper()
	var b buffer
	if err := json.NewCodec(&b).Write(&codec.Message{}, v); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestRequestsAreReadAsTheGeneratedMessagesAre(t *testing.T) {
	request := &debug.LogRequest{Service: "s", Stream: true, Count: -3, Since: 1 << 40}
	encoded, err := proto.Marshal(request)
	if err != nil {
		t.Fatal(err)
	}
	var m inspect.Message
	if err := m.Unmarshal(encoded); err != nil || m.Service != "s" || !m.Stream || m.Count != -3 || m.Since != 1<<40 {
		t.Errorf("protobuf: %+v, %v", m, err)
	}
	m = inspect.Message{}
	if err := json.NewCodec(&buffer{*bytes.NewBufferString(inJSON(t, request))}).ReadBody(&m); err != nil || m.Service != "s" || !m.Stream || m.Count != -3 || m.Since != 1<<40 {
		t.Errorf("JSON: %+v, %v", m, err)
	}
	m = inspect.Message{}
	if err := json.NewCodec(&buffer{*bytes.NewBufferString(`{"id":"t","other":[1]}`)}).ReadBody(&m); err != nil || m.Id != "t" {
		t.Errorf("JSON: %+v, %v", m, err)
	}
}

// FuzzRequest checks that bytes are read, or refused, as the generated messages
// read them.
func FuzzRequest(f *testing.F) {
	for _, m := range []proto.Message{
		&debug.LogRequest{Service: "s", Stream: true, Count: 1, Since: 2},
		&debug.TraceRequest{Id: "t"},
		&debug.Record{Metadata: map[string]string{"k": "v"}, Message: "m"},
	} {
		b, err := proto.Marshal(m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add([]byte{0x0a, 0x05, 'a'})
	f.Add([]byte{0x10})
	f.Fuzz(func(t *testing.T, b []byte) {
		var got inspect.Message
		var want debug.LogRequest
		gotErr := got.Unmarshal(b)
		if wantErr := proto.Unmarshal(b, &want); wantErr != nil {
			return // text that is not UTF-8 is refused there alone
		}
		if gotErr != nil || got.Service != want.Service || got.Stream != want.Stream || got.Count != want.Count || got.Since != want.Since {
			t.Errorf("%x: %+v, %v; want %v", b, got, gotErr, &want)
		}
	})
}

var _ io.ReadWriteCloser = (*buffer)(nil)
