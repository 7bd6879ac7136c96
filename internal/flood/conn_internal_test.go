package flood

import (
	"io"
	"net"
	"testing"
)

// The answer to an earlier request may leave between the reset that is one too
// many and the end of the connection.
func TestAnAnswerOnItsWayDoesNotTakeTheGoAwayBack(t *testing.T) {
	here, there := net.Pipe()
	done := make(chan struct{})
	close(done)
	c := NewConn(here, NewAccount(0), done)
	c.Received(make([]byte, prefaceSize))
	for c.bearable([]byte{0, 0, 4, typeReset, 0, 0, 0, 0, 1, 0, 0, 0, 8}) {
	}
	go func() {
		defer c.Close()
		c.Write([]byte{0, 0, 0, typeHeaders, 0x1, 0, 0, 0, 1})
		if c.Received(nil) {
			t.Error("more is served")
		}
	}()
	sent, err := io.ReadAll(there)
	if err != nil || len(sent) != 2*headSize+8 || sent[headSize+3] != typeGoAway || sent[len(sent)-1] != enhanceYourCalm {
		t.Errorf("the connection ends with %v, %v, want a go-away", sent, err)
	}
}
