package codec

import "io"

// Resetter is a codec that can be pooled: Reset makes it as good as new for
// another stream. Nothing of the former stream is left, neither bytes read
// ahead nor ids waiting for a response; the former stream is not closed. Reset
// with a nil stream drops the reference to the former one before the codec
// goes to a pool.
//
// Reset must not run while the codec reads or writes.
type Resetter interface {
	Codec
	Reset(rwc io.ReadWriteCloser)
}

// Buffered is a stream that holds all of its unread bytes in memory and gets
// no more until they are consumed: a *[bytes.Buffer] and everything that embeds
// one has these methods. Codecs decode such a stream where it lies, without a
// copy of the body.
type Buffered interface {
	// Bytes returns the unread bytes without consuming them. They stay valid
	// until the stream is next written to, reset or closed.
	Bytes() []byte
	// Next consumes n bytes and returns them, or fewer when fewer are left.
	// They stay valid as long as those of Bytes.
	Next(n int) []byte
}

// Appender is a stream whose free memory a codec can encode into, so that
// writing the result copies nothing. A *[bytes.Buffer] and everything that
// embeds one has these methods.
type Appender interface {
	// Grow makes room for n bytes.
	Grow(n int)
	// AvailableBuffer returns an empty slice with the free memory behind it.
	// What is appended to it must be handed to Write at once.
	AvailableBuffer() []byte
}
