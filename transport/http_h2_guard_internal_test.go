package transport

import (
	"io"
	"net"
	"testing"
)

// The answer to an earlier request may leave between the reset that is one too
// many and the end of the connection.
func TestAnAnswerOnItsWayDoesNotTakeTheGoAwayBack(t *testing.T) {
	g := newH2Guard()
	g.received(make([]byte, h2Preface))
	reset := []byte{0, 0, 4, h2Reset, 0, 0, 0, 0, 1, 0, 0, 0, 8}
	for g.received(reset) {
	}
	g.sent([]byte{0, 0, 0, h2Headers, h2EndStream, 0, 0, 0, 1})
	here, there := net.Pipe()
	go func() {
		defer here.Close()
		g.end(here, nil)
	}()
	frame, err := io.ReadAll(there)
	if err != nil || len(frame) < h2FrameHead || frame[3] != h2GoAway || frame[len(frame)-1] != h2EnhanceCalm {
		t.Errorf("the connection ends with %v, %v, want a go-away", frame, err)
	}
}
