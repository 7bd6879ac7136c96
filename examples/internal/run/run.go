// Package run spares the examples the same thirty lines: it runs a service and
// a caller of it in one process, and ends both.
package run

import (
	"context"

	"github.com/justcy/go-micro/v4"
)

// Service runs a service of the given name with what register adds to it,
// lets use call it from a second service, and stops the first one.
func Service(name string, register, use func(micro.Service) error, opts ...micro.Option) error {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()

	started := make(chan struct{})
	service := micro.NewService(append([]micro.Option{
		micro.Name(name),
		micro.Context(ctx),
		micro.AfterStart(func() error { close(started); return nil }),
	}, opts...)...)
	service.Init()
	if err := register(service); err != nil {
		return err
	}
	stopped := make(chan error, 1)
	go func() { stopped <- service.Run() }()
	select {
	case <-started:
	case err := <-stopped:
		return err
	}
	err := use(micro.NewService(micro.Name(name + ".client")))
	stop()
	if stopErr := <-stopped; err == nil {
		err = stopErr
	}
	return err
}

// All runs services that were made, calls use while they can be called, and stops
// them.
func All(use func() error, services ...micro.Service) error {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	stopped := make(chan error, len(services))
	running := 0
	err := func() error {
		for _, s := range services {
			started := make(chan struct{})
			s.Init(micro.Context(ctx), micro.AfterStart(func() error { close(started); return nil }))
			running++
			go func() { stopped <- s.Run() }()
			select {
			case <-started:
			case err := <-stopped:
				running--
				return err
			}
		}
		return use()
	}()
	stop()
	for range running {
		if stopErr := <-stopped; err == nil {
			err = stopErr
		}
	}
	return err
}
