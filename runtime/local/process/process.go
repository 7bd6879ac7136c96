// Package process starts and ends processes.
package process

import (
	"io"
	"time"

	"github.com/justcy/go-micro/v4/runtime/local/build"
)

// Process runs executables.
type Process interface {
	// Exec runs an executable to its end. What it writes is dropped.
	Exec(*Executable) error
	// Fork starts an executable and returns while it runs.
	Fork(*Executable) (*PID, error)
	// Kill asks a process to end, and what it has started. What does not within
	// the grace period is killed. Wait tells when the process has ended.
	Kill(*PID) error
	// Wait waits for a process to end. The error is nil for exit status 0 and
	// else says how it ended. A process is waited for once.
	Wait(*PID) error
}

// Executable is something to run.
type Executable struct {
	// Package whose Path is the executable.
	Package *build.Package
	// Env is added to the environment of this process, as NAME=value.
	Env []string
	// Args are the arguments.
	Args []string
	// Dir is the working directory; that of this process when empty.
	Dir string
}

// PID is a process that was started.
type PID struct {
	// ID is the process id in decimal.
	ID string
	// Input is written to the standard input of the process.
	Input io.Writer
	// Output is its standard output. It must be read, or the process waits.
	Output io.Reader
	// Error is its standard error. It must be read, or the process waits.
	Error io.Reader
}

// Options of a Process.
type Options struct {
	// GracePeriod is how long a process may take to end that is told to. 30
	// seconds when 0.
	GracePeriod time.Duration
}

// Option changes Options.
type Option func(o *Options)

// GracePeriod sets how long a process may take to end that is told to.
func GracePeriod(d time.Duration) Option {
	return func(o *Options) { o.GracePeriod = d }
}
