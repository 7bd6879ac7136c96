package integration_test

import (
	"bufio"
	"fmt"
	"net"
	"strings"
	stdsync "sync"
	"testing"
)

// resource is what a lock protects. It accepts writes of the greatest fencing
// token it has seen, and notes what must never be.
type resource struct {
	listener net.Listener
	work     stdsync.WaitGroup

	mu      stdsync.Mutex
	conns   map[net.Conn]bool
	tokens  map[uint64]string // who had it
	last    uint64            // greatest token so far
	holding bool              // the last holder has not said that it is done
	counts  counts
	faults  []string
}

type counts struct {
	accepted, refused int
	holders           int
	takeovers         int // of a lock that its last holder has not released
}

func newResource(t *testing.T) *resource {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &resource{listener: l, conns: map[net.Conn]bool{}, tokens: map[uint64]string{}}
	r.work.Go(r.accept)
	t.Cleanup(r.close)
	return r
}

func (r *resource) close() {
	r.listener.Close()
	r.mu.Lock()
	for c := range r.conns {
		c.Close()
	}
	r.mu.Unlock()
	r.work.Wait()
}

func (r *resource) accept() {
	for {
		c, err := r.listener.Accept()
		if err != nil {
			return
		}
		r.mu.Lock()
		r.conns[c] = true
		r.mu.Unlock()
		r.work.Go(func() { r.serve(c) })
	}
}

func (r *resource) serve(c net.Conn) {
	defer c.Close()
	for lines := bufio.NewScanner(c); lines.Scan(); {
		var verb, holder string
		var token uint64
		if _, err := fmt.Sscan(lines.Text(), &verb, &token, &holder); err != nil {
			return
		}
		if _, err := fmt.Fprintln(c, r.handle(verb, token, holder)); err != nil {
			return
		}
	}
}

// handle answers one line of a holder.
func (r *resource) handle(verb string, token uint64, holder string) (reply string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if had := r.tokens[token]; had != "" && had != holder {
		r.fault("%s and %s have the same token %d", had, holder, token)
	}
	r.tokens[token] = holder
	switch verb {
	case "write":
		return r.write(token)
	case "done":
		if token == r.last {
			r.holding = false
		}
	case "kept":
		r.fault("%s with token %d was refused, since there was token %d, and not told that it lost the lock", holder, token, r.last)
	}
	return "ok"
}

func (r *resource) write(token uint64) (reply string) {
	if token < r.last {
		r.counts.refused++
		return "stale"
	}
	if token > r.last {
		r.counts.holders++
		if r.holding {
			r.counts.takeovers++
		}
		r.last, r.holding = token, true
	}
	r.counts.accepted++
	return "ok"
}

func (r *resource) fault(format string, args ...any) {
	r.faults = append(r.faults, fmt.Sprintf(format, args...))
}

// pid returns the process of the last holder, 0 when the lock is free.
func (r *resource) pid() (pid int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.holding {
		_, _ = fmt.Sscanf(r.tokens[r.last], "%d/", &pid)
	}
	return pid
}

func (r *resource) result() (counts, []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.counts, r.faults
}

// TestTheFencedResourceNotices has holders do what those of a broken lock would.
func TestTheFencedResourceNotices(t *testing.T) {
	for name, tt := range map[string]struct {
		lines []string
		fault bool
	}{
		"good holders":            {[]string{"write 1 a", "write 1 a", "done 1 a", "write 2 b", "write 1 a", "lost 1 a"}, false},
		"a token that comes back": {[]string{"write 1 a", "done 1 a", "write 1 b"}, true},
		"tokens that go back":     {[]string{"write 2 a", "done 2 a", "write 1 b", "kept 1 b"}, true},
		"two holders":             {[]string{"write 1 a", "write 2 b", "write 1 a", "kept 1 a"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			r := newResource(t)
			c, err := net.Dial("tcp", r.listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			replies := bufio.NewScanner(c)
			for _, line := range tt.lines {
				fmt.Fprintln(c, line)
				replies.Scan()
			}
			if _, faults := r.result(); len(faults) > 0 != tt.fault {
				t.Errorf("faults are %q", strings.Join(faults, "\n"))
			}
		})
	}
}
