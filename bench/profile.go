package main

import (
	"errors"
	"os"
	"runtime"
	"runtime/pprof"
)

// profiles writes the profiles of a run to files.
type profiles struct{ cpu, memory string }

// allocationRate is one sample for so many bytes allocated.
const allocationRate = 4096

// during runs the function with the profiles on that have a file.
func (p profiles) during(run func() error) (err error) {
	if p.memory != "" {
		before := runtime.MemProfileRate
		runtime.MemProfileRate = allocationRate
		defer func() {
			runtime.MemProfileRate = before
			err = errors.Join(err, writeFile(p.memory, pprof.Lookup("allocs")))
		}()
	}
	if p.cpu == "" {
		return run()
	}
	file, err := os.Create(p.cpu)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if err := pprof.StartCPUProfile(file); err != nil {
		return err
	}
	defer pprof.StopCPUProfile()
	return run()
}

func writeFile(name string, p *pprof.Profile) error {
	file, err := os.Create(name)
	if err != nil {
		return err
	}
	return errors.Join(p.WriteTo(file, 0), file.Close())
}
