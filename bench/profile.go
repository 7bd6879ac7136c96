package main

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"strings"
)

// profiles writes the profiles of a run to files.
type profiles struct{ cpu, memory string }

// allocationRate is one sample for so many bytes allocated.
const allocationRate = 4096

// of are the profiles of one of two processes, in files of its own.
func (p profiles) of(side string) profiles {
	own := func(file string) string {
		if file == "" {
			return ""
		}
		kind := filepath.Ext(file)
		return strings.TrimSuffix(file, kind) + "." + side + kind
	}
	return profiles{own(p.cpu), own(p.memory)}
}

// flags are the profiles on a command line.
func (p profiles) flags() []string {
	var out []string
	if p.cpu != "" {
		out = append(out, "-cpuprofile", p.cpu)
	}
	if p.memory != "" {
		out = append(out, "-memprofile", p.memory)
	}
	return out
}

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
