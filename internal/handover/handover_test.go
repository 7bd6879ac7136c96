package handover_test

import (
	"io"
	"net"
	"testing"
	"testing/synctest"

	"github.com/justcy/go-micro/v4/internal/handover"
	"github.com/justcy/go-micro/v4/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

func TestWhatWasReadAheadComesFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := handover.New(&net.TCPAddr{})
		here, there := net.Pipe()
		go l.Serve(handover.NewConn(there, []byte("read ahead")))
		c, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			io.WriteString(here, ", and the rest")
			here.Close()
		}()
		if got, err := io.ReadAll(c); string(got) != "read ahead, and the rest" || err != nil {
			t.Errorf("got %q, %v", got, err)
		}
		c.Close()
	})
}

func TestServeReturnsWhenTheConnectionIsClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := handover.New(&net.TCPAddr{})
		here, there := net.Pipe()
		defer here.Close()
		served := make(chan struct{})
		go func() {
			defer close(served)
			l.Serve(handover.NewConn(there, nil))
		}()
		c, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		l.Close() // which does not end those that were handed over
		synctest.Wait()
		select {
		case <-served:
			t.Error("Serve returned before that")
		default:
		}
		c.Close()
		c.Close()
		<-served
	})
}

func TestAListenerThatIsClosedTakesNothing(t *testing.T) {
	l := handover.New(&net.TCPAddr{})
	l.Close()
	l.Close()
	_, there := net.Pipe()
	if l.Serve(handover.NewConn(there, nil)) {
		t.Error("it has taken a connection")
	}
	if _, err := l.Accept(); err != net.ErrClosed {
		t.Errorf("Accept gives %v", err)
	}
	select {
	case <-l.Closed():
	default:
		t.Error("it does not say that it is closed")
	}
}
