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
	ctx    context.Context // whose request is shown in the fields; nil for none
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
	return &Helper{logger: h.target().Fields(fields), ctx: h.ctx}
}

func (h *Helper) target() Logger {
	if h.logger != nil {
		return h.logger
	}
	return h.defaultTarget()
}

// defaultTarget is the logger of the helper's context, or else DefaultLogger.
func (h *Helper) defaultTarget() Logger {
	if h.ctx != nil {
		if l, ok := FromContext(h.ctx); ok {
			return l
		}
	}
	return DefaultLogger
}

// fielded returns l with the fields of the helper's context.
func (h *Helper) fielded(l Logger) Logger {
	if h.ctx == nil {
		return l
	}
	if fields := FieldsOf(h.ctx); len(fields) > 0 {
		return l.Fields(fields)
	}
	return l
}

// Log writes at the given level.
func (h *Helper) Log(level Level, args ...any) {
	if l := h.target(); enabled(l, level) {
		h.fielded(l).Log(level, copied(args)...)
	}
}

// Logf writes at the given level.
func (h *Helper) Logf(level Level, template string, args ...any) {
	if l := h.target(); enabled(l, level) {
		h.fielded(l).Logf(level, template, copied(args)...)
	}
}

// Trace writes at TraceLevel.
func (h *Helper) Trace(args ...any) {
	if l := h.target(); enabled(l, TraceLevel) {
		h.fielded(l).Log(TraceLevel, copied(args)...)
	}
}

// Tracef writes at TraceLevel.
func (h *Helper) Tracef(template string, args ...any) {
	if l := h.target(); enabled(l, TraceLevel) {
		h.fielded(l).Logf(TraceLevel, template, copied(args)...)
	}
}

// Debug writes at DebugLevel.
func (h *Helper) Debug(args ...any) {
	if l := h.target(); enabled(l, DebugLevel) {
		h.fielded(l).Log(DebugLevel, copied(args)...)
	}
}

// Debugf writes at DebugLevel.
func (h *Helper) Debugf(template string, args ...any) {
	if l := h.target(); enabled(l, DebugLevel) {
		h.fielded(l).Logf(DebugLevel, template, copied(args)...)
	}
}

// Info writes at InfoLevel.
func (h *Helper) Info(args ...any) {
	if l := h.target(); enabled(l, InfoLevel) {
		h.fielded(l).Log(InfoLevel, copied(args)...)
	}
}

// Infof writes at InfoLevel.
func (h *Helper) Infof(template string, args ...any) {
	if l := h.target(); enabled(l, InfoLevel) {
		h.fielded(l).Logf(InfoLevel, template, copied(args)...)
	}
}

// Warn writes at WarnLevel.
func (h *Helper) Warn(args ...any) {
	if l := h.target(); enabled(l, WarnLevel) {
		h.fielded(l).Log(WarnLevel, copied(args)...)
	}
}

// Warnf writes at WarnLevel.
func (h *Helper) Warnf(template string, args ...any) {
	if l := h.target(); enabled(l, WarnLevel) {
		h.fielded(l).Logf(WarnLevel, template, copied(args)...)
	}
}

// Error writes at ErrorLevel.
func (h *Helper) Error(args ...any) {
	if l := h.target(); enabled(l, ErrorLevel) {
		h.fielded(l).Log(ErrorLevel, copied(args)...)
	}
}

// Errorf writes at ErrorLevel.
func (h *Helper) Errorf(template string, args ...any) {
	if l := h.target(); enabled(l, ErrorLevel) {
		h.fielded(l).Logf(ErrorLevel, template, copied(args)...)
	}
}

// Fatal writes at FatalLevel and ends the program with status 1. It does
// nothing when FatalLevel is not shown.
func (h *Helper) Fatal(args ...any) {
	if l := h.target(); enabled(l, FatalLevel) {
		h.fielded(l).Log(FatalLevel, copied(args)...)
		os.Exit(exitFailure)
	}
}

// Fatalf writes at FatalLevel and ends the program with status 1. It does
// nothing when FatalLevel is not shown.
func (h *Helper) Fatalf(template string, args ...any) {
	if l := h.target(); enabled(l, FatalLevel) {
		h.fielded(l).Logf(FatalLevel, template, copied(args)...)
		os.Exit(exitFailure)
	}
}
