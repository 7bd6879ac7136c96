package main

import (
	"errors"
	"runtime"
	"time"
)

// A host holds a peer's server, its client with a load, or both.
type host struct {
	endpoint *endpoint
	session  session
	load     load
}

// serve starts the server and returns its address.
func (h *host) serve(p peer, s setup) (string, error) {
	e, err := p.serve(s)
	if err != nil {
		return "", err
	}
	h.endpoint = e
	return e.address, nil
}

// dial makes the client and the load of a scenario.
func (h *host) dial(p peer, s setup, sc scenario, address string) (err error) {
	if h.session, err = p.dial(s, address); err != nil {
		return err
	}
	h.load, err = newLoad(h.session, sc)
	return err
}

// run runs the load, and returns how long its calls took and what this process
// spent meanwhile.
func (h *host) run(d time.Duration) (latencies, usage, error) {
	if h.load == nil {
		return latencies{}, usage{}, errors.New("no load to run")
	}
	took := new(histogram)
	start := usageNow()
	err := h.load.run(d, took)
	return took.latencies(), usageNow().since(start), err
}

// collect frees what was left behind.
func (h *host) collect() error {
	runtime.GC()
	return nil
}

func (h *host) memory() (uint64, error) { return memoryInUse(), nil }

// close ends the client, then the server.
func (h *host) close() error {
	var errs []error
	if h.load != nil {
		errs = append(errs, h.load.close())
	}
	if h.session != nil {
		errs = append(errs, h.session.close())
	}
	if h.endpoint != nil {
		errs = append(errs, h.endpoint.close())
	}
	return errors.Join(errs...)
}
