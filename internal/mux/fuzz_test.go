package mux_test

import (
	"encoding/binary"
	"io"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/internal/mux"
	"github.com/justcy/go-micro/v4/internal/wire"
)

// FuzzConn gives both kinds of ends what no peer would send. They must come to an
// end, and hold no more than their budget.
func FuzzConn(f *testing.F) {
	seed := func(frames ...mux.Frame) {
		var b []byte
		for _, frame := range frames {
			b = frame.Append(b)
		}
		f.Add(b)
	}
	open := byte(mux.FlagBegin | mux.FlagOpen)
	seed(mux.Frame{Kind: mux.KindMessage, Flags: openCall, Socket: 1, Payload: mux.Begin(openCall, "\x0d\x04text", 4, []byte("body"))},
		mux.Frame{Kind: mux.KindMessage, Flags: openCall | mux.FlagRepeat, Socket: 2, Payload: mux.Begin(openCall, "\x00", 4, []byte("body"))})
	seed(mux.Frame{Kind: mux.KindMessage, Flags: open, Socket: 1, Payload: mux.Begin(0, "\x00\x01a\x01b", 100, []byte("part"))},
		mux.Frame{Kind: mux.KindMessage, Socket: 1, Payload: make([]byte, 96)},
		mux.Frame{Kind: mux.KindMessage, Flags: mux.FlagBegin | mux.FlagRepeat, Socket: 1, Payload: mux.Begin(0, "", 0, nil)},
		mux.Frame{Kind: mux.KindClose, Socket: 1})
	seed(mux.Frame{Kind: mux.KindMessage, Flags: mux.FlagBegin | mux.FlagLast, Socket: 1, Payload: mux.Begin(0, "\x06\x03why", 0, nil)},
		mux.Frame{Kind: mux.KindReset, Socket: 2, Payload: []byte("\x01refused")})
	seed(mux.Frame{Kind: mux.KindWindow, Socket: 1, Payload: binary.BigEndian.AppendUint32(nil, 1<<20)},
		mux.Frame{Kind: mux.KindPing, Payload: make([]byte, 8)},
		mux.Frame{Kind: mux.KindGoAway, Payload: []byte{0, 0, 0, 0, 1}})
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, serves := range []bool{true, false} {
			a, b := tcpPair(t)
			config := mux.Config{Conn: b, Ping: -1}
			if serves {
				config.Accept = func(s *mux.Socket, _ wire.Header, body []byte, _ bool) {
					if len(body)%2 == 0 {
						s.SendFields([]wire.Field{{Name: "Content-Type", Value: "x"}}, body[:min(len(body), 100)])
					}
					s.Close()
				}
			}
			c := mux.New(config)
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				c.Run(nil)
			}()
			if !serves {
				s, err := c.Open()
				if err == nil {
					s.SendFields(nil, []byte("x"))
				}
				go call(c, 1, []byte("y"))
			}
			go io.Copy(io.Discard, a)
			a.SetWriteDeadline(time.Now().Add(time.Second))
			a.Write(data)
			if held := c.Held(); held > mux.DefaultMaxBuffered {
				t.Errorf("%d bytes are held", held)
			}
			a.Close()
			<-ended
		}
	})
}
