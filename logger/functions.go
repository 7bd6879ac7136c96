package logger

import "os"

// exitFailure is the exit status of a program that ends with Fatal.
const exitFailure = 1

// copied returns a copy of args. Since the originals then go no further, the
// compiler keeps them on the stack, and a level that is not shown allocates
// nothing.
func copied(args []any) []any {
	return append([]any(nil), args...)
}

// Trace writes to DefaultLogger at TraceLevel.
func Trace(args ...any) {
	if l := DefaultLogger; enabled(l, TraceLevel) {
		l.Log(TraceLevel, copied(args)...)
	}
}

// Tracef writes to DefaultLogger at TraceLevel.
func Tracef(template string, args ...any) {
	if l := DefaultLogger; enabled(l, TraceLevel) {
		l.Logf(TraceLevel, template, copied(args)...)
	}
}

// Debug writes to DefaultLogger at DebugLevel.
func Debug(args ...any) {
	if l := DefaultLogger; enabled(l, DebugLevel) {
		l.Log(DebugLevel, copied(args)...)
	}
}

// Debugf writes to DefaultLogger at DebugLevel.
func Debugf(template string, args ...any) {
	if l := DefaultLogger; enabled(l, DebugLevel) {
		l.Logf(DebugLevel, template, copied(args)...)
	}
}

// Info writes to DefaultLogger at InfoLevel.
func Info(args ...any) {
	if l := DefaultLogger; enabled(l, InfoLevel) {
		l.Log(InfoLevel, copied(args)...)
	}
}

// Infof writes to DefaultLogger at InfoLevel.
func Infof(template string, args ...any) {
	if l := DefaultLogger; enabled(l, InfoLevel) {
		l.Logf(InfoLevel, template, copied(args)...)
	}
}

// Warn writes to DefaultLogger at WarnLevel.
func Warn(args ...any) {
	if l := DefaultLogger; enabled(l, WarnLevel) {
		l.Log(WarnLevel, copied(args)...)
	}
}

// Warnf writes to DefaultLogger at WarnLevel.
func Warnf(template string, args ...any) {
	if l := DefaultLogger; enabled(l, WarnLevel) {
		l.Logf(WarnLevel, template, copied(args)...)
	}
}

// Error writes to DefaultLogger at ErrorLevel.
func Error(args ...any) {
	if l := DefaultLogger; enabled(l, ErrorLevel) {
		l.Log(ErrorLevel, copied(args)...)
	}
}

// Errorf writes to DefaultLogger at ErrorLevel.
func Errorf(template string, args ...any) {
	if l := DefaultLogger; enabled(l, ErrorLevel) {
		l.Logf(ErrorLevel, template, copied(args)...)
	}
}

// Fatal writes to DefaultLogger at FatalLevel and ends the program with status
// 1. It is for programs; the framework does not call it.
func Fatal(args ...any) {
	DefaultLogger.Log(FatalLevel, args...)
	os.Exit(exitFailure)
}

// Fatalf writes to DefaultLogger at FatalLevel and ends the program with status
// 1. It is for programs; the framework does not call it.
func Fatalf(template string, args ...any) {
	DefaultLogger.Logf(FatalLevel, template, args...)
	os.Exit(exitFailure)
}
