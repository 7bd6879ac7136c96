// Package buf is a byte buffer that can be used where a connection is asked
// for.
package buf

import "bytes"

type buffer struct {
	*bytes.Buffer
}

// New returns b with a Close method that resets it. A nil b is a new buffer.
func New(b *bytes.Buffer) *buffer {
	if b == nil {
		b = new(bytes.Buffer)
	}
	return &buffer{Buffer: b}
}

// Close empties the buffer, which stays usable. It never fails.
func (b *buffer) Close() error {
	b.Reset()
	return nil
}
