package logger

import (
	"fmt"
	"os"
	"strings"
	"sync"
)

// Level says how serious a record is. A logger shows its own level and worse.
type Level int8

const (
	// TraceLevel is for following single steps.
	TraceLevel Level = iota - 2
	// DebugLevel is for finding out why.
	DebugLevel
	// InfoLevel is for what an operator wants to know. It is the default.
	InfoLevel
	// WarnLevel is for what may need attention.
	WarnLevel
	// ErrorLevel is for what went wrong.
	ErrorLevel
	// FatalLevel is for what ends the program.
	FatalLevel
)

// levelVariable is the environment variable with the level of DefaultLogger.
const levelVariable = "MICRO_LOG_LEVEL"

var levelNames = map[Level]string{
	TraceLevel: "trace",
	DebugLevel: "debug",
	InfoLevel:  "info",
	WarnLevel:  "warn",
	ErrorLevel: "error",
	FatalLevel: "fatal",
}

// String returns the level's name in lower case, empty for an unknown level.
func (l Level) String() string {
	return levelNames[l]
}

// Enabled reports whether a logger of level l shows records of level lvl.
func (l Level) Enabled(lvl Level) bool {
	return lvl >= l
}

// GetLevel returns the level with this name, in upper or lower case. Any other
// name gives InfoLevel and an error.
func GetLevel(levelStr string) (Level, error) {
	for level, name := range levelNames {
		if strings.EqualFold(name, levelStr) {
			return level, nil
		}
	}
	return InfoLevel, fmt.Errorf("unknown log level %q: use trace, debug, info, warn, error or fatal", levelStr)
}

// LevelFromEnvironment returns the level that the environment variable
// MICRO_LOG_LEVEL names, InfoLevel when it is not set. The error is that of
// GetLevel, and names the variable.
func LevelFromEnvironment() (Level, error) {
	name := os.Getenv(levelVariable)
	if name == "" {
		return InfoLevel, nil
	}
	level, err := GetLevel(name)
	if err != nil {
		err = fmt.Errorf("environment variable %s: %w", levelVariable, err)
	}
	return level, err
}

// newFromEnvironment returns a logger with the level of the environment. If that
// is unknown, the standard error stream is told when the logger is first used:
// the Init of a service, which comes before, refuses to go on.
func newFromEnvironment() Logger {
	level, err := LevelFromEnvironment()
	l := NewLogger(WithLevel(level)).(*defaultLogger)
	if err != nil {
		return newDefaultLogger(l.opts.Load(), l.out, sync.OnceFunc(func() { fmt.Fprintln(os.Stderr, err) }))
	}
	return l
}

// V reports whether log, or DefaultLogger when it is nil, shows level. Use it
// before work that only a record needs.
func V(level Level, log Logger) bool {
	return enabled(LoggerOrDefault(log), level)
}

// enabler is what a Logger implements to answer a level check without copying
// its Options.
type enabler interface {
	Enabled(level Level) bool
}

// enabled reports whether log shows level. That a logger of this package does not
// takes a comparison to see.
func enabled(log Logger, level Level) bool {
	if own, ok := log.(*defaultLogger); ok && int32(level) < own.least.Load() {
		return false
	}
	return shows(log, level)
}

func shows(log Logger, level Level) bool {
	if e, ok := log.(enabler); ok {
		return e.Enabled(level)
	}
	return log.Options().Level.Enabled(level)
}
