package inspect

import (
	"encoding/json"
	"reflect"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/justcy/go-micro/v4/debug/log"
	"github.com/justcy/go-micro/v4/debug/stats"
	"github.com/justcy/go-micro/v4/debug/trace"
)

// Message is any message of debug/proto/debug.proto, with the bytes that the
// generated one has in JSON and protobuf. Every server links it, and generated
// code would be ten times as large: so the requests are read into the union of
// their fields, and a reply is a struct whose fields are in the order of their
// numbers, which begin with 1.
type Message struct {
	Service string `json:"service"`
	Id      string `json:"id"`
	Stream  bool   `json:"stream"`
	Count   int64  `json:"count"`
	Since   int64  `json:"since"`
	// Reply is a pointer to a struct, nil in a request.
	Reply any `json:"-"`
}

// Reset does nothing: messages are used once.
func (*Message) Reset() {}

// String says nothing.
func (*Message) String() string { return "" }

// ProtoMessage marks a protobuf message.
func (*Message) ProtoMessage() {}

// MarshalJSON returns the reply in JSON. Having this method keeps the message from
// being looked at as protobuf.
func (m *Message) MarshalJSON() ([]byte, error) { return json.Marshal(m.Reply) }

// Marshal returns the reply in protobuf.
func (m *Message) Marshal() ([]byte, error) {
	return appendStruct(nil, reflect.ValueOf(m.Reply).Elem()), nil
}

// appendStruct appends the fields that are not zero.
func appendStruct(b []byte, s reflect.Value) []byte {
	for i := range s.NumField() {
		b = appendField(b, uint64(i+1)<<3, s.Field(i))
	}
	return b
}

// appendField appends a field with its tag, which lacks the wire type.
func appendField(b []byte, tag uint64, v reflect.Value) []byte {
	switch {
	case v.IsZero():
	case v.CanUint():
		b = protowire.AppendVarint(protowire.AppendVarint(b, tag), v.Uint())
	case v.Kind() == reflect.String:
		b = appendBytes(b, tag, []byte(v.String()))
	case v.Kind() == reflect.Slice:
		for i := range v.Len() {
			b = appendBytes(b, tag, appendStruct(nil, v.Index(i).Elem()))
		}
	default:
		for key, value := range v.Interface().(map[string]string) {
			b = appendBytes(b, tag, appendBytes(appendBytes(nil, 1<<3, []byte(key)), 2<<3, []byte(value)))
		}
	}
	return b
}

func appendBytes(b []byte, tag uint64, value []byte) []byte {
	b = protowire.AppendVarint(b, tag|uint64(protowire.BytesType))
	return protowire.AppendBytes(b, value)
}

// Unmarshal reads a request in protobuf.
func (m *Message) Unmarshal(b []byte) error {
	for len(b) > 0 {
		number, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			return protowire.ParseError(n)
		}
		b = b[n:]
		if n = protowire.ConsumeFieldValue(number, kind, b); n < 0 {
			return protowire.ParseError(n)
		}
		switch v, _ := protowire.ConsumeVarint(b); {
		case number == 1 && kind == protowire.BytesType:
			text, _ := protowire.ConsumeBytes(b)
			m.Service = string(text)
			m.Id = m.Service
		case kind != protowire.VarintType:
		case number == 2:
			m.Stream = v != 0
		case number == 3:
			m.Count = int64(v)
		case number == 4:
			m.Since = int64(v)
		}
		b = b[n:]
	}
	return nil
}

// The replies. Numbers that the definition has as signed are never negative.

// Health is a HealthResponse.
type Health struct {
	Status string `json:"status,omitempty"`
}

// Bus is a BusMsg.
type Bus struct {
	Msg string `json:"msg,omitempty"`
}

// Stats is a StatsResponse.
type Stats struct {
	Timestamp uint64 `json:"timestamp,omitempty"`
	Started   uint64 `json:"started,omitempty"`
	Uptime    uint64 `json:"uptime,omitempty"`
	Memory    uint64 `json:"memory,omitempty"`
	Threads   uint64 `json:"threads,omitempty"`
	GC        uint64 `json:"gc,omitempty"`
	Requests  uint64 `json:"requests,omitempty"`
	Errors    uint64 `json:"errors,omitempty"`
	Streams   uint64 `json:"streams,omitempty"`
}

// StatsOf returns the reply with the numbers of s.
func StatsOf(s *stats.Stat) *Stats {
	return &Stats{uint64(s.Timestamp), uint64(s.Started), uint64(s.Uptime), s.Memory, s.Threads, s.GC, s.Requests, s.Errors, s.Streams}
}

// Record is a Record.
type Record struct {
	Timestamp uint64            `json:"timestamp,omitempty"`
	Metadata  map[string]string `json:"metadata,omitempty"`
	Message   string            `json:"message,omitempty"`
}

// RecordOf returns the message of a record.
func RecordOf(r *log.Record) *Record {
	return &Record{uint64(r.Timestamp.Unix()), r.Metadata, Text(r)}
}

// Trace is a TraceResponse.
type Trace struct {
	Spans []*Span `json:"spans,omitempty"`
}

// Span is a Span.
type Span struct {
	Trace    string            `json:"trace,omitempty"`
	Id       string            `json:"id,omitempty"`
	Parent   string            `json:"parent,omitempty"`
	Name     string            `json:"name,omitempty"`
	Started  uint64            `json:"started,omitempty"`
	Duration uint64            `json:"duration,omitempty"`
	Metadata map[string]string `json:"metadata,omitempty"`
	Type     uint64            `json:"type,omitempty"`
}

// TraceOf returns the reply with spans.
func TraceOf(spans []*trace.Span) *Trace {
	t := new(Trace)
	for _, s := range spans {
		t.Spans = append(t.Spans, &Span{
			s.Trace, s.Id, s.Parent, s.Name,
			uint64(s.Started.UnixNano()), uint64(s.Duration), s.Metadata, uint64(s.Type),
		})
	}
	return t
}
