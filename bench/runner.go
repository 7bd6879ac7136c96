package main

import (
	"errors"
	"time"
)

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

// A starter makes a runner.
type starter func(peer, scenario, *identity) (runner, error)

// oneProcess runs both sides in this process.
type oneProcess struct{ host }

func startOneProcess(p peer, sc scenario, id *identity) (runner, error) {
	one := new(oneProcess)
	s := newSetup(sc, id)
	address, err := one.serve(p, s)
	if err == nil {
		err = one.dial(p, s, sc, address)
	}
	if err != nil {
		return nil, errors.Join(err, one.close())
	}
	return one, nil
}

func (o *oneProcess) run(d time.Duration) (sample, error) {
	took, spent, err := o.host.run(d)
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
