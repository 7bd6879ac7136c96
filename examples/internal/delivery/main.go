// Delivery is one side of a count of messages between processes: a subscriber
// that writes down each number it receives, or a publisher of numbers.
//
//	delivery --role subscribe --topic T --file F
//	delivery --role publish --topic T --from 1 --to 50000
package main

import (
	"fmt"
	"os"
	"strconv"

	"github.com/urfave/cli/v2"

	"github.com/justcy/go-micro/v4"
	"github.com/justcy/go-micro/v4/codec/bytes"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "delivery:", err)
		os.Exit(1)
	}
}

// settings are the flags of both roles.
type settings struct {
	role, topic, file string
	from, to          int
}

func (s *settings) flags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "role", Usage: "subscribe or publish", Destination: &s.role},
		&cli.StringFlag{Name: "topic", Destination: &s.topic},
		&cli.StringFlag{Name: "file", Usage: "Where a subscriber writes what it receives", Destination: &s.file},
		&cli.IntFlag{Name: "from", Usage: "First number to publish", Destination: &s.from},
		&cli.IntFlag{Name: "to", Usage: "Last number to publish", Destination: &s.to},
	}
}

func run() error {
	var s settings
	lost := newLost()
	service := micro.NewService(
		micro.Name("delivery"),
		micro.Broker(lost.broker()),
		micro.Flags(s.flags()...),
	)
	service.Init()
	switch s.role {
	case "subscribe":
		return subscribe(service, s)
	case "publish":
		return publish(service, s, lost)
	}
	return fmt.Errorf("unknown role %q", s.role)
}

// Numbers travel as their decimal digits.
func encode(n int) *bytes.Frame { return &bytes.Frame{Data: strconv.AppendInt(nil, int64(n), 10)} }
