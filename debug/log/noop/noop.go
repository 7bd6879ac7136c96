// Package noop is a log that keeps nothing.
package noop

import "github.com/justcy/go-micro/v4/debug/log"

type noop struct{}

// NewLog returns a log whose methods do nothing: Read and Stream return nil, a
// stream included, so check it before use.
func NewLog(...log.Option) log.Log {
	return noop{}
}

func (noop) Read(...log.ReadOption) ([]log.Record, error) { return nil, nil }

func (noop) Write(log.Record) error { return nil }

func (noop) Stream() (log.Stream, error) { return nil, nil }
