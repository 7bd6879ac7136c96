package httpmsg

import "time"

// minRate is how many bytes of a body have to arrive each second, on average,
// beyond the time a peer may be silent. Slower than that is no network, but a
// peer that means to hold a connection.
const minRate = 500

// Pace tells until when more of a body has to arrive: within Stall, and soon
// enough for the whole to come along at a minimal rate. The zero value sets no
// limit.
type Pace struct {
	// Stall is how long a peer may be silent.
	Stall time.Duration

	begun time.Time // when the first Deadline was asked for
	got   int64
}

// Got notes that n bytes have arrived.
func (p *Pace) Got(n int) { p.got += int64(n) }

// Deadline returns when reading has to fail. There is none, and ok is false,
// without Stall.
func (p *Pace) Deadline() (deadline time.Time, ok bool) {
	if p.Stall <= 0 {
		return time.Time{}, false
	}
	now := time.Now()
	if p.begun.IsZero() {
		p.begun = now
	}
	deadline = p.begun.Add(p.Stall + time.Duration(p.got)*(time.Second/minRate))
	if silent := now.Add(p.Stall); silent.Before(deadline) {
		deadline = silent
	}
	return deadline, true
}
