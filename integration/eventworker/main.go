// Command eventworker is a consumer in a process of its own, for tests that kill it.
// It prints the payload of each event on a line before it acknowledges the event, and
// ends with its standard input.
package main

import (
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"time"

	"github.com/justcy/go-micro/v4/events"
	"github.com/justcy/go-micro/v4/integration/internal/eventdrivers"
)

func main() {
	driver := flag.String("driver", "", "name of the driver")
	url := flag.String("url", "", "of its server")
	topic := flag.String("topic", "", "to consume")
	group := flag.String("group", "", "to be part of")
	ackWait := flag.Duration("ackwait", time.Second, "until an event comes again")
	flag.Parse()
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0) // the test is over, or has died
	}()
	if err := work(*driver, *url, *topic, events.WithGroup(*group), events.WithAutoAck(false, *ackWait)); err != nil {
		log.Fatal(err)
	}
}

func work(driver, url, topic string, opts ...events.ConsumeOption) error {
	d, err := eventdrivers.Named(driver)
	if err != nil {
		return err
	}
	s, err := d.Open(url)
	if err != nil {
		return err
	}
	ch, err := s.Consume(topic, opts...)
	if err != nil {
		return err
	}
	fmt.Println("ready")
	for e := range ch {
		if _, err := fmt.Printf("%s\n", e.Payload); err != nil {
			return err
		}
		if err := e.Ack(); err != nil {
			log.Print(err) // it comes again
		}
	}
	return nil
}
