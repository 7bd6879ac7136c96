// Package pprof writes a CPU and a heap profile to files in the directory for
// temporary files: cpu.pprof and mem.pprof, or NAME.cpu.pprof and
// NAME.mem.pprof for a profile with a name.
package pprof

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"strings"
	"sync"

	"github.com/justcy/go-micro/v4/debug/profile"
	"github.com/justcy/go-micro/v4/internal/options"
)

// NewProfile returns a profile that records the CPU from Start to Stop and
// writes the heap at Stop. It can be started again, and then replaces the
// files. Only one CPU profile can be recorded in a process at a time: starting
// another one is an error, and leaves the files alone.
func NewProfile(opts ...profile.Option) profile.Profile {
	options := options.Of(opts)
	return &files{
		cpuPath:  path(options.Name, "cpu.pprof"),
		heapPath: path(options.Name, "mem.pprof"),
	}
}

// path keeps names with separators within the directory.
func path(name, kind string) string {
	if name != "" {
		kind = strings.NewReplacer("/", "-", `\`, "-").Replace(name) + "." + kind
	}
	return filepath.Join(os.TempDir(), kind)
}

type files struct {
	cpuPath  string
	heapPath string

	mu   sync.Mutex // guards the process's profiler as well: held while files are written
	cpu  *output    // nil when stopped
	heap *os.File
}

// output is a file that remembers what went wrong: the profiler writes the CPU
// profile in the background and tells nobody.
type output struct {
	file *os.File
	mu   sync.Mutex
	err  error // of the first write that failed
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	n, err := o.file.Write(p)
	if o.err == nil {
		o.err = err
	}
	return n, err
}

// Close closes the file and returns the first error it ever had.
func (o *output) Close() error {
	return errors.Join(o.err, o.file.Close())
}

func (f *files) String() string { return "pprof" }

func (f *files) Start() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.cpu != nil {
		return nil
	}
	file, err := open(f.cpuPath)
	if err != nil {
		return fmt.Errorf("start cpu profile: %w", err)
	}
	cpu := &output{file: file}
	heap, err := open(f.heapPath)
	if err != nil {
		return errors.Join(fmt.Errorf("start heap profile: %w", err), cpu.Close())
	}
	cpu.mu.Lock() // nothing is written before the old profiles are gone
	defer cpu.mu.Unlock()
	if err := pprof.StartCPUProfile(cpu); err != nil {
		return errors.Join(fmt.Errorf("start cpu profile: %w", err), cpu.Close(), heap.Close())
	}
	f.cpu, f.heap = cpu, heap
	_, _ = file.Truncate(0), heap.Truncate(0) // a device cannot be, and need not
	return nil
}

// open opens a file and leaves in it what it has: that may be the profile that
// another one is recording, or the last one that was recorded.
func open(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_WRONLY|os.O_CREATE, 0o666)
}

func (f *files) Stop() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.cpu == nil {
		return nil
	}
	pprof.StopCPUProfile()
	runtime.GC() // so that the heap profile is of now
	err := errors.Join(
		wrap("write cpu profile", f.cpu.Close()),
		wrap("write heap profile", pprof.WriteHeapProfile(f.heap)),
		wrap("write heap profile", f.heap.Close()),
	)
	f.cpu, f.heap = nil, nil
	return err
}

func wrap(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", what, err)
}
