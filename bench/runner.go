package main

import (
	"errors"
	"time"
)

// A form is in how many processes the two sides of a peer run.
type form int

const (
	oneProcess   form = 1
	twoProcesses form = 2
)

func (f form) String() string {
	if f == twoProcesses {
		return "Client and server in two processes"
	}
	return "Client and server in one process"
}

// A runner has a peer's server and client running, ready for a scenario.
type runner interface {
	// collect frees what was left behind, on both sides.
	collect() error
	// run runs the load for a while.
	run(time.Duration) (sample, error)
	// memory is what is in use after a collection, on both sides.
	memory() (uint64, error)
	close() error
}

// together runs both sides in this process.
type together struct{ host }

func startTogether(p peer, sc scenario, id *identity) (runner, error) {
	t := new(together)
	s := newSetup(sc, id)
	address, err := t.serve(p, s)
	if err == nil {
		err = t.dial(p, s, sc, address)
	}
	if err != nil {
		return nil, errors.Join(err, t.close())
	}
	return t, nil
}

func (t *together) run(d time.Duration) (sample, error) {
	took, spent, err := t.host.run(d)
	if err != nil {
		return sample{}, err
	}
	return newSample(took, spent), nil
}

// newSetup is what a scenario asks of a peer.
func newSetup(sc scenario, id *identity) setup {
	s := setup{callers: sc.callers}
	switch sc.name {
	case caseTLS:
		s.tls = id
	case caseHTTP1:
		s.http1 = true
	case caseIdle:
		s.callers = openers
	}
	return s
}
