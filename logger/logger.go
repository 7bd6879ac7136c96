// Package logger is the log of the framework and of services that want the
// same one.
//
// The package functions write to [DefaultLogger], which shows info and worse
// unless the environment variable MICRO_LOG_LEVEL names another level, trace,
// debug, info, warn, error or fatal, in upper or lower case:
//
//	logger.Infof("listening on %s", addr)
//	logger.Fields(map[string]any{"topic": topic}).Log(logger.WarnLevel, "slow subscriber")
//
// A line holds the time, the fields and the message, and goes to the logger's
// output with one Write: the standard error stream, unless [WithOutput] sets
// another. (go-micro v4 wrote to the standard output, whatever was set.) Whatever
// is shown is also kept in debug/log, where the debug handler reads it.
//
// In a handler, [For] gives a logger whose records tell the service, the endpoint
// and the trace of the request.
//
// Another log library takes over by implementing [Logger] and being assigned to
// DefaultLogger at the start of a program; package logger/slogbridge does so for
// every handler of log/slog.
package logger

import "github.com/justcy/go-micro/v4/debug/log"

// DefaultLogger is what the package functions write to, and what everything
// uses that is given no logger. Assign it before the first use only.
var DefaultLogger Logger = newFromEnvironment()

// Logger writes log records. It must be safe for concurrent use; records that
// are being written while Init runs may show the former options.
type Logger interface {
	// Init changes the options that are given and leaves the others.
	Init(options ...Option) error
	// Options returns a copy of the options.
	Options() Options
	// Fields returns a logger with these fields beside its own, and otherwise
	// the same options.
	Fields(fields map[string]any) Logger
	// Log shows a record, if level is enabled, with a message printed as
	// fmt.Sprint does.
	Log(level Level, v ...any)
	// Logf shows a record, if level is enabled, with a message formatted as
	// fmt.Sprintf does. The message of a level that is not shown is not
	// formatted.
	Logf(level Level, format string, v ...any)
	// String names the implementation.
	String() string
}

// Recorder is optionally implemented by a Logger that can show records made
// elsewhere, by another log library for example. That of this package does.
type Recorder interface {
	// Record shows a record, if level is enabled, with its own time, message and
	// metadata, and with the fields of the logger besides.
	Record(level Level, r log.Record)
}

// Init changes options of DefaultLogger.
func Init(opts ...Option) error {
	return DefaultLogger.Init(opts...)
}

// Fields returns a logger with the options of DefaultLogger and more fields.
func Fields(fields map[string]any) Logger {
	return DefaultLogger.Fields(fields)
}

// Log writes to DefaultLogger; see [Logger].
func Log(level Level, v ...any) {
	DefaultLogger.Log(level, v...)
}

// Logf writes to DefaultLogger; see [Logger].
func Logf(level Level, format string, v ...any) {
	DefaultLogger.Logf(level, format, v...)
}

// String names the implementation of DefaultLogger.
func String() string {
	return DefaultLogger.String()
}

// LoggerOrDefault returns l, or DefaultLogger when l is nil.
func LoggerOrDefault(l Logger) Logger {
	if l == nil {
		return DefaultLogger
	}
	return l
}
