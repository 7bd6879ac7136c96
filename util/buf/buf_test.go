package buf_test

import (
	"bytes"
	"io"
	"testing"

	"github.com/justcy/go-micro/v4/codec"
	"github.com/justcy/go-micro/v4/util/buf"
)

func TestCloseResets(t *testing.T) {
	b := buf.New(bytes.NewBufferString("abc"))
	if err := b.Close(); err != nil || b.Len() != 0 {
		t.Errorf("%d bytes left, %v", b.Len(), err)
	}
	if _, err := b.WriteString("again"); err != nil || b.String() != "again" {
		t.Errorf("got %q, %v", b, err)
	}
}

func TestNilIsANewBuffer(t *testing.T) {
	var rwc io.ReadWriteCloser = buf.New(nil)
	if _, err := rwc.Write([]byte("abc")); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(rwc); string(got) != "abc" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestCodecsUseItsMemory(t *testing.T) {
	var b any = buf.New(nil)
	if _, ok := b.(codec.Buffered); !ok {
		t.Error("no codec.Buffered")
	}
	if _, ok := b.(codec.Appender); !ok {
		t.Error("no codec.Appender")
	}
}
