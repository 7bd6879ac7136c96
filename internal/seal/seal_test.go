package seal_test

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/internal/seal"
	"github.com/justcy/go-micro/v4/internal/testkit"
	mtls "github.com/justcy/go-micro/v4/util/tls"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// pair returns the ends of a connection: what lies under TLS at one, which has begun
// to seal, and TLS at the other. What is sealed goes through what wraps return.
func pair(t *testing.T, wraps ...func(net.Conn) net.Conn) (*seal.Conn, net.Conn, *tls.Conn) {
	t.Helper()
	cert, err := mtls.Certificate("127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	a, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	b, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	for _, wrap := range wraps {
		b = wrap(b)
	}
	peer := seal.Client(a, &tls.Config{InsecureSkipVerify: true})
	conn := seal.Server(b, &tls.Config{Certificates: []tls.Certificate{cert}})
	t.Cleanup(func() { conn.Close(); peer.Close() })
	done := make(chan error, 1)
	go func() { done <- peer.Handshake() }()
	if err := errors.Join(conn.Handshake(), <-done); err != nil {
		t.Fatal(err)
	}
	under := seal.Under(conn)
	under.Begin()
	return under, conn, peer
}

func sealed(t *testing.T, c *seal.Conn, p, buf []byte) []byte {
	t.Helper()
	records, err := c.Seal(p, buf)
	if err != nil {
		t.Fatal(err)
	}
	return records
}

func TestThePeerReadsWhatWasSealed(t *testing.T) {
	c, _, peer := pair(t)
	peer.SetDeadline(time.Now().Add(testkit.Patience))
	buf := make([]byte, 0, 400_000)
	for _, size := range []int{1, 100, 16 << 10, 16<<10 + 1, 300_000} {
		want := bytes.Repeat([]byte{byte(size), 7}, size)[:size]
		records := sealed(t, c, want, buf)
		if &records[0] != &buf[:1][0] {
			t.Errorf("%d bytes: the records are not in the memory that was given", size)
		}
		var writing sync.WaitGroup
		writing.Go(func() { c.Conn.Write(records) })
		got := make([]byte, size)
		if _, err := io.ReadFull(peer, got); err != nil || !bytes.Equal(got, want) {
			t.Fatalf("%d bytes: the peer reads something else: %v", size, err)
		}
		writing.Wait()
		c.Sent()
	}
}

func TestCloseTellsThePeerThatNothingFollows(t *testing.T) {
	c, conn, peer := pair(t)
	c.Conn.Write(sealed(t, c, []byte("last"), nil))
	c.Sent()
	conn.Close()
	if got, err := io.ReadAll(peer); err != nil || string(got) != "last" {
		t.Errorf("the peer reads %q, %v", got, err)
	}
}

func TestNothingComesBetweenRecordsThatAreWrittenInPart(t *testing.T) {
	c, conn, peer := pair(t)
	records := sealed(t, c, make([]byte, 20_000), nil)
	c.Conn.Write(records[:len(records)/2])
	conn.Close()
	if _, err := io.ReadAll(peer); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("the peer, of which half is kept, gets %v, want %v", err, io.ErrUnexpectedEOF)
	}
}

// crypto/tls itself waits five seconds to say good-bye.
func TestCloseDoesNotWaitForAPeerThatReadsNothing(t *testing.T) {
	c, conn, _ := pair(t)
	for err := error(nil); !errors.Is(err, os.ErrDeadlineExceeded); {
		c.Conn.SetWriteDeadline(time.Now().Add(50 * time.Millisecond))
		_, err = c.Conn.Write(make([]byte, 1<<20))
	}
	began := time.Now()
	conn.Close()
	if took := time.Since(began); took > 4*time.Second {
		t.Errorf("Close took %v", took)
	}
}

// What TLS says of its own while records wait is written after them.
func TestWhatTLSSaysOfItsOwnKeepsItsPlaceAndIsBounded(t *testing.T) {
	c, _, _ := pair(t)
	sealed(t, c, []byte("first"), nil)
	own := bytes.Repeat([]byte("key update"), 100)
	if n, err := c.Write(own); n != len(own) || err != nil {
		t.Fatalf("Write: %d, %v", n, err)
	}
	c.Sent()
	if next := sealed(t, c, []byte("second"), nil); !bytes.HasPrefix(next, own) || len(next) == len(own) {
		t.Error("it is not in front of what is sealed next")
	}
	kept := 0
	for range 1000 {
		n, err := c.Write(own)
		if kept += n; err != nil {
			break
		}
	}
	if kept > 64<<10 {
		t.Errorf("%d bytes are kept for a peer that reads nothing", kept)
	}
}

func TestAConnectionWhoseHandshakeMayBeRepeatedIsNotSealed(t *testing.T) {
	c, _, _ := pair(t)
	again := &tls.Config{InsecureSkipVerify: true, Renegotiation: tls.RenegotiateFreelyAsClient}
	if seal.Under(seal.Client(c.Conn, again)) != nil {
		t.Error("a handshake of its peer's would wait for one who waits for it")
	}
}

func TestWhatIsNotOfTheSystemIsNotSealed(t *testing.T) {
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	if seal.Under(seal.Client(a, &tls.Config{InsecureSkipVerify: true})) != nil || seal.Under(b) != nil {
		t.Error("a pipe has a file descriptor")
	}
}
