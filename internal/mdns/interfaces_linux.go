package mdns

import (
	"errors"
	"os"
	"sync"
	"syscall"
	"time"
)

// Groups of rtnetlink that are told of links and addresses.
const interfaceGroups = 1<<(syscall.RTNLGRP_LINK-1) | 1<<(syscall.RTNLGRP_IPV4_IFADDR-1) | 1<<(syscall.RTNLGRP_IPV6_IFADDR-1)

// settling is how long changes that come together are waited for.
const settling = 100 * time.Millisecond

// watchInterfaces calls changed when the kernel tells of a change, until stop is
// called. It returns nil where the kernel tells nothing.
func watchInterfaces(changed func()) (stop func()) {
	socket, err := routeSocket()
	if err != nil {
		return nil
	}
	var reading sync.WaitGroup
	reading.Go(func() {
		buf := make([]byte, 1<<13)
		for {
			// What it says does not matter, nor that some of it may be lost.
			if _, err := socket.Read(buf); err != nil && !errors.Is(err, syscall.ENOBUFS) {
				return
			}
			time.Sleep(settling)
			changed()
		}
	})
	return func() {
		socket.Close()
		reading.Wait()
	}
}

func routeSocket() (*os.File, error) {
	fd, err := syscall.Socket(syscall.AF_NETLINK, syscall.SOCK_RAW|syscall.SOCK_CLOEXEC|syscall.SOCK_NONBLOCK, syscall.NETLINK_ROUTE)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	if err := syscall.Bind(fd, &syscall.SockaddrNetlink{Family: syscall.AF_NETLINK, Groups: interfaceGroups}); err != nil {
		syscall.Close(fd) //nolint:errcheck // of no use
		return nil, os.NewSyscallError("bind", err)
	}
	return os.NewFile(uintptr(fd), "rtnetlink"), nil
}
