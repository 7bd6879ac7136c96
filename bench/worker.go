package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

// What a worker can be asked to do.
const (
	doServe   = "serve"   // start a server; answers its address
	doDial    = "dial"    // make a client and a load for an address
	doCollect = "collect" // free what was left behind
	doUsage   = "usage"   // answers what the process has used so far
	doRun     = "run"     // run the load; answers latencies, and what was used meanwhile
	doMemory  = "memory"  // answers what is in use
)

// A request is a line of JSON on a worker's standard input.
type request struct {
	Do       string        `json:"do"`
	Peer     string        `json:"peer,omitempty"`
	Case     string        `json:"case,omitempty"`
	Callers  int           `json:"callers,omitempty"`
	Size     int           `json:"size,omitempty"`
	Identity *keyPair      `json:"identity,omitempty"`
	Address  string        `json:"address,omitempty"`
	Duration time.Duration `json:"duration,omitempty"`
}

// A reply is the line that a worker answers on its standard output.
type reply struct {
	Error   string    `json:"error,omitempty"`
	Address string    `json:"address,omitempty"`
	Memory  uint64    `json:"memory,omitempty"`
	Usage   usage     `json:"usage,omitzero"`
	Took    latencies `json:"took,omitzero"`
}

// maxLine bounds a request and a reply.
const maxLine = 1 << 20

// A worker is one side of a peer in a process of its own.
type worker struct {
	host
	peers []peer
}

// work answers requests until there are no more.
func work(in io.Reader, out io.Writer, known []peer) (err error) {
	w := &worker{peers: known}
	defer func() { err = errors.Join(err, w.close()) }()
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, maxLine)
	answers := json.NewEncoder(out)
	for lines.Scan() {
		answer, err := w.answer(lines.Bytes())
		if err != nil {
			answer = reply{Error: err.Error()}
		}
		if err := answers.Encode(answer); err != nil {
			return err
		}
	}
	return lines.Err()
}

func (w *worker) answer(line []byte) (reply, error) {
	var r request
	if err := json.Unmarshal(line, &r); err != nil {
		return reply{}, fmt.Errorf("request: %w", err)
	}
	return w.do(r)
}

func (w *worker) do(r request) (answer reply, err error) {
	switch r.Do {
	case doServe, doDial:
		answer.Address, err = w.start(r)
	case doCollect:
		err = w.collect()
	case doUsage:
		answer.Usage = usageNow()
	case doRun:
		answer.Took, answer.Usage, err = w.run(r.Duration)
	case doMemory:
		answer.Memory, err = w.memory()
	default:
		err = fmt.Errorf("cannot do %q", r.Do)
	}
	return answer, err
}

// start starts the side of a peer that is asked for, once.
func (w *worker) start(r request) (string, error) {
	if w.endpoint != nil || w.session != nil {
		return "", errors.New("already started")
	}
	chosen, err := choose(w.peers, r.Peer, func(p peer) string { return p.name })
	if err != nil {
		return "", err
	}
	if len(chosen) != 1 {
		return "", errors.New("no peer is named")
	}
	id, err := r.Identity.identity()
	if err != nil {
		return "", err
	}
	sc := scenario{r.Case, r.Callers, r.Size}
	if r.Do == doServe {
		return w.serve(chosen[0], newSetup(sc, id))
	}
	return r.Address, w.dial(chosen[0], newSetup(sc, id), sc, r.Address)
}
