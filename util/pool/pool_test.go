package pool_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/transport"
	"github.com/justcy/go-micro/v4/util/pool"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// dialer is a transport whose connections do nothing but count.
type dialer struct {
	transport.Transport
	mu     sync.Mutex
	dials  int
	open   int
	failed error // what closing returns
}

func (d *dialer) Dial(addr string, _ ...transport.DialOption) (transport.Client, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if addr == "nobody" {
		return nil, errors.New("refused")
	}
	d.dials++
	d.open++
	return &client{dialer: d, reusable: true}, nil
}

func (d *dialer) counts() (dials, open int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.dials, d.open
}

// client is a connection whose Remote is not the address dialled.
type client struct {
	transport.Client
	dialer   *dialer
	reusable bool
}

func (c *client) Remote() string                  { return "127.0.0.1:1" }
func (c *client) Reusable() bool                  { return c.reusable }
func (c *client) Send(m *transport.Message) error { c.reusable = string(m.Body) != "break"; return nil }

func (c *client) Close() error {
	c.dialer.mu.Lock()
	defer c.dialer.mu.Unlock()
	c.dialer.open--
	return c.dialer.failed
}

func newPool(d *dialer, opts ...pool.Option) pool.Pool {
	return pool.NewPool(append([]pool.Option{pool.Transport(d), pool.Size(2), pool.TTL(time.Minute)}, opts...)...)
}

func get(t testing.TB, p pool.Pool, addr string) pool.Conn {
	t.Helper()
	c, err := p.Get(addr)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func release(t testing.TB, p pool.Pool, c pool.Conn, err error) {
	t.Helper()
	if err := p.Release(c, err); err != nil {
		t.Fatal(err)
	}
}

func want(t testing.TB, d *dialer, dials, open int) {
	t.Helper()
	if gotDials, gotOpen := d.counts(); gotDials != dials || gotOpen != open {
		t.Errorf("%d dials and %d open, want %d and %d", gotDials, gotOpen, dials, open)
	}
}

func ExamplePool() {
	t := transport.NewMemoryTransport()
	l, _ := t.Listen("127.0.0.1:8080")
	defer l.Close()

	p := pool.NewPool(pool.Transport(t), pool.Size(10), pool.TTL(time.Minute))
	defer p.Close()
	first, _ := p.Get(l.Addr())
	p.Release(first, nil)
	second, _ := p.Get(l.Addr())
	fmt.Println(first.Id() == second.Id())
	p.Release(second, errors.New("something went wrong on it"))
	// Output: true
}

func TestTheLastConnectionIsUsedFirst(t *testing.T) {
	d := &dialer{}
	p := newPool(d)
	a, b := get(t, p, "x"), get(t, p, "x")
	if a.Id() == b.Id() || a.Created().IsZero() {
		t.Error("the connections are not told apart")
	}
	release(t, p, a, nil)
	release(t, p, b, nil)
	if get(t, p, "x").Id() != b.Id() || get(t, p, "x").Id() != a.Id() {
		t.Error("the order is another")
	}
	get(t, p, "y")
	want(t, d, 3, 3)
}

// Improves on v4, where Release keys by Remote and `localhost:1` is never reused.
func TestConnectionIsReusedUnderTheDialledAddress(t *testing.T) {
	d := &dialer{}
	p := newPool(d)
	release(t, p, get(t, p, "localhost:1"), nil)
	get(t, p, "localhost:1")
	want(t, d, 1, 1)
}

func TestConnectionsAreClosedOnRelease(t *testing.T) {
	d := &dialer{}
	p := newPool(d)
	release(t, p, get(t, p, "x"), errors.New("broken"))
	want(t, d, 1, 0)

	c := get(t, p, "x")
	c.Send(&transport.Message{Body: []byte("break")})
	release(t, p, c, nil)
	want(t, d, 2, 0)

	a, b, c := get(t, p, "x"), get(t, p, "x"), get(t, p, "x")
	for _, c := range []pool.Conn{a, b, c} {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		release(t, p, c, nil)
		release(t, p, c, nil) // a second time does nothing
	}
	want(t, d, 5, 2)
}

func TestUnusableConnectionsAreNotHandedOut(t *testing.T) {
	d := &dialer{}
	p := newPool(d)
	c := get(t, p, "x")
	release(t, p, c, nil)
	c.Send(&transport.Message{Body: []byte("break")}) // the peer closes it meanwhile
	if get(t, p, "x").Id() == c.Id() {
		t.Error("the unusable connection is handed out")
	}
	want(t, d, 2, 1)
}

func TestAgedConnectionsAreClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &dialer{}
		p := newPool(d)
		release(t, p, get(t, p, "x"), nil)
		release(t, p, get(t, p, "gone for good"), nil)
		time.Sleep(time.Minute)
		release(t, p, get(t, p, "x"), nil)
		want(t, d, 2, 2)
		time.Sleep(time.Nanosecond)
		release(t, p, get(t, p, "x"), nil)
		want(t, d, 3, 1)
	})
}

// Improves on v4, where the error of closing an aged connection fails Get.
func TestErrorFromClosingAStaleConnectionDoesNotFailGet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &dialer{failed: errors.New("close failed")}
		p := newPool(d)
		release(t, p, get(t, p, "x"), nil)
		time.Sleep(time.Hour)
		get(t, p, "x")
		want(t, d, 2, 1)
	})
}

// Improves on v4, which keeps the connection in a dead pool.
func TestReleaseAfterCloseClosesTheConnection(t *testing.T) {
	d := &dialer{}
	p := newPool(d)
	idle, out := get(t, p, "x"), get(t, p, "x")
	release(t, p, idle, nil)
	for range 2 {
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
	}
	want(t, d, 2, 1)
	release(t, p, out, nil)
	want(t, d, 2, 0)
}

func TestErrorsOfGetAndReleaseAreReturned(t *testing.T) {
	d := &dialer{}
	p := newPool(d)
	if _, err := p.Get("nobody"); err == nil {
		t.Error("a failed dial is hidden")
	}
	if err := newPool(d).Release(get(t, p, "x"), nil); err == nil {
		t.Error("another pool takes the connection")
	}
	if err := p.Release(nil, nil); err == nil {
		t.Error("the pool takes nil")
	}
}

func TestAPoolMayBeUsedConcurrently(t *testing.T) {
	d := &dialer{}
	p := newPool(d, pool.Size(4))
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for n := range 200 {
				c, err := p.Get(fmt.Sprint(n % 3))
				if err != nil {
					t.Error(err)
					return
				}
				if i%4 == 0 {
					err = errors.New("broken")
				}
				p.Release(c, err)
			}
		})
	}
	all.Wait()
	p.Close()
	if _, open := d.counts(); open != 0 {
		t.Errorf("%d connections stay open", open)
	}
}

func TestGetAndReleaseDoNotAllocate(t *testing.T) {
	p := newPool(&dialer{})
	release(t, p, get(t, p, "x"), nil)
	if n := testing.AllocsPerRun(100, func() { release(t, p, get(t, p, "x"), nil) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestGetAndReleaseOfAConnectionDoNotAllocate(t *testing.T) {
	tr := transport.NewHTTPTransport()
	l, err := tr.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- l.Accept(func(transport.Socket) {}) }()
	defer func() {
		l.Close()
		<-ended
	}()
	p := pool.NewPool(pool.Transport(tr), pool.Size(1), pool.TTL(time.Minute))
	defer p.Close()
	release(t, p, get(t, p, l.Addr()), nil)
	if n := testing.AllocsPerRun(100, func() { release(t, p, get(t, p, l.Addr()), nil) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkGetRelease(b *testing.B) {
	p := newPool(&dialer{}, pool.Size(100))
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			c, err := p.Get("x")
			if err != nil {
				b.Fatal(err)
			}
			p.Release(c, nil)
		}
	})
}
