// Bench measures this project beside its peers, in turns.
//
//	go run -C bench . -split                   everything, about a quarter of an hour
//	go run -C bench . -split -quick            the same in a minute and a half, rougher
//	go run -C bench . -quick                   client and server in one process
//	go run -C bench . -split -before /tmp/old  beside this project as it was
//	go run -C bench . -peer micro -case unary -callers 128 -size 128 -cpuprofile cpu.out
//	go run -C bench . -scale                   how costs grow with the work, of this project alone
//
// Every peer has the same handler, message and loop, and TCP over the loopback
// interface between client and server. Numbers are medians of several rounds,
// in which the peers take turns.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/justcy/go-micro/v4/logger"
)

// quickTime is how long a quick run may measure.
var quickTime = map[form]time.Duration{oneProcess: 34 * time.Second, twoProcesses: 70 * time.Second}

// flags are the command line.
type flags struct {
	quick, json   bool
	split, worker bool
	scale         bool
	before        string
	report        string
	peer, name    string
	callers, size int
	rounds        int
	slice         time.Duration
	profiles      profiles
}

func parse(args []string, stderr io.Writer) (flags, error) {
	var f flags
	set := flag.NewFlagSet("bench", flag.ContinueOnError)
	set.SetOutput(stderr)
	set.BoolVar(&f.quick, "quick", false, "finish within 45 seconds, with -split within 90")
	set.BoolVar(&f.json, "json", false, "print one JSON object a row")
	set.BoolVar(&f.split, "split", false, "run the client and the server of each peer in a process each")
	set.BoolVar(&f.scale, "scale", false, "measure how the costs of this project's parts grow with the work")
	set.StringVar(&f.before, "before", "", "with -split, measure this project also as it was in this `binary`, a build of an older bench")
	set.BoolVar(&f.worker, "worker", false, "take requests from another bench on standard input")
	set.StringVar(&f.report, "report", "", "write Markdown and a chart into this `folder`")
	set.StringVar(&f.peer, "peer", "", "measure these peers only: `names`, divided by commas")
	set.StringVar(&f.name, "case", "", "measure these cases only: `names`, divided by commas")
	set.IntVar(&f.callers, "callers", 0, "measure with this number of callers only")
	set.IntVar(&f.size, "size", 0, "measure with bodies of this many bytes only")
	set.IntVar(&f.rounds, "rounds", 0, "rounds to take the median of (default 7, quick 3)")
	set.DurationVar(&f.slice, "slice", 0, "time of a peer in each round (default 400ms, quick at most 200ms)")
	set.StringVar(&f.profiles.cpu, "cpuprofile", "", "write a CPU profile of one peer to this `file`")
	set.StringVar(&f.profiles.memory, "memprofile", "", "write a profile of one peer's allocations to this `file`")
	if err := set.Parse(args); err != nil {
		return f, err
	}
	if set.NArg() > 0 {
		return f, fmt.Errorf("unknown argument %q", set.Arg(0))
	}
	return f, nil
}

// plan makes the plan that the flags ask for.
func (f flags) plan(stdout, stderr io.Writer) (*plan, error) {
	chosen, err := f.peers()
	if err != nil {
		return nil, err
	}
	cases, err := f.scenarios()
	if err != nil {
		return nil, err
	}
	if err := f.profilable(chosen, cases); err != nil {
		return nil, err
	}
	p := &plan{peers: chosen, scenarios: cases, form: oneProcess, rounds: 7, slice: 400 * time.Millisecond}
	if f.split {
		p.form, p.profiles = twoProcesses, f.profiles
	}
	if f.quick {
		p.rounds, p.slice, p.deadline = 3, 200*time.Millisecond, time.Now().Add(quickTime[p.form])
	}
	if f.rounds > 0 {
		p.rounds = f.rounds
	}
	if f.slice > 0 {
		p.slice = f.slice
	}
	p.progress = func(what string) { _, _ = fmt.Fprintln(stderr, what) } // only for who watches
	p.reports = f.reports(stdout)
	p.identity, err = newIdentity()
	return p, err
}

// scenarios are those the flags ask for.
func (f flags) scenarios() ([]scenario, error) {
	cases, err := choose(scenarios(f.quick), f.name, func(s scenario) string { return s.name })
	if err != nil {
		return nil, err
	}
	cases = slices.DeleteFunc(cases, func(s scenario) bool {
		return f.callers > 0 && s.callers != f.callers || f.size > 0 && s.size != f.size
	})
	if len(cases) == 0 {
		return nil, errors.New("no case has that size and that number of callers")
	}
	return cases, nil
}

// profilable reports what could not be told apart in a profile.
func (f flags) profilable(chosen []peer, cases []scenario) error {
	switch {
	case f.profiles == profiles{}:
		return nil
	case len(chosen) != 1:
		return errors.New("a profile is of one peer: name it with -peer")
	case f.split && len(cases) != 1:
		return errors.New("a profile of two processes is of one case: name it with -case, -callers and -size")
	}
	return nil
}

// peers are those the flags ask for.
func (f flags) peers() ([]peer, error) {
	chosen, err := choose(peers(), f.peer, func(p peer) string { return p.name })
	if err != nil || f.before == "" {
		return chosen, err
	}
	if !f.split {
		return nil, errors.New("-before needs -split")
	}
	before, err := beforePeer(f.before)
	at := 0
	if len(chosen) > 0 && chosen[0].name == ours {
		at = 1
	}
	return slices.Insert(chosen, at, before), err
}

func (f flags) reports(stdout io.Writer) []reporter {
	reports := []reporter{&textReport{w: stdout}}
	if f.json {
		reports = []reporter{jsonReport{stdout}}
	}
	if f.report != "" {
		reports = append(reports, &fileReport{folder: f.report})
	}
	return reports
}

// choose keeps what the list names, or everything if it is empty.
func choose[T any](all []T, list string, name func(T) string) ([]T, error) {
	if list == "" {
		return all, nil
	}
	var out []T
	for _, wanted := range strings.Split(list, ",") {
		before := len(out)
		for _, one := range all {
			if name(one) == wanted {
				out = append(out, one)
			}
		}
		if len(out) == before {
			return nil, fmt.Errorf("there is no %q", wanted)
		}
	}
	return out, nil
}

func run(args []string, stdout, stderr io.Writer) error {
	f, err := parse(args, stderr)
	if err != nil {
		return err
	}
	// Reports of each start and stop would disturb the table.
	if err := logger.DefaultLogger.Init(logger.WithLevel(logger.ErrorLevel)); err != nil {
		return err
	}
	if f.worker {
		return f.profiles.during(func() error { return work(os.Stdin, stdout, peers()) })
	}
	if f.scale {
		return f.profiles.during(func() error { return f.scaling(stdout, stderr) })
	}
	p, err := f.plan(stdout, stderr)
	if err != nil {
		return err
	}
	if f.split { // the workers profile themselves
		return p.run()
	}
	return f.profiles.during(p.run)
}

func main() {
	err := run(os.Args[1:], os.Stdout, os.Stderr)
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}
