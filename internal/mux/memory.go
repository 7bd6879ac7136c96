package mux

import "github.com/justcy/go-micro/v4/internal/wire"

// maxRepeat is the largest header block, in bytes, that is remembered so that
// later messages can repeat it.
const maxRepeat = 2 << 10

// repeatable reports whether a block of n bytes is remembered.
func repeatable(n int) bool { return n > 0 && n <= maxRepeat }

// memory holds the header blocks that the calls of one direction of a
// connection repeat: the last four. Both ends remember the same ones.
type memory struct {
	texts  [4]string
	blocks [4]*wire.Block // at the end that receives
	count  int            // of all that were ever remembered
}

// find returns the place of a block.
func (m *memory) find(block []byte) (at byte, ok bool) {
	for i := range m.texts {
		if string(block) == m.texts[i] && len(block) > 0 {
			return byte(i), true
		}
	}
	return 0, false
}

// remember puts a block in the place of the oldest one, if it is repeatable.
func (m *memory) remember(text string, block *wire.Block) {
	if !repeatable(len(text)) {
		return
	}
	at := m.count % len(m.texts)
	m.texts[at], m.blocks[at] = text, block
	m.count++
}
