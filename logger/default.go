package logger

import (
	"context"
	"fmt"
	"maps"
	"math"
	"os"
	"reflect"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/justcy/go-micro/v4/debug/log"
	"github.com/justcy/go-micro/v4/internal/options"
)

// timeLayout is the layout of the time that begins a line.
const timeLayout = "2006-01-02 15:04:05"

// defaultLogger writes lines of text. Its options are a snapshot that is
// replaced as a whole, so logging takes no lock but the output's.
type defaultLogger struct {
	mu    sync.Mutex // serialises Init
	opts  atomic.Pointer[Options]
	least atomic.Int32 // levels below it are not shown, whatever else is to be done
	out   *sync.Mutex  // serialises writes of this logger and those made from it
	used  func()       // called before the first use; nil for most loggers
}

// NewLogger returns a logger that writes lines of text. By default it shows
// info and worse, on the standard error stream.
func NewLogger(opts ...Option) Logger {
	l := newDefaultLogger(&Options{
		Level:           InfoLevel,
		Out:             os.Stderr,
		CallerSkipCount: ownCalls,
		Context:         context.Background(),
	}, new(sync.Mutex), nil)
	l.apply(opts)
	return l
}

func newDefaultLogger(o *Options, out *sync.Mutex, used func()) *defaultLogger {
	l := &defaultLogger{out: out, used: used}
	l.store(o)
	return l
}

// store puts options into use.
func (l *defaultLogger) store(o *Options) {
	l.opts.Store(o)
	if l.used == nil {
		l.least.Store(int32(o.Level))
	} else {
		l.least.Store(math.MinInt32)
	}
}

// Init changes the options that are given and leaves the others. It never
// fails.
func (l *defaultLogger) Init(opts ...Option) error {
	l.apply(opts)
	return nil
}

func (l *defaultLogger) apply(opts []Option) {
	l.mu.Lock()
	defer l.mu.Unlock()
	o := l.Options()
	options.To(&o, opts)
	l.store(&o)
}

// Options returns a copy of the options, the fields included.
func (l *defaultLogger) Options() Options {
	o := *l.opts.Load()
	fields := make(map[string]any, len(o.Fields))
	maps.Copy(fields, o.Fields)
	o.Fields = fields
	return o
}

// Fields returns a logger with more fields that shares the output.
func (l *defaultLogger) Fields(fields map[string]any) Logger {
	o := l.Options()
	maps.Copy(o.Fields, fields)
	return newDefaultLogger(&o, l.out, l.used)
}

// Enabled reports whether records of this level are shown.
func (l *defaultLogger) Enabled(level Level) bool {
	if l.used != nil {
		l.used()
	}
	return l.opts.Load().Level.Enabled(level)
}

func (l *defaultLogger) String() string {
	return "default"
}

func (l *defaultLogger) Log(level Level, v ...any) {
	if l.Enabled(level) {
		o := l.opts.Load()
		l.write(o, o.record(level, fmt.Sprint(v...)))
	}
}

func (l *defaultLogger) Logf(level Level, format string, v ...any) {
	if l.Enabled(level) {
		o := l.opts.Load()
		l.write(o, o.record(level, fmt.Sprintf(format, v...)))
	}
}

// Record shows a record that was made elsewhere: see [Recorder].
func (l *defaultLogger) Record(level Level, r log.Record) {
	if !l.Enabled(level) {
		return
	}
	o := l.opts.Load()
	metadata := make(map[string]string, len(o.Fields)+len(r.Metadata)+1)
	for k, v := range o.Fields {
		metadata[k] = fmt.Sprint(v)
	}
	maps.Copy(metadata, r.Metadata)
	metadata["level"] = level.String()
	r.Metadata, r.Message = metadata, fmt.Sprint(r.Message)
	if r.Timestamp.IsZero() {
		r.Timestamp = time.Now()
	}
	l.write(o, r)
}

// record makes the record of a message.
func (o *Options) record(level Level, message string) log.Record {
	metadata := make(map[string]string, len(o.Fields)+2)
	for k, v := range o.Fields {
		metadata[k] = fmt.Sprint(v)
	}
	metadata["level"] = level.String()
	if file, line, ok := caller(o.CallerSkipCount - ownCalls); ok {
		metadata["file"] = shortPath(file) + ":" + strconv.Itoa(line)
	}
	return log.Record{Timestamp: time.Now(), Metadata: metadata, Message: message}
}

// ownCalls is the part of a CallerSkipCount that stands for this package, however
// many calls of its own there are.
const ownCalls = 2

// maxDepth is how many calls are looked through for the caller.
const maxDepth = 32

// inThisPackage begins the names of this package's functions.
var inThisPackage = reflect.TypeFor[Options]().PkgPath() + "."

// caller returns the line that called this package or, when more is positive, a
// line as many calls above it.
func caller(more int) (file string, line int, ok bool) {
	var counters [maxDepth]uintptr
	frames := runtime.CallersFrames(counters[:runtime.Callers(2, counters[:])])
	for {
		frame, another := frames.Next()
		if !strings.HasPrefix(frame.Function, inThisPackage) {
			if more <= 0 {
				return frame.File, frame.Line, frame.File != ""
			}
			more--
		}
		if !another {
			return "", 0, false
		}
	}
}

// shortPath returns the last folder and the file name of a path.
func shortPath(path string) string {
	i := strings.LastIndexByte(path, '/')
	if i < 0 {
		return path
	}
	return path[strings.LastIndexByte(path[:i], '/')+1:]
}

// write keeps the record and shows it. A failing output has nowhere to be
// reported to.
func (l *defaultLogger) write(o *Options, r log.Record) {
	_ = log.DefaultLog.Write(r)
	if o.Out == nil {
		return
	}
	line := formatLine(r)
	l.out.Lock()
	defer l.out.Unlock()
	_, _ = o.Out.Write(line)
}

// formatLine formats a record as time, two spaces, fields by name, and message.
func formatLine(r log.Record) []byte {
	message, _ := r.Message.(string)
	line := make([]byte, 0, 128+len(message))
	line = r.Timestamp.AppendFormat(line, timeLayout)
	line = append(line, ' ')
	for _, k := range slices.Sorted(maps.Keys(r.Metadata)) {
		line = append(line, ' ')
		line = append(line, k...)
		line = append(line, '=')
		line = append(line, r.Metadata[k]...)
	}
	line = append(line, ' ')
	line = append(line, message...)
	return append(line, '\n')
}
