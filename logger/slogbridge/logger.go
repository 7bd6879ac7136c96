package slogbridge

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/justcy/go-micro/v4/internal/options"
	"github.com/justcy/go-micro/v4/logger"
)

// NewLogger returns a logger whose records go to a handler of slog, with its
// fields as attributes. The handler decides which levels are shown and where; of
// the options, WithLevel shows fewer levels, WithFields, WithCallerSkipCount and
// SetOption mean what they always do, and WithOutput nothing. The handler gets the
// options' Context. Its errors have nowhere to be reported to.
func NewLogger(h slog.Handler, opts ...logger.Option) logger.Logger {
	l := &slogLogger{root: h}
	l.init(logger.Options{
		Level:           logger.TraceLevel,
		Fields:          map[string]any{},
		CallerSkipCount: ownCalls,
		Context:         context.Background(),
	}, opts)
	return l
}

// slogLogger is a Logger on a handler. Its options are a snapshot that is replaced
// as a whole.
type slogLogger struct {
	root slog.Handler // without the fields

	mu  sync.Mutex // serialises Init
	now atomic.Pointer[snapshot]
}

// snapshot is the options and what was made of them.
type snapshot struct {
	opts    logger.Options
	handler slog.Handler // with the fields
}

func (l *slogLogger) init(o logger.Options, opts []logger.Option) {
	options.To(&o, opts)
	h := l.root
	if len(o.Fields) > 0 {
		attrs := make([]slog.Attr, 0, len(o.Fields))
		for _, name := range slices.Sorted(maps.Keys(o.Fields)) {
			attrs = append(attrs, slog.Any(name, o.Fields[name]))
		}
		h = h.WithAttrs(attrs)
	}
	if o.Context == nil {
		o.Context = context.Background()
	}
	l.now.Store(&snapshot{opts: o, handler: h})
}

// Init changes the options that are given and leaves the others. It never fails.
func (l *slogLogger) Init(opts ...logger.Option) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.init(l.Options(), opts)
	return nil
}

// Options returns a copy of the options, the fields included.
func (l *slogLogger) Options() logger.Options {
	o := l.now.Load().opts
	fields := make(map[string]any, len(o.Fields))
	maps.Copy(fields, o.Fields)
	o.Fields = fields
	return o
}

// Fields returns a logger with more fields on the same handler.
func (l *slogLogger) Fields(fields map[string]any) logger.Logger {
	o := l.Options()
	maps.Copy(o.Fields, fields)
	child := &slogLogger{root: l.root}
	child.init(o, nil)
	return child
}

// Enabled reports whether the logger and its handler show records of this level.
func (l *slogLogger) Enabled(level logger.Level) bool {
	return l.now.Load().enabled(level)
}

func (s *snapshot) enabled(level logger.Level) bool {
	return s.opts.Level.Enabled(level) && s.handler.Enabled(s.opts.Context, toSlog(level))
}

// String returns "slog".
func (l *slogLogger) String() string { return "slog" }

func (l *slogLogger) Log(level logger.Level, v ...any) {
	s := l.now.Load()
	if !s.enabled(level) {
		return
	}
	message, ok := "", false
	if len(v) == 1 {
		message, ok = v[0].(string)
	}
	if !ok {
		message = fmt.Sprint(v...)
	}
	s.write(level, message, caller(s.opts.CallerSkipCount-ownCalls))
}

func (l *slogLogger) Logf(level logger.Level, format string, v ...any) {
	s := l.now.Load()
	if !s.enabled(level) {
		return
	}
	if len(v) > 0 || strings.Contains(format, "%") {
		format = fmt.Sprintf(format, v...)
	}
	s.write(level, format, caller(s.opts.CallerSkipCount-ownCalls))
}

func (s *snapshot) write(level logger.Level, message string, pc uintptr) {
	r := slog.NewRecord(time.Now(), toSlog(level), message, pc)
	_ = s.handler.Handle(s.opts.Context, r)
}

const (
	// ownCalls is the part of a CallerSkipCount that stands for the calls of this
	// package and of package logger, however many there are.
	ownCalls = 2
	// maxDepth is how many calls are looked through for the caller.
	maxDepth = 32
)

// caller returns the place that called package logger or this one or, when more
// is positive, one as many calls above it. Each call that is looked at takes a
// tenth of the whole record, so the first two are tried alone: mostly they are a
// method of a Helper and its caller.
func caller(more int) uintptr {
	const skipped = 3 // runtime.Callers, caller, Log
	if more <= 0 {
		var first [2]uintptr
		for _, pc := range first[:runtime.Callers(skipped, first[:])] {
			if !isOwn(pc) {
				return pc
			}
		}
	}
	var all [maxDepth]uintptr
	for _, pc := range all[:runtime.Callers(skipped, all[:])] {
		if isOwn(pc) {
			continue
		}
		if more <= 0 {
			return pc
		}
		more--
	}
	return 0
}

// own remembers of return addresses whether they are in package logger or in this
// one. There are as many as places in the program that log.
var own atomic.Pointer[map[uintptr]bool]

func isOwn(pc uintptr) bool {
	known := own.Load()
	if known != nil {
		if is, ok := (*known)[pc]; ok {
			return is
		}
	}
	frame, _ := runtime.CallersFrames([]uintptr{pc}).Next()
	is := strings.HasPrefix(frame.Function, loggerPackage+".") || strings.HasPrefix(frame.Function, loggerPackage+"/slogbridge.")
	more := map[uintptr]bool{pc: is}
	if known != nil {
		maps.Copy(more, *known)
	}
	own.CompareAndSwap(known, &more) // or the next one adds it
	return is
}

const loggerPackage = "github.com/justcy/go-micro/v4/logger"
