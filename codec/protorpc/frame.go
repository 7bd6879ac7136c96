package protorpc

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math"

	"google.golang.org/protobuf/proto"

	"github.com/justcy/go-micro/v4/codec/internal/stream"
)

const (
	// prefixSize is the length of the number that begins a frame.
	prefixSize = 4
	// maxFrame is the longest frame, in bytes, that is read from a stream which
	// does not hold it in memory already.
	maxFrame = 64 << 20
)

// WriteNetString writes data as a frame: its length in four bytes, big-endian,
// and the bytes, with one Write. It returns how many bytes of data were
// written.
func WriteNetString(w io.Writer, data []byte) (int, error) {
	if err := checkSize(len(data)); err != nil {
		return 0, err
	}
	b := binary.BigEndian.AppendUint32(stream.Space(w, prefixSize+len(data)), uint32(len(data)))
	n, err := w.Write(append(b, data...))
	return max(n-prefixSize, 0), err
}

// ReadNetString reads a frame written by WriteNetString and returns its bytes,
// nil for an empty one. It returns io.EOF when there is no frame left,
// io.ErrUnexpectedEOF when a frame does not end, and an error for frames over
// 64 MiB.
func ReadNetString(r io.Reader) ([]byte, error) {
	data, err := stream.Frame(r, maxFrame)
	return bytes.Clone(data), err
}

// appendFrame appends the frame of m, an empty one for a nil m.
func appendFrame(b []byte, m proto.Message) ([]byte, error) {
	start := len(b)
	b = append(b, make([]byte, prefixSize)...)
	b, err := proto.MarshalOptions{}.MarshalAppend(b, m)
	if err != nil {
		return nil, err
	}
	size := len(b) - start - prefixSize
	if err := checkSize(size); err != nil {
		return nil, err
	}
	binary.BigEndian.PutUint32(b[start:], uint32(size))
	return b, nil
}

func checkSize(n int) error {
	if uint64(n) > math.MaxUint32 {
		return fmt.Errorf("frame of %d bytes exceeds the limit of %d", n, uint32(math.MaxUint32))
	}
	return nil
}
