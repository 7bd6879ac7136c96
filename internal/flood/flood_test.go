package flood_test

import (
	"bytes"
	"io"
	"net"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/justcy/go-micro/v4/internal/flood"
	"github.com/justcy/go-micro/v4/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// share is what each of these accounts has for a second: a hundred connections.
const (
	share       = 5 * time.Millisecond
	connections = 100
)

// waited is how long an account makes its listener wait.
func waited(a *flood.Account) time.Duration {
	began := time.Now()
	a.Wait(nil)
	return time.Since(began)
}

func TestConnectionsWaitForTheirShareWhenNothingIsAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := flood.NewAccount(share, false)
		for range connections {
			a.Connected()
		}
		if a.Wait(nil) {
			t.Error("what may be done at once has to wait")
		}
		began := time.Now()
		for range connections {
			a.Connected()
			a.Wait(nil)
		}
		if took := time.Since(began); took < 900*time.Millisecond || took > 1200*time.Millisecond {
			t.Errorf("the share of a second took %v", took)
		}
		time.Sleep(2 * time.Second)
		for range connections {
			a.Connected()
		}
		if a.Wait(nil) {
			t.Error("two seconds have forgiven nothing")
		}
	})
}

func TestConnectionsOnWhichSomethingIsAnsweredDoNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := flood.NewAccount(share, false)
		for range 100 * connections {
			a.Connected()
			a.Answered()
		}
		if a.Wait(nil) {
			t.Error("answered connections have to wait")
		}
	})
}

func TestHandshakesCostTenTimesAsMuch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := flood.NewAccount(share, true)
		for range connections/10 + 1 {
			a.Connected()
		}
		if !a.Wait(nil) {
			t.Error("more handshakes than there may be did not wait")
		}
	})
}

// A flood of any length is over within two seconds of its end.
func TestAFloodIsForgottenSoonAfterItsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := flood.NewAccount(share, false)
		for range 1000 * connections {
			a.Connected()
		}
		if took := waited(a); took > 2*time.Second {
			t.Errorf("the listener waits for %v", took)
		}
	})
}

func TestAListenerThatIsClosedDoesNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := flood.NewAccount(share, false)
		for range 2 * connections {
			a.Connected()
		}
		done := make(chan struct{})
		close(done)
		began := time.Now()
		a.Wait(done)
		if took := time.Since(began); took != 0 {
			t.Errorf("it waits for %v", took)
		}
	})
}

// served sends requests that are reset at once, two a time, and returns how many of
// them are to be served.
func served(c *flood.Conn, requests int) (n int) {
	for stream := uint32(1); n < requests; n += 2 {
		var p []byte
		for range 2 {
			p = testkit.AppendFrame(p, testkit.H2Headers, 0x4|testkit.H2EndStream, stream, nil)
			p = testkit.AppendFrame(p, testkit.H2Reset, 0, stream, []byte{0, 0, 0, 8})
			stream += 2
		}
		if !c.Received(p) {
			break
		}
	}
	return n
}

// connect returns a new connection, which has sent its preface.
func connect(a *flood.Account) *flood.Conn {
	a.Connected()
	c := flood.NewConn(new(sink), a, nil)
	c.Received(make([]byte, 24))
	return c
}

// sink is a connection that takes anything.
type sink struct{ net.Conn }

func (*sink) SetWriteDeadline(time.Time) error { return nil }
func (*sink) Write(p []byte) (int, error)      { return len(p), nil }
func (*sink) CloseWrite() error                { return nil }
func (*sink) Close() error                     { return nil }

func TestResetsAreBoundedForAllConnectionsTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := flood.NewAccount(share, false)
		var each []int
		all := 0
		for range connections {
			n := served(connect(a), 1000)
			each = append(each, n)
			all += n
		}
		if each[0] < 100 {
			t.Errorf("the first connection had %d requests served, want as many as a calm listener serves", each[0])
		}
		if last := slices.Max(each[10:]); last > 10 {
			t.Errorf("a connection in a flood had %d requests served", last)
		}
		if most := 3 * connections * int(share/time.Millisecond); all > most {
			t.Errorf("%d requests were served, want at most %d", all, most)
		}
	})
}

// Clients that give up a request now and then are not those who make the flood.
func TestAClientMayResetSomeRequestsInAFlood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := flood.NewAccount(share, false)
		for range 2 * connections {
			a.Connected()
		}
		c := connect(a)
		for range 60 { // one each second
			if served(c, 1) == 0 {
				t.Fatal("the connection is ended")
			}
			for range connections {
				a.Connected()
			}
			time.Sleep(time.Second)
		}
	})
}

// What was not served is not counted: it has cost next to nothing.
func TestAFloodThatIsNotServedCostsAConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := flood.NewAccount(share, false)
		var p []byte
		for range 1000 {
			p = testkit.AppendFrame(p, testkit.H2Reset, 0, 1, []byte{0, 0, 0, 8})
		}
		for range connections {
			if connect(a).Received(p) {
				t.Fatal("a flood is served")
			}
		}
		if a.Wait(nil) {
			t.Error("they cost more than their connections")
		}
	})
}

func TestSomeConnectionsWaitForTheirEndAndNoMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := flood.NewAccount(share, false)
		waited := make(chan bool, 1000)
		for range cap(waited) {
			c := connect(a)
			served(c, 1000)
			go func() {
				began := time.Now()
				c.Close()
				waited <- time.Since(began) > 0
			}()
		}
		n := 0
		for range cap(waited) {
			if <-waited {
				n++
			}
		}
		if n != 100 {
			t.Errorf("%d connections have waited", n)
		}
	})
}

// The peer is told between two frames, by whatever pieces they are written.
func TestTheGoAwayFollowsTheFrameThatIsBeingWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		here, there := net.Pipe()
		c := flood.NewConn(here, flood.NewAccount(share, false), nil)
		c.Received(make([]byte, 24))
		frame := testkit.AppendFrame(nil, testkit.H2Data, 0, 1, make([]byte, 100))
		sent := make(chan []byte)
		go func() {
			all, _ := io.ReadAll(there)
			sent <- all
		}()
		c.Write(frame[:50])
		ended := make(chan int)
		go func() { ended <- served(c, 1000) }()
		synctest.Wait() // for what completes the frame
		c.Write(frame[50:])
		<-ended
		if _, err := c.Write(frame); err == nil {
			t.Error("something is written after the go-away")
		}
		c.Close()
		if all := <-sent; len(all) != len(frame)+17 || !bytes.HasPrefix(all, frame) || all[len(frame)+3] != testkit.H2GoAway {
			t.Errorf("the peer gets %q", all)
		}
	})
}

func TestAPeerThatTakesNothingIsNotWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		here, there := net.Pipe()
		defer there.Close()
		c := flood.NewConn(here, flood.NewAccount(share, false), nil)
		c.Received(make([]byte, 24))
		var writing sync.WaitGroup
		writing.Go(func() { c.Write(make([]byte, 100)) })
		synctest.Wait()
		began := time.Now()
		served(c, 1000)
		c.Close()
		writing.Wait()
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("the end took %v", took)
		}
	})
}

func TestAConnectionIsClosedWhileSomethingIsWritten(t *testing.T) {
	here, there := net.Pipe()
	defer there.Close()
	c := flood.NewConn(here, flood.NewAccount(share, false), nil)
	failed := make(chan error)
	go func() {
		_, err := c.Write(make([]byte, 100))
		failed <- err
	}()
	there.Read(make([]byte, 1)) // it is being written
	c.Close()
	if err := <-failed; err == nil {
		t.Error("the write has succeeded")
	}
}

// A server closes more than once, and some connections cannot be closed by halves.
func TestAConnectionWaitsForItsEndOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		here, there := net.Pipe()
		defer there.Close()
		c := flood.NewConn(here, flood.NewAccount(share, false), nil)
		c.Received(make([]byte, 24))
		go io.Copy(io.Discard, there)
		served(c, 1000)
		began := time.Now()
		c.Close()
		if took := time.Since(began); took != 2*time.Second {
			t.Errorf("the end took %v", took)
		}
		began = time.Now()
		c.Close()
		if took := time.Since(began); took != 0 {
			t.Errorf("closing again took %v", took)
		}
	})
}

func TestAListenerSaysOnceAMinuteThatItIsSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := flood.NewAccount(share, false)
		var said []time.Time
		for began := time.Now(); time.Since(began) < 150*time.Second; {
			for range 2 * connections {
				a.Connected()
			}
			a.Admit(nil, func(string) { said = append(said, time.Now()) })
		}
		if len(said) != 3 || said[1].Sub(said[0]) < time.Minute || said[2].Sub(said[1]) < time.Minute {
			t.Errorf("in two minutes and a half it said so at %v", said)
		}
	})
}
