package io_test

import (
	"fmt"
	"io"
	"testing"
	"testing/iotest"

	"github.com/justcy/go-micro/v4/transport"
	mio "github.com/justcy/go-micro/v4/util/io"
	"github.com/justcy/go-micro/v4/util/socket"
)

func ExampleNewRWC() {
	s := socket.New("1")
	stream := mio.NewRWC(s)
	defer stream.Close()
	fmt.Fprintf(stream, "one message")
	var m transport.Message
	s.Process(&m)
	fmt.Printf("%s\n", m.Body)
	// Output: one message
}

// Improves on v4, which loses the rest and returns an impossible count.
func TestMessageLargerThanTheReadBufferIsKept(t *testing.T) {
	s := socket.New("1")
	for _, body := range []string{"0123456789", "", "abc"} {
		if err := s.Accept(&transport.Message{Body: []byte(body)}); err != nil {
			t.Fatal(err)
		}
	}
	s.Close()
	stream := mio.NewRWC(s)
	p := make([]byte, 4)
	for _, want := range []string{"", "0123", "4567", "89", "abc"} {
		buffer := p
		if want == "" {
			buffer = nil
		}
		if n, err := stream.Read(buffer); err != nil || string(p[:n]) != want {
			t.Errorf("Read gives %q, the error %v, want %q", p[:n], err, want)
		}
	}
	if _, err := stream.Read(p); err != io.EOF {
		t.Errorf("Read ends with %v", err)
	}
	if n, err := stream.Write(p); n != 0 || err != io.EOF {
		t.Errorf("Write after the end gives %d, %v", n, err)
	}
}

func TestItIsAReader(t *testing.T) {
	s := socket.New("1")
	var all []byte
	for i := range 100 {
		part := fmt.Appendf(nil, "%d,", i*i)
		all = append(all, part...)
		s.Accept(&transport.Message{Body: part})
	}
	s.Close()
	if err := iotest.TestReader(mio.NewRWC(s), all); err != nil {
		t.Error(err)
	}
}
