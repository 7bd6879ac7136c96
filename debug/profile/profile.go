// Package profile is the interface to profilers that run as long as a service
// does. The default does nothing; profile/http serves profiles over HTTP and
// profile/pprof writes them to files.
package profile

// DefaultProfile does nothing.
var DefaultProfile Profile = new(noop)

// Profile is a profiler. Start and Stop may be called concurrently and again
// and again; starting one that runs and stopping one that does not are no
// errors.
type Profile interface {
	// Start the profiler.
	Start() error
	// Stop the profiler, and with it everything Start began.
	Stop() error
	// String names the implementation.
	String() string
}

type noop struct{}

func (*noop) Start() error   { return nil }
func (*noop) Stop() error    { return nil }
func (*noop) String() string { return "noop" }
