package codectest

import (
	"bytes"
	"errors"
	"io"
	"testing/iotest"

	"github.com/justcy/go-micro/v4/codec"
)

// errStream is the error of a stream that fails.
var errStream = errors.New("stream failed")

// plain is a stream of which nothing is known but that it can be read, written
// and closed. What is written is not what is read.
type plain struct {
	in     io.Reader
	out    bytes.Buffer
	fail   bool
	closed int
}

func (s *plain) Read(p []byte) (int, error) { return s.in.Read(p) }

func (s *plain) Write(p []byte) (int, error) {
	if s.fail {
		return 0, errStream
	}
	return s.out.Write(p)
}

func (s *plain) Close() error {
	s.closed++
	return nil
}

// inMemory is a stream that shows its bytes: a codec.Buffered and Appender.
type inMemory struct {
	*bytes.Buffer
}

func (s inMemory) Close() error { return nil }

var (
	_ codec.Buffered = inMemory{}
	_ codec.Appender = inMemory{}
)

// kind is a way to make a stream that delivers some bytes.
type kind struct {
	name string
	open func(data []byte) io.ReadWriteCloser
}

var kinds = []kind{
	{"a stream in memory", func(data []byte) io.ReadWriteCloser {
		return inMemory{bytes.NewBuffer(bytes.Clone(data))}
	}},
	{"a plain stream", func(data []byte) io.ReadWriteCloser {
		return &plain{in: bytes.NewReader(data)}
	}},
	{"a stream that delivers single bytes", func(data []byte) io.ReadWriteCloser {
		return &plain{in: iotest.OneByteReader(bytes.NewReader(data))}
	}},
	{"a stream whose last bytes come with the end", func(data []byte) io.ReadWriteCloser {
		return &plain{in: iotest.DataErrReader(bytes.NewReader(data))}
	}},
}
