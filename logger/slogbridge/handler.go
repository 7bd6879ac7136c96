package slogbridge

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/justcy/go-micro/v4/debug/log"
	"github.com/justcy/go-micro/v4/logger"
)

// NewHandler returns a handler of slog that writes to l, or to whatever
// logger.DefaultLogger is at the time when l is nil. Attributes become fields;
// the names of groups come before theirs, with a dot between: "req.method". The
// fields of the request in the context are added, see [logger.FieldsOf], and the
// field file, with the line that logged. A logger that is a [logger.Recorder]
// shows the record's own time.
func NewHandler(l logger.Logger) slog.Handler {
	return &handler{to: loggerSink{l}}
}

// NewLogHandler returns a handler of slog that keeps records in l, where
// Debug.Log reads them if it is log.DefaultLog. Attributes become metadata as
// with [NewHandler]. Every level is kept: combine it with a handler that shows
// fewer by slog.NewMultiHandler, which asks each for itself, or choose the level
// by that of a logger.
func NewLogHandler(l log.Log) slog.Handler {
	return &handler{to: logSink{l}}
}

// sink is where a handler's records go.
type sink interface {
	enabled(logger.Level) bool
	write(logger.Level, log.Record) error
}

// loggerSink writes to a Logger, nil for DefaultLogger.
type loggerSink struct{ logger.Logger }

func (s loggerSink) enabled(level logger.Level) bool { return logger.V(level, s.Logger) }

func (s loggerSink) write(level logger.Level, r log.Record) error {
	l := logger.LoggerOrDefault(s.Logger)
	if own, ok := l.(logger.Recorder); ok {
		own.Record(level, r)
		return nil
	}
	fields := make(map[string]any, len(r.Metadata))
	for k, v := range r.Metadata {
		fields[k] = v
	}
	l.Fields(fields).Log(level, r.Message)
	return nil
}

// logSink keeps records in a Log.
type logSink struct{ log.Log }

func (s logSink) enabled(logger.Level) bool { return true }

func (s logSink) write(level logger.Level, r log.Record) error {
	r.Metadata["level"] = level.String()
	return s.Log.Write(r)
}

// handler is a slog.Handler on a sink. It never changes.
type handler struct {
	to     sink
	prefix string            // of the open groups, with a dot at the end
	fields map[string]string // of WithAttrs
}

func (h *handler) Enabled(_ context.Context, level slog.Level) bool {
	return h.to.enabled(fromSlog(level))
}

func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	next := *h
	next.fields = make(map[string]string, len(h.fields)+len(attrs))
	maps.Copy(next.fields, h.fields)
	for _, a := range attrs {
		add(next.fields, h.prefix, a)
	}
	return &next
}

func (h *handler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	next := *h
	next.prefix += name + "."
	return &next
}

func (h *handler) Handle(ctx context.Context, r slog.Record) error {
	fields := make(map[string]string, len(h.fields)+r.NumAttrs()+4)
	for k, v := range logger.FieldsOf(ctx) {
		fields[k] = fmt.Sprint(v)
	}
	maps.Copy(fields, h.fields)
	r.Attrs(func(a slog.Attr) bool {
		add(fields, h.prefix, a)
		return true
	})
	if _, given := fields[fileField]; !given {
		if at := source(r.PC); at != "" {
			fields[fileField] = at
		}
	}
	return h.to.write(fromSlog(r.Level), log.Record{Timestamp: r.Time, Metadata: fields, Message: r.Message})
}

// fileField is the field with the line that logged.
const fileField = "file"

// add adds an attribute to fields, or those of a group.
func add(fields map[string]string, prefix string, a slog.Attr) {
	v := a.Value.Resolve()
	if v.Kind() != slog.KindGroup {
		if !a.Equal(slog.Attr{}) {
			fields[prefix+a.Key] = text(v)
		}
		return
	}
	if a.Key != "" {
		prefix += a.Key + "."
	}
	for _, member := range v.Group() {
		add(fields, prefix, member)
	}
}

func text(v slog.Value) string {
	if v.Kind() == slog.KindTime {
		return v.Time().Format(time.RFC3339Nano)
	}
	return v.String()
}

// source returns the folder, file and line of a return address.
func source(pc uintptr) string {
	if pc == 0 {
		return ""
	}
	frame, _ := runtime.CallersFrames([]uintptr{pc}).Next()
	if frame.File == "" {
		return ""
	}
	path := frame.File
	if i := strings.LastIndexByte(path, '/'); i >= 0 {
		path = path[strings.LastIndexByte(path[:i], '/')+1:]
	}
	return path + ":" + strconv.Itoa(frame.Line)
}
