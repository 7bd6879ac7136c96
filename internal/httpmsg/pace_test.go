package httpmsg_test

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/justcy/go-micro/v4/internal/httpmsg"
)

// drip sends head and then the same bytes again and again at intervals, and
// returns how long a reader with a StallTimeout of 30 s bore with it.
func drip(t *testing.T, head, bytes string, every time.Duration, times int) (took time.Duration, err error) {
	synctest.Test(t, func(t *testing.T) {
		here, there := net.Pipe()
		var writing sync.WaitGroup
		writing.Go(func() {
			defer there.Close()
			if _, err := there.Write([]byte(head)); err != nil {
				return
			}
			for range times {
				time.Sleep(every)
				if _, err := there.Write([]byte(bytes)); err != nil {
					return
				}
			}
		})
		r := newReader(here)
		r.MaxBody, r.StallTimeout = 1<<20, 30*time.Second
		begun := time.Now()
		var h httpmsg.Head
		if err = r.ReadRequest(&h); err == nil {
			_, err = r.ReadBody(&h)
		}
		took = time.Since(begun)
		here.Close()
		writing.Wait()
	})
	return took, err
}

func TestABodyThatTricklesHoldsAConnectionNoLongerThanItsBytesAreWorth(t *testing.T) {
	const head = "POST / HTTP/1.1\r\nHost: a\r\n"
	for name, tt := range map[string]struct{ head, bytes string }{
		"sized":                  {"Content-Length: 100000\r\n\r\n", "x"},
		"chunked":                {"Transfer-Encoding: chunked\r\n\r\n", "1\r\nx\r\n"},
		"one endless chunk line": {"Transfer-Encoding: chunked\r\n\r\n1;", "x"},
	} {
		took, err := drip(t, head+tt.head, tt.bytes, 29*time.Second, 1000)
		if !errors.Is(err, os.ErrDeadlineExceeded) || took > 31*time.Second {
			t.Errorf("%s: after %v the error is %v", name, took, err)
		}
	}
}

func TestASlowBodyIsRead(t *testing.T) {
	const kilobytes = 200
	head := fmt.Sprintf("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n", kilobytes*1000)
	if took, err := drip(t, head, strings.Repeat("x", 1000), time.Second, kilobytes); err != nil {
		t.Errorf("after %v the error is %v", took, err)
	}
}

func TestASilentPeerIsGivenUpWhateverItHasSent(t *testing.T) {
	head := "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n" + strings.Repeat("x", 900000)
	took, err := drip(t, head, "x", 31*time.Second, 1)
	if !errors.Is(err, os.ErrDeadlineExceeded) || took != 30*time.Second {
		t.Errorf("after %v the error is %v", took, err)
	}
}
