package flood

import (
	"slices"
	"testing"
)

// found is what each has told of a frame.
type found struct {
	kind, flags byte
	stream      uint32
	length      int
}

func FuzzFramesAreFoundHoweverTheyAreCut(f *testing.F) {
	f.Add([]byte("\x00\x00\x04\x03\x00\x80\x00\x00\x01\x00\x00\x00\x08\x00\x00\x00\x04\x01\x00\x00\x00\x00"), uint8(3))
	f.Add([]byte("\x00\x00\x00\x00\x01\x00\x00\x00\x01\x00\x40\x00\x00\x00\x00\x00\x00\x01cut short"), uint8(0))
	f.Fuzz(func(t *testing.T, b []byte, piece uint8) {
		var want []found
		for rest := b; len(rest) >= headSize; {
			length := int(rest[0])<<16 | int(rest[1])<<8 | int(rest[2])
			stream := uint32(rest[5]&0x7f)<<24 | uint32(rest[6])<<16 | uint32(rest[7])<<8 | uint32(rest[8])
			want = append(want, found{rest[3], rest[4], stream, length})
			rest = rest[min(len(rest), headSize+length):]
		}
		var got []found
		var s frames
		for p := range slices.Chunk(b, int(piece)+1) {
			s.each(p, func(kind, flags byte, stream uint32, length int, _ []byte) {
				got = append(got, found{kind, flags, stream, length})
			})
		}
		if !slices.Equal(got, want) {
			t.Errorf("in pieces of %d there are %v, want %v", int(piece)+1, got, want)
		}
	})
}
