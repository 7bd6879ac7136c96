package main

import (
	"bufio"
	"encoding/json"
	"io"
	"strings"
	"testing"
	"time"
)

// conversation is a worker in this process.
type conversation struct {
	t       *testing.T
	in      io.WriteCloser
	answers *bufio.Scanner
	ended   chan error
}

func converse(t *testing.T) *conversation {
	inReader, in := io.Pipe()
	out, outWriter := io.Pipe()
	c := &conversation{t: t, in: in, answers: bufio.NewScanner(out), ended: make(chan error, 1)}
	go func() {
		err := work(inReader, outWriter, peers())
		_ = outWriter.Close() // never fails
		c.ended <- err
	}()
	return c
}

func (c *conversation) say(line string) reply {
	c.t.Helper()
	if _, err := io.WriteString(c.in, line+"\n"); err != nil {
		c.t.Fatal(err)
	}
	if !c.answers.Scan() {
		c.t.Fatalf("%s: no answer", line)
	}
	var answer reply
	if err := json.Unmarshal(c.answers.Bytes(), &answer); err != nil {
		c.t.Fatalf("%s: answer %q: %v", line, c.answers.Text(), err)
	}
	return answer
}

func (c *conversation) end() {
	c.t.Helper()
	_ = c.in.Close() // never fails
	if err := <-c.ended; err != nil {
		c.t.Error(err)
	}
}

func TestWorkersServeAndCall(t *testing.T) {
	server, client := converse(t), converse(t)
	served := server.say(`{"do":"serve","peer":"micro","case":"unary","callers":2,"size":128}`)
	if served.Error != "" || served.Address == "" {
		t.Fatalf("answer %+v", served)
	}
	dial, err := json.Marshal(request{Do: doDial, Peer: ours, Case: caseUnary, Callers: 2, Size: 128, Address: served.Address})
	if err != nil {
		t.Fatal(err)
	}
	if dialed := client.say(string(dial)); dialed.Error != "" {
		t.Fatal(dialed.Error)
	}
	ran := client.say(`{"do":"run","duration":1000000}`)
	if ran.Error != "" || ran.Took.Calls < 2 || ran.Took.P99 < ran.Took.P50 || ran.Took.P50 <= 0 || ran.Usage.Time < time.Millisecond {
		t.Errorf("answer %+v", ran)
	}
	if used := server.say(`{"do":"usage"}`); used.Error != "" || used.Usage.Mallocs == 0 || used.Usage.Time <= 0 {
		t.Errorf("answer %+v", used)
	}
	if held := server.say(`{"do":"memory"}`); held.Error != "" || held.Memory == 0 {
		t.Errorf("answer %+v", held)
	}
	client.end()
	server.end()
}

func TestWrongRequestsAreAnsweredAndTheWorkerGoesOn(t *testing.T) {
	c := converse(t)
	for _, step := range []struct{ line, answer string }{
		{`nonsense`, "request: "},
		{`{"do":"dance"}`, `cannot do "dance"`},
		{`{"do":"serve","peer":"nobody","case":"unary"}`, `there is no "nobody"`},
		{`{"do":"serve","case":"unary"}`, "no peer is named"},
		{`{"do":"serve","peer":"micro","case":"tls","identity":{"certificate":"AAAA"}}`, "certificate: "},
		{`{"do":"dial","peer":"micro","case":"unary","address":"here"}`, "record of the service"},
		{`{"do":"run"}`, "no load to run"},
		{`{"do":"serve","peer":"tcp-echo","case":"unary","callers":1,"size":1}`, ""},
		{`{"do":"serve","peer":"tcp-echo","case":"unary","callers":1,"size":1}`, "already started"},
	} {
		answer := c.say(step.line)
		if !strings.Contains(answer.Error, step.answer) || (answer.Error == "") != (step.answer == "") {
			t.Errorf("%s: answer %q", step.line, answer.Error)
		}
	}
	c.end()
}

func TestARequestIsBounded(t *testing.T) {
	err := work(strings.NewReader(strings.Repeat(" ", maxLine+1)), io.Discard, peers())
	if err == nil {
		t.Error("a line of any length is read")
	}
}
