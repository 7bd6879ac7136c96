package scale

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/justcy/go-micro/v4"
	"github.com/justcy/go-micro/v4/client"
	"github.com/justcy/go-micro/v4/registry"

	"github.com/justcy/go-micro/bench/internal/echopb"
)

// connectionRows are about one connection between a client and a server. Both
// ends are in this process, so a cost is that of both.
func connectionRows() []Row {
	return []Row{
		{Name: "streams-ended", Work: "streams were open at once on a connection that goes on: what stays", Unit: Bytes, Measure: streamsEnded},
		{Name: "body", Work: "KiB of a body in protobuf go to a service and come back: what is allocated", Unit: Bytes, Most: 4000, Measure: func(kib int) (float64, error) { return body(kib, "application/protobuf") }},
		{Name: "body-json", Work: "the same in JSON", Unit: Bytes, Most: 4000, Measure: func(kib int) (float64, error) { return body(kib, "application/json") }},
	}
}

// echo sends back what it gets.
type echo struct {
	streams atomic.Int64 // that have not ended
}

func (*echo) Call(_ context.Context, req, rsp *echopb.Message) error {
	rsp.Body = req.Body
	return nil
}

func (e *echo) Stream(_ context.Context, s echopb.Echo_StreamStream) error {
	e.streams.Add(1)
	defer e.streams.Add(-1)
	for {
		m, err := s.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := s.Send(m); err != nil {
			return err
		}
	}
}

// allEnded waits for the streams to end.
func (e *echo) allEnded() error {
	for begin := time.Now(); e.streams.Load() > 0; time.Sleep(time.Millisecond) {
		if time.Since(begin) > longest {
			return fmt.Errorf("%d streams have not ended", e.streams.Load())
		}
	}
	return nil
}

// peers are a service and a client of it, which share a connection.
type peers struct {
	echo    *echo
	client  echopb.EchoService
	close   func()
	stopped chan error
}

func connect(contentType string) (*peers, error) {
	ctx, cancel := context.WithCancel(context.Background())
	started := make(chan struct{})
	r := registry.NewMemoryRegistry()
	options := []micro.Option{micro.Registry(r), micro.Name(service), micro.Address("127.0.0.1:0"), micro.HandleSignal(false)}
	s := micro.NewService(append(options, micro.Context(ctx), micro.AfterStart(func() error { close(started); return nil }))...)
	c := micro.NewService(options...).Client()
	p := &peers{echo: new(echo), client: echopb.NewEchoService(service, c), stopped: make(chan error, 1)}
	p.close = sync.OnceFunc(func() {
		_ = errors.Join(c.(io.Closer).Close(), c.Options().Selector.Close()) // nothing is measured any more
		cancel()
		<-p.stopped
	})
	if err := errors.Join(c.Init(client.ContentType(contentType)), echopb.RegisterEchoHandler(s.Server(), p.echo)); err != nil {
		cancel()
		return nil, err
	}
	go func() { p.stopped <- s.Run() }()
	select {
	case <-started:
		return p, nil
	case err := <-p.stopped:
		cancel()
		return nil, fmt.Errorf("the service did not start: %w", err)
	}
}

// streams opens that many at once, each with a message there and back, and ends
// them.
func (p *peers) streams(count int) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	open := make([]echopb.Echo_StreamService, count)
	for i := range open {
		s, err := p.client.Stream(ctx)
		if err != nil {
			return err
		}
		if err := errors.Join(s.Send(&echopb.Message{}), receive(s, nil)); err != nil {
			return err
		}
		open[i] = s
	}
	for _, s := range open {
		if err := errors.Join(s.CloseSend(), receive(s, io.EOF), s.Close()); err != nil {
			return err
		}
	}
	return p.echo.allEnded()
}

// receive fails unless Recv ends with that error.
func receive(s echopb.Echo_StreamService, want error) error {
	if _, err := s.Recv(); !errors.Is(err, want) {
		return fmt.Errorf("a stream ended with %w", err)
	}
	return nil
}

func streamsEnded(n int) (float64, error) {
	p, err := connect("application/protobuf")
	if err != nil {
		return 0, err
	}
	defer p.close()
	if err := p.streams(1); err != nil { // the connection is there
		return 0, err
	}
	goroutines(n)
	return Held(func() (*peers, error) { return p, p.streams(n) })
}

// goroutines has that many be there at once. The runtime keeps a few hundred bytes
// of each for the next one, whoever had it.
func goroutines(count int) {
	var ending sync.WaitGroup
	end := make(chan struct{})
	for range count {
		ending.Go(func() { <-end })
	}
	close(end)
	ending.Wait()
}

func body(kib int, contentType string) (float64, error) {
	p, err := connect(contentType)
	if err != nil {
		return 0, err
	}
	defer p.close()
	m := &echopb.Message{Body: make([]byte, kib<<10)}
	return Allocated(func() error {
		reply, err := p.client.Call(context.Background(), m, client.WithRequestTimeout(longest))
		if err == nil && len(reply.Body) != len(m.Body) {
			err = fmt.Errorf("%d of %d bytes came back", len(reply.Body), len(m.Body))
		}
		return err
	})
}
