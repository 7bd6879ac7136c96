package flood_test

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"runtime"
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

// inTime runs a test with an account where time is simulated.
func inTime(t *testing.T, test func(t *testing.T, a *flood.Account)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { test(t, flood.NewAccount(share)) })
}

// fill has strangers connect as often as they may in a second, and once more.
func fill(a *flood.Account) {
	for range connections + 1 {
		a.Connected()
	}
}

// since returns the simulated time that something takes.
func since(something func()) time.Duration {
	began := time.Now()
	something()
	return time.Since(began)
}

func TestConnectionsThatAreOfNoUseWaitForTheirShare(t *testing.T) {
	inTime(t, func(t *testing.T, a *flood.Account) {
		for range connections {
			a.Connected()
		}
		if a.Wait(nil) {
			t.Error("what may be done at once has to wait")
		}
		took := since(func() {
			for range connections {
				a.Connected()
				if d := since(func() { a.Wait(nil) }); d > 20*time.Millisecond {
					t.Fatalf("one connection waits for %v", d)
				}
			}
		})
		if took < 900*time.Millisecond || took > 1200*time.Millisecond {
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

func TestConnectionsOnWhichARequestIsServedDoNotWait(t *testing.T) {
	inTime(t, func(t *testing.T, a *flood.Account) {
		for range 100 * connections {
			a.Connected()
			a.Served()
		}
		if a.Wait(nil) {
			t.Error("connections that are of use have to wait")
		}
	})
}

func TestWhatIsTakenBackFromNothingIsNoRoomForMore(t *testing.T) {
	inTime(t, func(t *testing.T, a *flood.Account) {
		fill(a)
		time.Sleep(time.Minute)
		for range connections {
			a.Served()
		}
		fill(a)
		if !a.Wait(nil) {
			t.Error("more than the share of a second did not wait")
		}
	})
}

func TestWorkForNothingMayTakeATenthOfTheProcessors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := flood.NewAccount(0)
		for range 2000 * runtime.GOMAXPROCS(0) {
			a.Connected()
		}
		if a.Wait(nil) {
			t.Error("as many as may come had to wait")
		}
		a.Connected()
		if !a.Wait(nil) {
			t.Error("more than may come did not wait")
		}
	})
}

func TestAFloodIsForgottenSoonAfterItsEnd(t *testing.T) {
	inTime(t, func(t *testing.T, a *flood.Account) {
		for range 1000 * connections {
			a.Connected()
		}
		if took := since(func() { a.Wait(nil) }); took > 20*time.Millisecond {
			t.Errorf("one connection waits for %v", took)
		}
		time.Sleep(time.Second)
		if a.Wait(nil) {
			t.Error("others wait a second later")
		}
	})
}

func TestAListenerThatIsClosedDoesNotWait(t *testing.T) {
	inTime(t, func(t *testing.T, a *flood.Account) {
		fill(a)
		done := make(chan struct{})
		close(done)
		if took := since(func() { a.Wait(done) }); took != 0 {
			t.Errorf("it waits for %v", took)
		}
	})
}

// peer is the other end of a connection of HTTP/2.
type peer struct {
	*flood.Conn
	stream uint32
}

// connect returns a connection that has begun.
func connect(a *flood.Account) *peer { return connectOver(new(sink), a) }

func connectOver(c net.Conn, a *flood.Account) *peer {
	a.Connected()
	p := &peer{Conn: flood.NewConn(c, a, nil), stream: 1}
	p.Received(make([]byte, 24))
	p.Received(testkit.AppendFrame(nil, testkit.H2Settings, 0, 0, nil))
	return p
}

// sink is a connection that takes anything.
type sink struct{ net.Conn }

func (*sink) SetWriteDeadline(time.Time) error { return nil }
func (*sink) Write(p []byte) (int, error)      { return len(p), nil }
func (*sink) CloseWrite() error                { return nil }
func (*sink) Close() error                     { return nil }

// request appends a request.
func (p *peer) request(b []byte) []byte {
	p.stream += 2
	return testkit.AppendFrame(b, testkit.H2Headers, 0x4|testkit.H2EndStream, p.stream, nil)
}

// reset appends the reset of the last request.
func (p *peer) reset(b []byte) []byte {
	return testkit.AppendReset(b, p.stream)
}

// resets sends requests that are reset at once and returns how many are served.
func (p *peer) resets(n int) (served int) {
	for served < n && p.Received(p.reset(p.request(nil))) {
		served++
	}
	return served
}

// calls sends requests that are answered.
func (p *peer) calls(n int) (served int) {
	for served < n && p.Received(p.request(nil)) {
		p.Write(testkit.AppendFrame(nil, testkit.H2Headers, testkit.H2EndStream, p.stream, nil))
		served++
	}
	return served
}

// pings sends frames that ask for nothing.
func (p *peer) pings(n int) (served int) {
	for served < n && p.Received(testkit.AppendFrame(nil, 0x6, 0, 0, make([]byte, 8))) {
		served++
	}
	return served
}

func TestResetsAreBoundedForAllConnectionsTogether(t *testing.T) {
	inTime(t, func(t *testing.T, a *flood.Account) {
		var each []int
		all := 0
		for range connections {
			n := connect(a).resets(1000)
			each = append(each, n)
			all += n
		}
		if each[0] < 100 {
			t.Errorf("the first connection had %d requests served, want as many as a calm listener serves", each[0])
		}
		if last := slices.Max(each[10:]); last != 5 {
			t.Errorf("a connection in a flood had %d requests served, want 5", last)
		}
		if most := 3 * connections * int(share/time.Millisecond); all > most {
			t.Errorf("%d requests were served, want at most %d", all, most)
		}
	})
}

func TestFramesThatAskForNothingAreBoundedForAllConnectionsTogether(t *testing.T) {
	inTime(t, func(t *testing.T, a *flood.Account) {
		var each []int
		for range 20 {
			each = append(each, connect(a).pings(10_000))
		}
		if each[0] != 2000 {
			t.Errorf("the first connection had %d frames served", each[0])
		}
		if last := slices.Max(each[10:]); last > 100 {
			t.Errorf("a connection in a flood had %d frames served", last)
		}
	})
}

// They are few on each connection, and many together.
func TestSlowResetsOnManyConnectionsCount(t *testing.T) {
	inTime(t, func(t *testing.T, a *flood.Account) {
		var peers []*peer
		for range connections {
			p := connect(a)
			p.calls(1)
			p.resets(1) // the answer has paid for it
			peers = append(peers, p)
		}
		waited := false
		for range 100 {
			time.Sleep(50 * time.Millisecond)
			for _, p := range peers {
				p.resets(1)
			}
			waited = a.Wait(nil) || waited
		}
		if !waited {
			t.Error("two thousand resets a second did not make the listener wait")
		}
	})
}

// Those who stay below what a connection may do must not keep out all others.
func TestConnectionsThatMakeAFloodSlowlyAreEnded(t *testing.T) {
	inTime(t, func(t *testing.T, a *flood.Account) {
		var peers []*peer
		for range 30 {
			peers = append(peers, connect(a))
		}
		ended := 0
		for range 1000 {
			time.Sleep(51 * time.Millisecond)
			peers = slices.DeleteFunc(peers, func(p *peer) bool {
				over := p.resets(1) == 0
				if over {
					ended++
				}
				return over
			})
			if took := since(func() { a.Wait(nil) }); took > 20*time.Millisecond {
				t.Fatalf("a connection waits for %v", took)
			}
		}
		if ended < 10 {
			t.Errorf("%d connections are ended", ended)
		}
	})
}

// Peers give credit for the pieces that they read, twice for each.
func TestCreditForLargeAnswersIsExplained(t *testing.T) {
	inTime(t, func(t *testing.T, a *flood.Account) {
		fill(a)
		p := connect(a)
		p.Received(p.request(nil))
		credit := testkit.AppendFrame(nil, 0x8, 0, 0, []byte{0, 0, 16, 0})
		for i := range 10_000 {
			p.Write(testkit.AppendFrame(nil, testkit.H2Data, 0, p.stream, make([]byte, 16<<10)))
			for range 8 {
				if !p.Received(credit) {
					t.Fatalf("the connection is ended at piece %d", i)
				}
			}
		}
	})
}

// The server resets a stream that is over for each piece of data that comes for it. The
// rest of an upload may still come.
func TestSmallDataForStreamsThatAreOverCounts(t *testing.T) {
	for size, want := range map[int]bool{1: false, 16 << 10: true} {
		inTime(t, func(t *testing.T, a *flood.Account) {
			p := connect(a)
			p.calls(1)
			data, served := testkit.AppendFrame(nil, testkit.H2Data, 0, p.stream, make([]byte, size)), 0
			for served < 10_000 && p.Received(data) {
				p.Write(p.reset(nil))
				served++
			}
			if all := served == 10_000; all != want {
				t.Errorf("%d pieces of %d bytes are served", served, size)
			}
		})
	}
}

func TestTheGoAwayNamesTheLastRequestThatWasServed(t *testing.T) {
	for name, earlier := range map[string]uint32{"by itself": 0, "after one that named an earlier one": 5} {
		t.Run(name, func(t *testing.T) {
			inTime(t, func(t *testing.T, a *flood.Account) {
				here, there := net.Pipe()
				sent := make(chan []byte)
				go func() {
					all, _ := io.ReadAll(there)
					sent <- all
				}()
				p := connectOver(here, a)
				p.calls(10)
				want := p.stream
				if earlier > 0 {
					want = earlier
					p.Write(testkit.AppendFrame(nil, testkit.H2GoAway, 0, 0, []byte{0, 0, 0, byte(earlier), 0, 0, 0, 0}))
				}
				var b []byte
				for range 1000 {
					b = p.reset(p.request(b))
				}
				p.Received(b)
				p.Close()
				all := <-sent
				if last := binary.BigEndian.Uint32(all[len(all)-8:]); last != want {
					t.Errorf("it names %d, want %d", last, want)
				}
			})
		})
	}
}

func TestRequestsThatAreLeftAtTheEndCount(t *testing.T) {
	inTime(t, func(t *testing.T, a *flood.Account) {
		for range 10 {
			p := connect(a)
			for range 50 {
				p.Received(p.request(nil))
			}
			p.Close()
		}
		if !a.Wait(nil) {
			t.Error("five hundred requests whose answers nobody waited for did not make the listener wait")
		}
	})
}

func TestAnsweredRequestsPayForResets(t *testing.T) {
	inTime(t, func(t *testing.T, a *flood.Account) {
		p := connect(a)
		p.calls(1000)
		fill(a)
		if n := p.resets(100); n != 100 {
			t.Errorf("%d resets after a thousand answers were served", n)
		}
		if n := p.resets(1000); n > 200 {
			t.Errorf("then %d more were", n)
		}
	})
}

// A server that needs no body resets the rest of the request, and so may its client.
func TestResetsAfterTheAnswerCostNothing(t *testing.T) {
	inTime(t, func(t *testing.T, a *flood.Account) {
		p := connect(a)
		for i := range 1000 {
			if p.calls(1) != 1 {
				t.Fatalf("request %d is not served", i)
			}
			p.Write(p.reset(nil))
			if !p.Received(p.reset(nil)) {
				t.Fatalf("the connection is ended at request %d", i)
			}
		}
	})
}

// A handler that panics has its stream reset by the server.
func TestFailuresOfTheServerCostThePeerNothing(t *testing.T) {
	inTime(t, func(t *testing.T, a *flood.Account) {
		p := connect(a)
		for i := range 1000 {
			if !p.Received(p.request(nil)) {
				t.Fatalf("the connection is ended at request %d", i)
			}
			p.Write(testkit.AppendFrame(nil, testkit.H2Reset, 0, p.stream, []byte{0, 0, 0, 2}))
		}
	})
}

func TestRequestsThatTheServerHasToResetCount(t *testing.T) {
	inTime(t, func(t *testing.T, a *flood.Account) {
		p := connect(a)
		served := 0
		for p.Received(p.request(nil)) && served < 1000 {
			p.Write(testkit.AppendFrame(nil, testkit.H2Reset, 0, p.stream, []byte{0, 0, 0, 1}))
			served++
		}
		if served > 200 {
			t.Errorf("%d are served", served)
		}
	})
}

// net/http reads on after the end of what it has looked at first.
func TestNothingIsReadAfterTheEnd(t *testing.T) {
	inTime(t, func(t *testing.T, a *flood.Account) {
		here, there := net.Pipe()
		defer there.Close()
		go io.Copy(io.Discard, there)
		p := connectOver(here, a)
		p.resets(1000)
		if n, err := p.Read(make([]byte, 1)); n != 0 || err != io.EOF {
			t.Errorf("read %d bytes, %v", n, err)
		}
	})
}

// Watches are reset by those who have seen enough of them.
func TestResetsOfStreamsThatHaveBegunCostNothing(t *testing.T) {
	inTime(t, func(t *testing.T, a *flood.Account) {
		fill(a)
		p := connect(a)
		for i := range 1000 {
			p.Received(p.request(nil))
			p.Write(testkit.AppendFrame(nil, testkit.H2Headers, 0x4, p.stream, nil))
			if !p.Received(p.reset(nil)) {
				t.Fatalf("the connection is ended at stream %d", i)
			}
		}
	})
}

// Clients that give up a request now and then are not those who make the flood.
func TestAClientMayResetSomeRequestsInAFlood(t *testing.T) {
	inTime(t, func(t *testing.T, a *flood.Account) {
		fill(a)
		p := connect(a)
		for range 60 {
			if p.resets(1) == 0 {
				t.Fatal("the connection is ended")
			}
			fill(a)
			time.Sleep(time.Second)
		}
	})
}

func TestWhatWasBorneBeforeAFloodEndsNoConnection(t *testing.T) {
	inTime(t, func(t *testing.T, a *flood.Account) {
		p := connect(a)
		p.calls(1)
		p.resets(50)
		time.Sleep(time.Second)
		fill(a)
		if p.pings(1) != 1 || p.calls(100) != 100 {
			t.Error("a connection that does no harm any more is ended")
		}
	})
}

func TestFramesThatAskForNothingAreForgiven(t *testing.T) {
	inTime(t, func(t *testing.T, a *flood.Account) {
		p := connect(a)
		for range 10 {
			if n := p.pings(1000); n != 1000 {
				t.Fatalf("%d are served", n)
			}
			time.Sleep(10 * time.Second)
		}
	})
}

// What was not served is not counted: it has cost next to nothing.
func TestAFloodThatIsNotServedCostsAConnection(t *testing.T) {
	inTime(t, func(t *testing.T, a *flood.Account) {
		for range connections {
			a.Connected()
			c := flood.NewConn(new(sink), a, nil)
			if c.Received(testkit.ResetFlood(1000)) {
				t.Fatal("a flood is served")
			}
			c.Close()
		}
		if a.Wait(nil) {
			t.Error("they cost more than their connections")
		}
	})
}

// closings closes connections at once and returns how many of them have waited.
func closings(peers []*peer) (waited int) {
	results := make(chan bool)
	for _, p := range peers {
		go func() { results <- since(func() { p.Close() }) > 0 }()
	}
	for range peers {
		if <-results {
			waited++
		}
	}
	return waited
}

func TestSomeConnectionsAreKeptForTheirPenaltyAndNoMore(t *testing.T) {
	inTime(t, func(t *testing.T, a *flood.Account) {
		for range 2 { // those of the first time are gone the second time
			peers := make([]*peer, 1000)
			for i := range peers {
				peers[i] = connect(a)
				peers[i].resets(1000)
			}
			if n := closings(peers); n != 100 {
				t.Errorf("%d connections have waited", n)
			}
		}
		if n := closings([]*peer{connect(a)}); n != 0 {
			t.Error("a connection that did no harm has waited")
		}
	})
}

func TestAPenaltyEndsWithTheListener(t *testing.T) {
	inTime(t, func(t *testing.T, a *flood.Account) {
		done := make(chan struct{})
		close(done)
		p := &peer{Conn: flood.NewConn(new(sink), a, done), stream: 1}
		p.Received(make([]byte, 24))
		p.resets(1000)
		if n := closings([]*peer{p}); n != 0 {
			t.Error("it has waited")
		}
	})
}

// The peer is told between two frames, by whatever pieces they are written.
func TestTheGoAwayFollowsTheFrameThatIsBeingWritten(t *testing.T) {
	inTime(t, func(t *testing.T, a *flood.Account) {
		here, there := net.Pipe()
		p := connectOver(here, a)
		frame := testkit.AppendFrame(nil, testkit.H2Data, 0, 1, make([]byte, 100))
		sent := make(chan []byte)
		go func() {
			all, _ := io.ReadAll(there)
			sent <- all
		}()
		p.Write(frame[:50])
		ended := make(chan int)
		go func() { ended <- p.resets(1000) }()
		synctest.Wait() // for what completes the frame
		p.Write(frame[50:])
		<-ended
		if _, err := p.Write(frame); err == nil {
			t.Error("something is written after the go-away")
		}
		p.Close()
		if all := <-sent; len(all) != len(frame)+17 || !bytes.HasPrefix(all, frame) || all[len(frame)+3] != testkit.H2GoAway {
			t.Errorf("the peer gets %q", all)
		}
	})
}

func TestAPeerThatTakesNothingIsNotWaitedFor(t *testing.T) {
	frame := testkit.AppendFrame(nil, testkit.H2Data, 0, 1, make([]byte, 100))
	for name, before := range map[string]func(p *peer, there net.Conn){
		"while nothing is written": func(*peer, net.Conn) {},
		"in the middle of a write": func(p *peer, _ net.Conn) { p.Write(frame) },
		"between two writes of a frame": func(p *peer, there net.Conn) {
			go io.ReadFull(there, make([]byte, 50))
			p.Write(frame[:50])
		},
	} {
		t.Run(name, func(t *testing.T) {
			inTime(t, func(t *testing.T, a *flood.Account) {
				here, there := net.Pipe()
				defer there.Close()
				p := connectOver(here, a)
				var writing sync.WaitGroup
				writing.Go(func() { before(p, there) })
				synctest.Wait()
				if took := since(func() { p.resets(1000) }); took > 2*time.Second {
					t.Errorf("the end took %v", took)
				}
				writing.Wait()
				p.Close()
			})
		})
	}
}

func TestAConnectionIsClosedWhileSomethingIsWritten(t *testing.T) {
	here, there := net.Pipe()
	defer there.Close()
	p := connectOver(here, flood.NewAccount(share))
	failed := make(chan error)
	go func() {
		_, err := p.Write(make([]byte, 100))
		failed <- err
	}()
	there.Read(make([]byte, 1)) // it is being written
	p.Close()
	if err := <-failed; err == nil {
		t.Error("the write has succeeded")
	}
}

// A server closes more than once, and some connections cannot be closed by halves.
func TestAConnectionIsKeptForItsPenaltyOnce(t *testing.T) {
	inTime(t, func(t *testing.T, a *flood.Account) {
		here, there := net.Pipe()
		defer there.Close()
		p := connectOver(here, a)
		go io.Copy(io.Discard, there)
		p.resets(1000)
		if took := since(func() { p.Close() }); took != 2*time.Second {
			t.Errorf("the end took %v", took)
		}
		if took := since(func() { p.Close() }); took != 0 {
			t.Errorf("closing again took %v", took)
		}
	})
}

func TestAListenerSaysOnceAMinuteThatItIsSlow(t *testing.T) {
	inTime(t, func(t *testing.T, a *flood.Account) {
		var said []time.Time
		for began := time.Now(); time.Since(began) < 150*time.Second; {
			fill(a)
			a.Admit(nil, func(string) { said = append(said, time.Now()) })
		}
		if len(said) != 3 || said[1].Sub(said[0]) < time.Minute || said[2].Sub(said[1]) < time.Minute {
			t.Errorf("in two minutes and a half it said so at %v", said)
		}
	})
}
