package exchange_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/justcy/go-micro/v4/api/internal/exchange"
)

// connection is a response that keeps the deadlines it is given.
type connection struct {
	*httptest.ResponseRecorder
	read, write time.Time
}

func newConnection() *connection { return &connection{ResponseRecorder: httptest.NewRecorder()} }

func (c *connection) SetReadDeadline(t time.Time) error  { c.read = t; return nil }
func (c *connection) SetWriteDeadline(t time.Time) error { c.write = t; return nil }

// steps is a body of which some bytes come at a time, after a pause, as long as the
// deadline of its connection allows it.
type steps struct {
	conn  *connection
	bytes int
	pause time.Duration
	left  int
}

func (s *steps) Read(b []byte) (int, error) {
	if s.left == 0 {
		return 0, io.EOF
	}
	time.Sleep(s.pause)
	if !s.conn.read.IsZero() && time.Now().After(s.conn.read) {
		return 0, os.ErrDeadlineExceeded
	}
	n := min(s.bytes, s.left, len(b))
	s.left -= n
	return n, nil
}

func read(w http.ResponseWriter, body io.Reader) (code int) {
	r := httptest.NewRequest("POST", "/", body)
	r.ContentLength = -1
	_, held, failure := exchange.NewBodies(100<<20, 100<<20).Read(w, r)
	held.Release()
	return int(failure.GetCode())
}

func TestABodyMustComeAtARate(t *testing.T) {
	const mib = 1 << 20
	for name, tc := range map[string]struct {
		bytes, total int
		pause        time.Duration
		code         int
	}{
		"quickly":             {mib, 5 * mib, time.Millisecond, 0},
		"slowly for long":     {20 << 10, 2 * mib, time.Second, 0},
		"after one pause":     {1000, 1000, 29 * time.Second, 0},
		"a byte now and then": {1, mib, 10 * time.Second, http.StatusRequestTimeout},
		"too slowly":          {8 << 10, 2 * mib, time.Second, http.StatusRequestTimeout},
		"not at all":          {1, 1, time.Hour, http.StatusRequestTimeout},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := newConnection()
			if code := read(w, &steps{conn: w, bytes: tc.bytes, pause: tc.pause, left: tc.total}); code != tc.code {
				t.Errorf("%s: got %d", name, code)
			}
			if tc.code == 0 && !w.read.IsZero() {
				t.Errorf("%s: the connection has a deadline afterwards: %v", name, w.read)
			}
		})
	}
}

func TestWhatCameEarlyIsNoReasonToStandStill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newConnection()
		began := time.Now()
		early := bytes.NewReader(make([]byte, 5<<20))
		code := read(w, io.MultiReader(early, &steps{conn: w, bytes: 1, pause: 10 * time.Second, left: 1 << 20}))
		if took := time.Since(began); code != http.StatusRequestTimeout || took > time.Minute {
			t.Errorf("got %d after %v", code, took)
		}
	})
}

func TestAllRequestsTogetherHoldNoMoreThanTheLimit(t *testing.T) {
	bodies := exchange.NewBodies(10, 15)
	post := func() (held *exchange.Held, code int32) {
		_, held, failure := bodies.Read(newConnection(), httptest.NewRequest("POST", "/", strings.NewReader("0123456789")))
		return held, failure.GetCode()
	}
	first, code := post()
	if code != 0 {
		t.Fatalf("the first: %d", code)
	}
	if second, code := post(); code != http.StatusServiceUnavailable {
		t.Errorf("the second: %d", code)
	} else {
		second.Release()
	}
	if _, held, err := bodies.Frame(strings.NewReader("0123456789"), func() {}); err != exchange.ErrBusy {
		t.Errorf("a frame: %v", err)
	} else {
		held.Release()
	}
	first.Release()
	first.Release() // again
	for range 3 {
		held, code := post()
		if code != 0 {
			t.Errorf("when the first is done: %d", code)
		}
		held.Release()
	}
}

func TestAResponseThatNobodyTakesIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newConnection()
		exchange.Write(w, httptest.NewRequest("GET", "/", nil), 200, make([]byte, 10<<20))
		if limit := time.Until(w.write); limit < 5*time.Minute || limit > 20*time.Minute {
			t.Errorf("10 MiB may take %v", limit)
		}
		paced := exchange.Pace(w)
		_, _ = paced.Write([]byte("a bit"))
		if limit := time.Until(w.write); limit <= 0 || limit > time.Minute {
			t.Errorf("a bit may take %v", limit)
		}
		_ = http.NewResponseController(paced).Flush()
		if !w.write.IsZero() {
			t.Errorf("between two bits there is a deadline: %v", w.write)
		}
	})
}
