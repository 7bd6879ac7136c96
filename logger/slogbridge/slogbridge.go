// Package slogbridge joins package logger and log/slog, in both directions.
//
// A service logs with any handler of log/slog when its logger is made of one:
//
//	handler := slog.NewJSONHandler(os.Stderr, nil)
//	logger.DefaultLogger = slogbridge.NewLogger(handler)
//
// and code that uses log/slog logs with the logger of a service through a handler
// that is made of that:
//
//	slog.SetDefault(slog.New(slogbridge.NewHandler(service.Options().Logger)))
//
// What a handler of slog shows is not kept for Debug.Log, unless it is given to
// [NewLogHandler] as well:
//
//	slogbridge.NewLogger(slog.NewMultiHandler(handler, slogbridge.NewLogHandler(log.DefaultLog)))
//
// Levels correspond by name; trace is slog's debug-4, and fatal its error+4.
//
// It is a package of its own because log/slog adds 100 KB to a program.
package slogbridge

import (
	"log/slog"

	"github.com/justcy/go-micro/v4/logger"
)

// levelStep is the distance of two levels of slog.
const levelStep = slog.LevelInfo - slog.LevelDebug

// toSlog returns the level of slog.
func toSlog(l logger.Level) slog.Level { return slog.Level(l) * levelStep }

// fromSlog returns the level that is at most l: what is between two levels is
// less serious than the higher one.
func fromSlog(l slog.Level) logger.Level {
	l = min(max(l, toSlog(logger.TraceLevel)), toSlog(logger.FatalLevel))
	down := l / levelStep
	if l%levelStep < 0 {
		down--
	}
	return logger.Level(down)
}
