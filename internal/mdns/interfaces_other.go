//go:build !linux

package mdns

// watchInterfaces calls changed when interfaces have changed, until stop is called.
func watchInterfaces(changed func()) (stop func()) { return pollInterfaces(changed) }
