//go:build !unix && !windows

package mdns

import "syscall"

// shareAddress does nothing where ports cannot be shared.
func shareAddress(_, _ string, _ syscall.RawConn) error { return nil }

// ignoreMember does nothing where joining twice has no error of its own.
func ignoreMember(err error) error { return err }
