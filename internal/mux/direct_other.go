//go:build !unix

package mux

import (
	"net"
	"time"
)

// directWriter does not exist on systems without a write that never waits.
type directWriter struct{}

func newDirectWriter(net.Conn) *directWriter { return nil }

func (*directWriter) add([]byte)                                      {}
func (*directWriter) writeAdded() (int, error)                        { return 0, nil }
func (*directWriter) wait(net.Conn, time.Duration, func() bool) error { return nil }
