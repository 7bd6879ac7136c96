//go:build unix

package soak_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"runtime"
	"runtime/pprof"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/justcy/go-micro/v4"
	"github.com/justcy/go-micro/v4/broker"
	"github.com/justcy/go-micro/v4/registry"
	"github.com/justcy/go-micro/v4/server"
)

const (
	// nodeVariable makes the test binary a node with the id that it holds.
	nodeVariable = "MICRO_TEST_SOAK_NODE"
	// domainVariable is the domain of multicast DNS in which it registers.
	domainVariable = "MICRO_TEST_SOAK_DOMAIN"

	serviceName = "soak"
	// longestDrain is for machines that stall: no stream lasts that long.
	longestDrain = 2 * time.Minute
)

// Soak is the handler of a node.
type Soak struct {
	id      string
	running atomic.Int64 // handlers that have not returned

	gathered atomic.Int64
	complete chan struct{} // closed when enough were gathered
}

// Echo answers at once with what it was sent.
func (s *Soak) Echo(_ context.Context, req, rsp *wrapperspb.BytesValue) error {
	defer s.enter()()
	rsp.Value = req.Value
	return nil
}

// Linger is Echo after a while that is told by the size of the body.
func (s *Soak) Linger(ctx context.Context, req, rsp *wrapperspb.BytesValue) error {
	defer s.enter()()
	select {
	case <-time.After(time.Duration(len(req.Value)%64) * time.Millisecond):
	case <-ctx.Done():
		return ctx.Err()
	}
	rsp.Value = req.Value
	return nil
}

// Chat says who it is, and then answers each message with the same.
func (s *Soak) Chat(_ context.Context, stream server.Stream) error {
	defer s.enter()()
	if err := stream.Send(wrapperspb.Bytes([]byte(s.id))); err != nil {
		return err
	}
	for {
		var m wrapperspb.BytesValue
		if err := stream.Recv(&m); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		if err := stream.Send(&m); err != nil {
			return err
		}
	}
}

// Pour says who it is, and then sends as many messages as the first one asks for,
// as fast as they are taken.
func (s *Soak) Pour(_ context.Context, stream server.Stream) error {
	defer s.enter()()
	if err := stream.Send(wrapperspb.Bytes([]byte(s.id))); err != nil {
		return err
	}
	var order wrapperspb.BytesValue
	if err := stream.Recv(&order); err != nil {
		return err
	}
	n, size := binary.BigEndian.Uint32(order.Value), binary.BigEndian.Uint32(order.Value[4:])
	for i := range int(n) {
		if err := stream.Send(wrapperspb.Bytes(numbered(i, int(size)))); err != nil {
			return err
		}
	}
	return nil
}

func (s *Soak) enter() (leave func()) {
	s.running.Add(1)
	return func() { s.running.Add(-1) }
}

// Gather answers when as many calls as there are bytes in the body are under way.
func (s *Soak) Gather(ctx context.Context, req, _ *wrapperspb.BytesValue) error {
	defer s.enter()()
	if s.gathered.Add(1) == int64(len(req.Value)) {
		close(s.complete)
	}
	select {
	case <-s.complete:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// held is what a process holds.
type held struct {
	Goroutines, Descriptors int
	Handlers                int64
	Stacks                  string
}

func heldHere() held {
	var stacks bytes.Buffer
	_ = pprof.Lookup("goroutine").WriteTo(&stacks, 1)
	h := held{Goroutines: runtime.NumGoroutine(), Stacks: stacks.String()}
	descriptors, err := os.ReadDir("/dev/fd")
	if err != nil {
		panic(err)
	}
	h.Descriptors = len(descriptors)
	return h
}

func (h held) String() string {
	return fmt.Sprintf("%d goroutines, %d descriptors and %d handlers", h.Goroutines, h.Descriptors, h.Handlers)
}

// within reports whether h is no more than what was held before.
func (h held) within(before held) bool {
	return h.Goroutines <= before.Goroutines && h.Descriptors <= before.Descriptors && h.Handlers <= before.Handlers
}

// answer tells what the process holds for each line of its input. It ends the
// process with that, so that no node outlives the test.
func (s *Soak) answer() {
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		h := heldHere()
		h.Handlers = s.running.Load()
		_ = json.NewEncoder(os.Stdout).Encode(h)
	}
	os.Exit(4)
}

// playNode runs a node until it is told to stop.
func playNode(id string) {
	handler := &Soak{id: id, complete: make(chan struct{})}
	go handler.answer()
	var service micro.Service
	service = micro.NewService(
		micro.Name(serviceName),
		micro.Registry(newRegistry(os.Getenv(domainVariable))),
		micro.Broker(broker.NewMemoryBroker()),
		micro.AddListenOption(server.Id(id)),
		micro.AddListenOption(server.Address("127.0.0.1:0")),
		micro.AddListenOption(server.DrainTimeout(longestDrain)),
		micro.AfterStart(func() error {
			_, err := fmt.Println("listening on", service.Server().Options().Address)
			return err
		}),
	)
	if err := micro.RegisterHandler(service.Server(), handler); err != nil {
		panic(err)
	}
	if err := service.Run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(3)
	}
}

// newRegistry is the default one, in a domain of the test's own.
func newRegistry(domain string) registry.Registry {
	return registry.NewRegistry(func(o *registry.Options) {
		o.Context = context.WithValue(context.Background(), "mdns.domain", domain)
	})
}

// noise is what bodies are made of.
var noise = func() []byte {
	b := make([]byte, 4<<20)
	_, _ = rand.NewChaCha8([32]byte{}).Read(b)
	return b
}()

// numbered is message i of a stream, whose bytes tell it from all others.
func numbered(i, size int) []byte {
	from := i * 17 % (len(noise) / 2)
	b := make([]byte, 8, 8+size)
	binary.BigEndian.PutUint64(b, uint64(i))
	return append(b, noise[from:from+size]...)
}
