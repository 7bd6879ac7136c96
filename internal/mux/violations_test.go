package mux_test

import (
	"encoding/binary"
	"strings"
	"testing"

	"github.com/justcy/go-micro/v4/internal/mux"
	"github.com/justcy/go-micro/v4/internal/testkit"
)

// A peer that breaks a rule is told which, and loses its connection.
func TestABrokenRuleEndsTheConnection(t *testing.T) {
	message := func(flags byte, socket uint32, payload []byte) mux.Frame {
		return mux.Frame{Kind: mux.KindMessage, Flags: flags, Socket: socket, Payload: payload}
	}
	const open = mux.FlagBegin | mux.FlagOpen
	call := message(openCall, 1, mux.Begin(openCall, "", 0, nil))
	for name, c := range map[string]struct {
		frames []mux.Frame
		why    string
	}{
		"a kind that there is not":         {[]mux.Frame{{Kind: 99}}, "unknown frame kind"},
		"a flag that there is not":         {[]mux.Frame{message(0x80|mux.FlagBegin, 1, mux.Begin(0, "", 0, nil))}, "flags"},
		"flags of a continuation":          {[]mux.Frame{message(mux.FlagLast, 1, []byte("x"))}, "flags"},
		"a call that is no exchange":       {[]mux.Frame{message(open|mux.FlagLast, 1, mux.Begin(0, "", 0, nil))}, "flags"},
		"a message about the connection":   {[]mux.Frame{message(open, 0, mux.Begin(0, "", 0, nil))}, "socket 0"},
		"a ping about a socket":            {[]mux.Frame{{Kind: mux.KindPing, Socket: 1, Payload: make([]byte, 8)}}, "socket 1"},
		"a short ping":                     {[]mux.Frame{{Kind: mux.KindPing, Payload: make([]byte, 7)}}, "payload"},
		"a message without lengths":        {[]mux.Frame{message(open, 1, []byte("x"))}, "too short"},
		"more body than announced":         {[]mux.Frame{message(open, 1, mux.Begin(0, "", 1, []byte("xy")))}, "lengths"},
		"a block beyond its frame":         {[]mux.Frame{message(open, 1, []byte{0, 9, 0, 0, 0, 0})}, "lengths"},
		"a header that is none":            {[]mux.Frame{message(open, 1, mux.Begin(0, "\xff\x00", 0, nil))}, "header"},
		"a header name with a line break":  {[]mux.Frame{message(open, 1, mux.Begin(0, "\x00\x03a\r\n\x01x", 0, nil))}, "header"},
		"a header value with a NUL":        {[]mux.Frame{message(open, 1, mux.Begin(0, "\x0d\x01\x00", 0, nil))}, "header"},
		"a socket opened twice":            {[]mux.Frame{call, call}, "twice"},
		"a continuation of nothing":        {[]mux.Frame{call, message(0, 1, []byte("x"))}, "continuation"},
		"a longer body than announced":     {[]mux.Frame{message(openCall, 1, mux.Begin(openCall, "", 2, []byte("x"))), message(0, 1, []byte("yz"))}, "longer"},
		"a message within another":         {[]mux.Frame{message(openCall, 1, mux.Begin(openCall, "", 2, []byte("x"))), call}, "within another"},
		"headers that were never sent":     {[]mux.Frame{message(openCall|mux.FlagRepeat, 1, mux.Begin(openCall, "\x00", 0, nil))}, "repeats"},
		"a place that there is not":        {[]mux.Frame{message(openCall|mux.FlagRepeat, 1, mux.Begin(openCall, "\x09", 0, nil))}, "repeats"},
		"credit without end":               {[]mux.Frame{{Kind: mux.KindWindow, Payload: []byte{0xff, 0xff, 0xff, 0xff}}}, "credit"},
		"credit that was never used":       {[]mux.Frame{{Kind: mux.KindWindow, Payload: []byte{0, 0, 0, 1}}, {Kind: mux.KindWindow, Payload: []byte{0, 0, 0, 1}}}, "credit"},
		"more messages than credit allows": {manyMessages(), "credit"},
	} {
		t.Run(name, func(t *testing.T) {
			p, server := rawClient(t, mux.Config{}, never)
			p.write(c.frames...)
			if why := p.goAway(); !strings.Contains(why, c.why) {
				t.Errorf("the peer is told %q, want something with %q", why, c.why)
			}
			testkit.Eventually(t, "the connection ends", func() bool { return server.Err() != nil })
		})
	}
}

// manyMessages are more than the window of a socket that nobody reads.
func manyMessages() (frames []mux.Frame) {
	flags := byte(mux.FlagBegin | mux.FlagOpen)
	body := make([]byte, 60<<10)
	for range 6 {
		frames = append(frames, mux.Frame{Kind: mux.KindMessage, Flags: flags, Socket: 1, Payload: mux.Begin(0, "", len(body), body)})
		flags = mux.FlagBegin
	}
	return frames
}

func TestAServerOpensNoSockets(t *testing.T) {
	p, c := rawServer(t, mux.Config{})
	p.write(mux.Frame{Kind: mux.KindMessage, Flags: openCall, Socket: 1, Payload: mux.Begin(openCall, "", 0, nil)})
	if why := p.goAway(); !strings.Contains(why, "opened socket") {
		t.Errorf("the peer is told %q", why)
	}
	testkit.Eventually(t, "the connection ends", func() bool { return c.Err() != nil })
}

func TestAPingIsAnswered(t *testing.T) {
	p, _ := rawClient(t, mux.Config{}, never)
	want := binary.BigEndian.AppendUint64(nil, 0x1122334455667788)
	p.write(mux.Frame{Kind: mux.KindPing, Payload: want})
	for {
		f, ok := p.read()
		if !ok {
			t.Fatal("no answer")
		}
		if f.Kind == mux.KindPong {
			if string(f.Payload) != string(want) {
				t.Errorf("the answer is %x", f.Payload)
			}
			return
		}
	}
}
