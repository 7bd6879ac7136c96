//go:build !unix

package mux

import "net"

// directWriter does not exist on systems without a write that never waits.
type directWriter struct{}

func newDirectWriter(net.Conn) *directWriter { return nil }

func (*directWriter) write([]byte) (int, error)         { return 0, nil }
func (*directWriter) add([]byte)                        {}
func (*directWriter) writeAdded() (int, error)          { return 0, nil }
func (*directWriter) appendLeft(b []byte, n int) []byte { return b }
func (*directWriter) clear()                            {}
