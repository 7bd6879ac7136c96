package web

import (
	"context"
	"fmt"
	"net"
	"time"

	"github.com/justcy/go-micro/v4/logger"
	"github.com/justcy/go-micro/v4/registry"
	"github.com/justcy/go-micro/v4/util/addr"
	"github.com/justcy/go-micro/v4/util/backoff"
)

// registerTries is how often one registration is tried.
const registerTries = 3

// record is what the registry is told.
func (s *service) record() (*registry.Service, error) {
	o := s.Options()
	s.mu.Lock()
	endpoints := append([]*registry.Endpoint(nil), s.endpoints...)
	s.mu.Unlock()
	address, err := advertised(o)
	if err != nil {
		return nil, err
	}
	return &registry.Service{
		Name:      o.Name,
		Version:   o.Version,
		Endpoints: endpoints,
		Nodes:     []*registry.Node{{Id: o.Id, Address: address, Metadata: o.Metadata}},
	}, nil
}

// advertised is the address at which others reach the service.
func advertised(o Options) (string, error) {
	address := o.Address
	if o.Advertise != "" {
		address = o.Advertise
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		host, port = address, "" // an address without a port
	}
	if host, err = addr.Extract(host); err != nil {
		return "", fmt.Errorf("web service %s: %w", o.Name, err)
	}
	if port == "" {
		return host, nil
	}
	return net.JoinHostPort(host, port), nil
}

// register registers the service, trying again for a while when that fails.
func (s *service) register(ctx context.Context) error {
	record, err := s.record()
	if err != nil {
		return err
	}
	o := s.Options()
	log := logger.LoggerOrDefault(o.Logger)
	if o.RegisterCheck != nil {
		if err := o.RegisterCheck(ctx); err != nil {
			log.Logf(logger.ErrorLevel, "web service %s: the check before registering: %v", o.Name, err)
			return err
		}
	}
	for try := range registerTries {
		if try > 0 && !pause(ctx, backoff.Do(try)) {
			return err
		}
		err = s.registry().Register(record, registry.RegisterTTL(o.RegisterTTL), registry.RegisterContext(ctx))
		if err == nil {
			return nil
		}
	}
	err = fmt.Errorf("register web service %s: %w", o.Name, err)
	log.Log(logger.ErrorLevel, err)
	return err
}

// pause waits, and reports false when ctx is done first.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// keepRegistered registers again and again until the run ends.
func (s *service) keepRegistered(r *run) {
	defer close(r.registered)
	for {
		interval := s.Options().RegisterInterval
		if interval <= 0 {
			<-r.ctx.Done()
			return
		}
		if !pause(r.ctx, interval) {
			return
		}
		_ = s.register(r.ctx) // it has logged its error, and is tried again
	}
}

func (s *service) deregister(ctx context.Context) error {
	record, err := s.record()
	if err == nil {
		err = s.registry().Deregister(record, registry.DeregisterContext(ctx))
	}
	if err != nil {
		return fmt.Errorf("deregister web service %s: %w", s.Options().Name, err)
	}
	return nil
}
