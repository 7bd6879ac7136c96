package main

import (
	"context"
	"fmt"
	"os"

	"github.com/justcy/go-micro/v4"
	"github.com/justcy/go-micro/v4/server"
)

// subscribe writes each number as a line of the file, by one system call, so
// that what was handled is on record even if the process is killed.
func subscribe(service micro.Service, s settings) error {
	file, err := os.OpenFile(s.file, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer file.Close()
	service.Init(micro.AfterStart(func() error { fmt.Println("subscribed"); return nil }))
	received := func(_ context.Context, n *int) error {
		_, err := fmt.Fprintln(file, *n)
		return err
	}
	if err := micro.RegisterSubscriber(s.topic, service.Server(), received, server.SubscriberQueue("workers")); err != nil {
		return err
	}
	return service.Run()
}
