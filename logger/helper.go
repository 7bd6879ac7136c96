package logger

import (
	"context"
	"os"
)

// DefaultHelper writes to DefaultLogger, also when that is replaced.
var DefaultHelper = NewHelper(nil)

// Helper gives a Logger a method for each level. It is safe for concurrent use
// when its logger is.
type Helper struct {
	logger Logger
}

// NewHelper returns a Helper for logger. When logger is nil, it writes to
// whatever DefaultLogger is at the time.
func NewHelper(logger Logger) *Helper {
	return &Helper{logger: logger}
}

// HelperOrDefault returns h, or DefaultHelper when h is nil.
func HelperOrDefault(h *Helper) *Helper {
	if h == nil {
		return DefaultHelper
	}
	return h
}

// Extract returns a Helper for the logger that ctx carries, or DefaultHelper.
func Extract(ctx context.Context) *Helper {
	if l, ok := FromContext(ctx); ok {
		return NewHelper(l)
	}
	return DefaultHelper
}

// Inject returns a context that carries the helper's logger.
func (h *Helper) Inject(ctx context.Context) context.Context {
	return NewContext(ctx, h.target())
}

// WithError returns a Helper that shows err in the field error.
func (h *Helper) WithError(err error) *Helper {
	return h.WithFields(map[string]any{"error": err})
}

// WithFields returns a Helper with these fields beside the present ones.
func (h *Helper) WithFields(fields map[string]any) *Helper {
	return NewHelper(h.target().Fields(fields))
}

func (h *Helper) target() Logger {
	return LoggerOrDefault(h.logger)
}

// Log writes at the given level.
func (h *Helper) Log(level Level, args ...any) {
	if l := h.target(); enabled(l, level) {
		l.Log(level, copied(args)...)
	}
}

// Logf writes at the given level.
func (h *Helper) Logf(level Level, template string, args ...any) {
	if l := h.target(); enabled(l, level) {
		l.Logf(level, template, copied(args)...)
	}
}

// Trace writes at TraceLevel.
func (h *Helper) Trace(args ...any) {
	if l := h.target(); enabled(l, TraceLevel) {
		l.Log(TraceLevel, copied(args)...)
	}
}

// Tracef writes at TraceLevel.
func (h *Helper) Tracef(template string, args ...any) {
	if l := h.target(); enabled(l, TraceLevel) {
		l.Logf(TraceLevel, template, copied(args)...)
	}
}

// Debug writes at DebugLevel.
func (h *Helper) Debug(args ...any) {
	if l := h.target(); enabled(l, DebugLevel) {
		l.Log(DebugLevel, copied(args)...)
	}
}

// Debugf writes at DebugLevel.
func (h *Helper) Debugf(template string, args ...any) {
	if l := h.target(); enabled(l, DebugLevel) {
		l.Logf(DebugLevel, template, copied(args)...)
	}
}

// Info writes at InfoLevel.
func (h *Helper) Info(args ...any) {
	if l := h.target(); enabled(l, InfoLevel) {
		l.Log(InfoLevel, copied(args)...)
	}
}

// Infof writes at InfoLevel.
func (h *Helper) Infof(template string, args ...any) {
	if l := h.target(); enabled(l, InfoLevel) {
		l.Logf(InfoLevel, template, copied(args)...)
	}
}

// Warn writes at WarnLevel.
func (h *Helper) Warn(args ...any) {
	if l := h.target(); enabled(l, WarnLevel) {
		l.Log(WarnLevel, copied(args)...)
	}
}

// Warnf writes at WarnLevel.
func (h *Helper) Warnf(template string, args ...any) {
	if l := h.target(); enabled(l, WarnLevel) {
		l.Logf(WarnLevel, template, copied(args)...)
	}
}

// Error writes at ErrorLevel.
func (h *Helper) Error(args ...any) {
	if l := h.target(); enabled(l, ErrorLevel) {
		l.Log(ErrorLevel, copied(args)...)
	}
}

// Errorf writes at ErrorLevel.
func (h *Helper) Errorf(template string, args ...any) {
	if l := h.target(); enabled(l, ErrorLevel) {
		l.Logf(ErrorLevel, template, copied(args)...)
	}
}

// Fatal writes at FatalLevel and ends the program with status 1. It does
// nothing when FatalLevel is not shown.
func (h *Helper) Fatal(args ...any) {
	if l := h.target(); enabled(l, FatalLevel) {
		l.Log(FatalLevel, copied(args)...)
		os.Exit(exitFailure)
	}
}

// Fatalf writes at FatalLevel and ends the program with status 1. It does
// nothing when FatalLevel is not shown.
func (h *Helper) Fatalf(template string, args ...any) {
	if l := h.target(); enabled(l, FatalLevel) {
		l.Logf(FatalLevel, template, copied(args)...)
		os.Exit(exitFailure)
	}
}
