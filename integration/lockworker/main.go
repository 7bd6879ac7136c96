// Command lockworker takes a lock again and again, and writes to a fenced resource
// while it has it. It is made to be killed and stopped at any moment.
//
// To the resource it speaks lines of a verb, a fencing token and the name of the
// holder: write, which is answered ok or stale; done when the lock was released;
// lost or kept after a write that was refused.
package main

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"time"

	"github.com/justcy/go-micro/v4/sync"
	"github.com/justcy/go-micro/v4/sync/cockroach"
	"github.com/justcy/go-micro/v4/sync/nats"
	"github.com/justcy/go-micro/v4/sync/redis"
)

var (
	driver   = flag.String("driver", "", "redis, nats or cockroach")
	url      = flag.String("url", "", "of the server")
	id       = flag.String("id", "", "of the lock")
	resource = flag.String("resource", "", "address of the fenced resource")
	ttl      = flag.Duration("ttl", time.Second, "of sessions and locks")
	blind    = flag.Bool("blind", false, "do not look whether the lock is lost")
)

// patience is how long a holder whose write was refused may take to learn why.
const patience = 20 * time.Second

func main() {
	flag.Parse()
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0) // whoever started it is gone
	}()
	fmt.Fprintln(os.Stderr, run())
	os.Exit(1)
}

// run takes the lock until the resource is gone.
func run() error {
	s, ok := map[string]func(...sync.Option) sync.Sync{
		"redis": redis.NewSync, "nats": nats.NewSync, "cockroach": cockroach.NewSync,
	}[*driver]
	if !ok {
		return fmt.Errorf("no driver %q", *driver)
	}
	conn, err := net.Dial("tcp", *resource)
	if err != nil {
		return err
	}
	w := &worker{sync: s(sync.Nodes(*url), sync.SessionTTL(*ttl)), conn: conn, replies: bufio.NewReader(conn)}
	for n := 0; ; n++ {
		h, err := w.acquire(n)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			time.Sleep(50 * time.Millisecond)
			continue
		}
		if err := w.work(h); err != nil {
			return err
		}
	}
}

type worker struct {
	sync    sync.Sync
	conn    net.Conn
	replies *bufio.Reader
}

// holder is one time that the lock was held.
type holder struct {
	name    string
	token   uint64
	lost    func() <-chan struct{}
	release func() error
}

// acquire takes the lock without a TTL, with one, or as a leader.
func (w *worker) acquire(n int) (*holder, error) {
	h := &holder{name: fmt.Sprintf("%d/%d", os.Getpid(), n)}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if n%3 == 2 {
		l, err := w.sync.Leader(*id, sync.LeaderContext(ctx))
		if err != nil {
			return nil, err
		}
		h.token, h.release = l.(sync.Fenced).Token(), l.Resign
		h.lost = func() <-chan struct{} { return told(l.Status()) }
		return h, nil
	}
	var opts []sync.LockOption
	if n%3 == 1 {
		opts = append(opts, sync.LockTTL(*ttl))
	}
	l, err := w.sync.(sync.Leaser).Acquire(ctx, *id, opts...)
	if err != nil {
		return nil, err
	}
	h.token, h.lost = l.Token(), l.Lost
	h.release = func() error { return l.Release(context.Background()) }
	return h, nil
}

// told makes one of the other kind of channel.
func told(status chan bool) <-chan struct{} {
	over := make(chan struct{})
	go func() {
		defer close(over)
		<-status
	}()
	return over
}

// work writes a few times, and stops when the lock is lost.
func (w *worker) work(h *holder) error {
	lost := h.lost()
	for range 5 {
		reply, err := w.say("write", h)
		if err != nil {
			return err
		}
		if reply == "stale" {
			return w.explain(h, lost)
		}
		pause := time.After(rand.N(40 * time.Millisecond))
		if *blind {
			<-pause
			continue
		}
		select {
		case <-lost:
			return nil
		case <-pause:
		}
	}
	if err := h.release(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return nil
	}
	_, err := w.say("done", h)
	return err
}

// explain says whether a holder who was refused had lost the lock.
func (w *worker) explain(h *holder, lost <-chan struct{}) error {
	verb := "lost"
	select {
	case <-lost:
	case <-time.After(patience):
		verb = "kept"
	}
	_, err := w.say(verb, h)
	return err
}

func (w *worker) say(verb string, h *holder) (reply string, err error) {
	if _, err = fmt.Fprintln(w.conn, verb, h.token, h.name); err == nil {
		_, err = fmt.Fscanln(w.replies, &reply)
	}
	return reply, err
}
