package mux_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/justcy/go-micro/v4/internal/budget"
	"github.com/justcy/go-micro/v4/internal/mux"
	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/internal/wire"
)

var longHeader = []wire.Field{{Name: "X-Long", Value: strings.Repeat("x", 1900)}}

func TestRepeatedHeadersCostNoCredit(t *testing.T) {
	t.Run("calls", func(t *testing.T) {
		small := mux.Config{MaxMessage: 1024, MaxBuffered: 1}
		p := newPair(t, small, small, echo)
		for range 3000 {
			if err := mux.NewCall().Do(p.client, &wire.Request{Fields: longHeader}, &wire.Reply{}); err != nil {
				t.Fatal(err)
			}
		}
	})
	t.Run("a socket", func(t *testing.T) {
		p := newPair(t, mux.Config{}, mux.Config{}, echo)
		s, err := p.client.Open()
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		for range 3000 {
			var h wire.Header
			if err := s.SendFields(longHeader, nil); err != nil {
				t.Fatal(err)
			}
			if _, err := s.RecvHeader(&h); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestALargeFirstMessageOfAStreamTakesNothingOfItsWindow(t *testing.T) {
	p := newPair(t, mux.Config{}, mux.Config{}, func(s *mux.Socket, _ wire.Header, _ []byte, _ bool) {
		go func() {
			defer s.Close()
			for {
				var h wire.Header
				if _, err := s.RecvHeader(&h); err != nil {
					return
				}
			}
		}()
	})
	for _, size := range []int{200 << 10, 300 << 10} {
		s, err := p.client.Open()
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Open(&wire.Request{ID: 1, Body: make([]byte, size)}); err != nil {
			t.Fatal(err)
		}
		for range 1000 {
			if err := s.SendFields(nil, make([]byte, 1000)); err != nil {
				t.Fatal(err)
			}
		}
		s.Close()
	}
}

func TestAReplyDoesNotWaitForWhatCameWithItsRequest(t *testing.T) {
	release := make(chan struct{})
	p, _ := rawClient(t, mux.Config{}, func(s *mux.Socket, _ wire.Header, body []byte, _ bool) {
		if string(body) == "quick" {
			s.SendFields(nil, []byte("ok"))
			return
		}
		go func() {
			<-release
			s.SendFields(nil, []byte("late"))
		}()
	})
	request := func(id uint32, body string) mux.Frame {
		return mux.Frame{Kind: mux.KindMessage, Flags: openCall, Socket: id, Payload: mux.Begin(openCall, "", len(body), []byte(body))}
	}
	p.write(request(1, "quick"), request(2, "slow"))
	for _, want := range []uint32{1, 2} {
		for {
			f, ok := p.read()
			if !ok {
				t.Fatalf("no reply to request %d", want)
			}
			if f.Kind != mux.KindMessage {
				continue
			}
			if f.Socket != want {
				t.Errorf("a reply to request %d, want one to %d", f.Socket, want)
			}
			break
		}
		if want == 1 {
			close(release)
		}
	}
}

func TestACallThatIsGivenUpHalfwayThroughItsReplyHoldsNothing(t *testing.T) {
	p := newPair(t, mux.Config{}, mux.Config{}, func(s *mux.Socket, _ wire.Header, body []byte, _ bool) {
		go func() {
			defer s.Close()
			s.SendFields(nil, make([]byte, 16<<20))
		}()
	})
	for range 30 {
		k := mux.NewCall()
		done := make(chan error, 1)
		go func() { done <- k.Do(p.client, &wire.Request{}, &wire.Reply{}) }()
		testkit.Eventually(t, "the reply is on its way", func() bool { return p.client.Held() > 0 })
		k.Break(errors.New("given up"), false)
		<-done
	}
	testkit.Eventually(t, "nothing is held", func() bool { return p.server.Opened() == 0 && p.client.Held() == 0 })
}

func TestARefusedMessageTakesNothingOfTheSharedBudget(t *testing.T) {
	shared := budget.New(1 << 30)
	p, c := rawClient(t, mux.Config{Budget: shared}, never)
	p.write(mux.Frame{Kind: mux.KindMessage, Flags: openCall, Socket: 1, Payload: mux.Begin(openCall, "", 60<<20, []byte("x"))})
	testkit.Eventually(t, "the message is counted", func() bool { return c.Held() > 0 })
	p.conn.Close()
	testkit.Eventually(t, "the connection has ended", func() bool { return c.Err() != nil })
	if held := shared.Held(); held != 0 {
		t.Errorf("%d bytes are held", held)
	}
}

func TestARequestInAHandlerCountsUntilItIsOverAlthoughItsConnectionHasEnded(t *testing.T) {
	shared := budget.New(1 << 30)
	entered := make(chan *mux.Socket, 1)
	p := newPair(t, mux.Config{}, mux.Config{Budget: shared}, func(s *mux.Socket, _ wire.Header, _ []byte, _ bool) { entered <- s })
	go call(p.client, 1, make([]byte, 1<<20))
	s := <-entered
	p.server.Close()
	if held := shared.Held(); held < 1<<20 {
		t.Errorf("%d bytes are held while the handler has a megabyte", held)
	}
	s.Close()
	if held := shared.Held(); held != 0 {
		t.Errorf("%d bytes are held by nobody", held)
	}
}

func TestWhatOpensAStreamCountsUntilItsBodyIsTaken(t *testing.T) {
	shared := budget.New(1 << 30)
	entered := make(chan *mux.Socket, 1)
	p := newPair(t, mux.Config{}, mux.Config{Budget: shared}, func(s *mux.Socket, _ wire.Header, _ []byte, _ bool) { entered <- s })
	const size, long = 1 << 20, 40 << 10
	open := func(fields ...wire.Field) *mux.Socket {
		t.Helper()
		s, err := p.client.Open()
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Open(&wire.Request{ID: 1, Fields: fields, Body: make([]byte, size)}); err != nil {
			t.Fatal(err)
		}
		return <-entered
	}
	holds := func(what string, atLeast, below int) {
		t.Helper()
		if held := p.server.Held(); held < atLeast || held >= below {
			t.Errorf("%s: the connection holds %d bytes, want %d to %d", what, held, atLeast, below)
		}
		if held := shared.Held(); held < atLeast || held >= below {
			t.Errorf("%s: all connections hold %d bytes, want %d to %d", what, held, atLeast, below)
		}
	}
	first := open()
	holds("while nobody has taken it", size, size+long)
	first.Consumed()
	first.Consumed() // once is enough
	holds("when it was taken", 1, long)
	second := open(wire.Field{Name: "X-Long", Value: strings.Repeat("x", long)})
	second.Consumed()
	holds("with headers that are kept", long, 2*long)
	first.Close()
	second.Close()
	first.Consumed()
	holds("when all is over", 0, 1)
	third, fourth := open(), open()
	third.Consumed()
	p.server.Close()
	fourth.Consumed()
	third.Close()
	fourth.Close()
	if held := shared.Held(); held != 0 {
		t.Errorf("%d bytes are held by nobody when the connection has ended", held)
	}
}

func TestAMessageWaitsForTheCreditOfItsConnectionAsLongAsItTakes(t *testing.T) {
	entered, release := make(chan struct{}, 1), make(chan struct{})
	small := mux.Config{MaxMessage: 1 << 20, MaxBuffered: 2 << 20}
	p := newPair(t, mux.Config{}, small, func(s *mux.Socket, _ wire.Header, body []byte, _ bool) {
		go func() {
			if s.Single() {
				entered <- struct{}{}
				<-release
				s.SendFields(nil, nil)
				return
			}
			var h wire.Header
			s.RecvHeader(&h)
			s.SendFields(nil, []byte("got it"))
		}()
	})
	stream, err := p.client.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	if err := stream.Open(&wire.Request{ID: 1}); err != nil {
		t.Fatal(err)
	}
	calls := make(chan error, 2)
	for i := range 2 { // which hold almost all of it
		go func() {
			_, err := call(p.client, uint64(i), make([]byte, 1<<20-16<<10))
			calls <- err
		}()
		<-entered
	}
	sent := make(chan error, 1)
	go func() { sent <- stream.SendFields(nil, make([]byte, 64<<10)) }()
	testkit.Eventually(t, "the message lines up", func() bool { return p.client.Waiting() == 1 })
	select {
	case err := <-sent:
		t.Fatalf("sent without credit: %v", err)
	default:
	}
	close(release)
	for range 2 {
		if err := <-calls; err != nil {
			t.Error(err)
		}
	}
	if err := <-sent; err != nil {
		t.Errorf("when there is credit again: %v", err)
	}
	var h wire.Header
	if body, err := stream.RecvHeader(&h); err != nil || string(body) != "got it" {
		t.Errorf("%q, %v", body, err)
	}
}
