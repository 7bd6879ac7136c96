// Package probe looks whether an idle connection is still good without a
// goroutine that waits on it.
package probe
