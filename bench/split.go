package main

import (
	"errors"
	"os"
	"time"
)

// split runs the two sides of a peer in a process each.
type split struct {
	server, client *process
}

func startSplit(p peer, sc scenario, id *identity, profiled profiles) (_ runner, err error) {
	binary, name := p.binary, ours
	if binary == "" {
		name = p.name
		if binary, err = os.Executable(); err != nil {
			return nil, err
		}
	}
	s := new(split)
	r := request{Do: doServe, Peer: name, Case: sc.name, Callers: sc.callers, Size: sc.size}
	if sc.name == caseTLS {
		r.Identity = &id.keyPair
	}
	if err := s.start(binary, r, profiled); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

func (s *split) start(binary string, r request, profiled profiles) (err error) {
	if s.server, err = startProcess(binary, profiled.of("server").flags()...); err != nil {
		return err
	}
	served, err := s.server.ask(r)
	if err != nil {
		return err
	}
	if s.client, err = startProcess(binary, profiled.of("client").flags()...); err != nil {
		return err
	}
	r.Do, r.Address = doDial, served.Address
	_, err = s.client.ask(r)
	return err
}

// both asks the server, then the client.
func (s *split) both(r request) (server, client reply, err error) {
	if server, err = s.server.ask(r); err != nil {
		return server, client, err
	}
	client, err = s.client.ask(r)
	return server, client, err
}

func (s *split) collect() error {
	_, _, err := s.both(request{Do: doCollect})
	return err
}

// run counts at the server what it has used around the time of the load. The
// time itself is taken by the client.
func (s *split) run(d time.Duration) (sample, error) {
	before, err := s.server.ask(request{Do: doUsage})
	if err != nil {
		return sample{}, err
	}
	ran, err := s.client.ask(request{Do: doRun, Duration: d})
	if err != nil {
		return sample{}, err
	}
	after, err := s.server.ask(request{Do: doUsage})
	if err != nil {
		return sample{}, err
	}
	return newSample(ran.Took, ran.Usage.with(after.Usage.since(before.Usage))), nil
}

func (s *split) memory() (uint64, error) {
	server, client, err := s.both(request{Do: doMemory})
	return server.Memory + client.Memory, err
}

// close ends the client, then the server.
func (s *split) close() error {
	var errs []error
	for _, p := range []*process{s.client, s.server} {
		if p != nil {
			errs = append(errs, p.close())
		}
	}
	return errors.Join(errs...)
}
