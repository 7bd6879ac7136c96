// Runtime starts two services from the source code in a folder, shows what they
// log, updates one of them, and stops both.
//
//	go run ./examples/runtime
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"github.com/justcy/go-micro/v4/runtime"
)

var folder = flag.String("folder", "examples/runtime/services", "folder with the services")

func main() {
	flag.Parse()
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "runtime:", err)
		os.Exit(1)
	}
}

func run() (err error) {
	r := runtime.NewRuntime()
	if err := r.Start(); err != nil { // from now on what fails is started again
		return err
	}
	defer func() { err = errors.Join(err, r.Stop()) }() // also ends what an error left running

	services := []*runtime.Service{service("hello"), service("goodbye")}
	for _, s := range services {
		// The command is "go run ." unless WithCommand names another.
		if err := r.Create(s, runtime.WithEnv([]string{"PLACE=world"}), runtime.WithRetries(3)); err != nil {
			return err
		}
		if err := await(r, s, s.Name+", world"); err != nil {
			return err
		}
	}

	if err := r.Update(services[0], runtime.UpdateEnv([]string{"PLACE=moon"})); err != nil {
		return err
	}
	if err := await(r, services[0], "hello, moon"); err != nil {
		return err
	}

	for _, s := range services {
		if err := r.Delete(s); err != nil {
			return err
		}
		if err := await(r, s, s.Name+" stops"); err != nil {
			return err
		}
	}
	left, err := r.Read()
	fmt.Println("services left:", len(left))
	return err
}

func service(name string) *runtime.Service {
	return &runtime.Service{Name: name, Version: "latest", Source: filepath.Join(*folder, name)}
}

// await follows the log of a service up to a line, and prints it.
func await(r runtime.Runtime, s *runtime.Service, line string) error {
	logs, err := r.Logs(s, runtime.LogsCount(1), runtime.LogsStream(true))
	if err != nil {
		return err
	}
	defer logs.Stop()
	for record := range logs.Chan() {
		if record.Message == line {
			fmt.Printf("log of %s: %s\n", s.Name, record.Message)
			return nil
		}
	}
	return fmt.Errorf("the log of %s ends: %w", s.Name, logs.Error())
}
