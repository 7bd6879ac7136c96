package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/logger"

	"github.com/justcy/go-micro/bench/internal/echopb"
)

// TestEveryPeerEchoes makes a few calls of each size with every peer in each
// of its cases.
func TestEveryPeerEchoes(t *testing.T) {
	if err := logger.DefaultLogger.Init(logger.WithLevel(logger.ErrorLevel)); err != nil {
		t.Fatal(err)
	}
	identity, err := newIdentity()
	if err != nil {
		t.Fatal(err)
	}
	p := &plan{peers: peers(), identity: identity}
	for _, sc := range []scenario{
		{caseUnary, 3, small}, {caseUnary, 2, large}, {caseTLS, 3, medium}, {caseHTTP1, 3, medium},
		{casePingPong, 1, small}, {casePipelined, 1, small},
	} {
		t.Run(sc.String(), func(t *testing.T) {
			g, err := (&plan{peers: p.peers, identity: identity, form: oneProcess, rounds: 2}).measure(sc, turn{slice: time.Millisecond})
			if err != nil {
				t.Fatal(err)
			}
			if len(g.results) != len(p.taking(sc)) || len(g.results) == 0 {
				t.Errorf("%d results of %d peers", len(g.results), len(p.taking(sc)))
			}
			for _, r := range g.results {
				if r.RPS <= 0 || r.P50 <= 0 || r.P99 < r.P50 {
					t.Errorf("%+v", r)
				}
			}
		})
	}
}

func TestEveryPeerHoldsIdleStreams(t *testing.T) {
	for _, p := range peers() {
		if !p.runs(caseIdle) {
			continue
		}
		t.Run(p.name, func(t *testing.T) {
			r, err := startTogether(p, scenario{caseIdle, 3 * openers, small}, nil)
			if err != nil {
				t.Fatal(err)
			}
			s, err := measureIdle(r, 3*openers)
			if err = errors.Join(err, r.close()); err != nil {
				t.Fatal(err)
			}
			if s.RPS <= 0 || s.P50 <= 0 {
				t.Errorf("%+v", s)
			}
		})
	}
}

func TestAFailingPeerIsNamed(t *testing.T) {
	broken := peer{name: "broken", cases: []string{caseUnary}, serve: func(setup) (*endpoint, error) { return nil, io.ErrClosedPipe }}
	p := &plan{peers: []peer{tcpEchoPeer(), broken}, form: oneProcess, rounds: 1, progress: func(string) {}}
	p.scenarios = []scenario{{caseUnary, 1, small}}
	if err := p.run(); err == nil || !strings.Contains(err.Error(), "unary, 1 caller, 128 B: broken: ") {
		t.Errorf("error %v", err)
	}
}

// short answers every call with less than it was sent.
type short struct{}

func (short) call(context.Context, int, *echopb.Message) (int, error) { return 1, nil }
func (s short) close() error                                          { return nil }

func TestALostBodyIsAnError(t *testing.T) {
	cut := tcpEchoPeer()
	cut.dial = func(setup, string) (session, error) { return short{}, nil }
	p := &plan{peers: []peer{cut}, form: oneProcess, rounds: 1}
	if _, err := p.measure(scenario{caseUnary, 1, small}, turn{slice: time.Millisecond}); err == nil || !strings.Contains(err.Error(), "1 bytes came back of 128") {
		t.Errorf("error %v", err)
	}
}

func TestTurnsFitTheDeadline(t *testing.T) {
	all := scenarios(true)
	p := &plan{peers: peers(), rounds: 3, slice: time.Second, deadline: time.Now().Add(time.Minute)}
	if d := p.turnFor(all).slice; d <= 0 || d >= time.Second {
		t.Errorf("slice of %v for everything in a minute", d)
	}
	if d := p.turnFor(all[:1]).slice; d != time.Second {
		t.Errorf("slice of %v where there is time enough", d)
	}
	p.deadline = time.Now().Add(-time.Minute)
	if d := p.turnFor(all).slice; d <= 0 {
		t.Errorf("slice of %v after the deadline", d)
	}
}

func TestNobodyAlwaysComesAfterTheSame(t *testing.T) {
	const n = 4
	before := map[int]map[int]bool{}
	for round := range 2 * n {
		measured := map[int]bool{}
		for place := range n {
			one := inTurn(place, round, n)
			measured[one] = true
			if place == 0 {
				continue
			}
			if before[one] == nil {
				before[one] = map[int]bool{}
			}
			before[one][inTurn(place-1, round, n)] = true
		}
		if len(measured) != n {
			t.Errorf("round %d measures %d of %d", round, len(measured), n)
		}
	}
	for one := range n {
		if len(before[one]) < 2 {
			t.Errorf("%d always comes after %v", one, before[one])
		}
	}
}

func TestRoundsEndWithTheirTurn(t *testing.T) {
	p := &plan{peers: []peer{tcpEchoPeer()}, form: oneProcess, rounds: 1 << 30}
	g, err := p.measure(scenario{caseUnary, 1, small}, turn{time.Millisecond, time.Now().Add(-time.Second)})
	if err != nil || len(g.results) != 1 || g.results[0].RPS <= 0 {
		t.Errorf("results %+v: %v", g.results, err)
	}
}

func TestTheCommandLineChoosesPeersAndCases(t *testing.T) {
	folder := t.TempDir()
	var out bytes.Buffer
	args := []string{"-json", "-report", folder, "-peer", "tcp-echo,tcp-mux", "-case", "unary", "-callers", "16", "-size", "128",
		"-rounds", "2", "-slice", "1ms"}
	if err := run(args, &out, io.Discard); err != nil {
		t.Fatal(err)
	}
	decoder := json.NewDecoder(&out)
	for _, want := range []string{"tcp-echo", "tcp-mux"} {
		var r result
		if err := decoder.Decode(&r); err != nil || r.Peer != want || r.Callers != 16 {
			t.Errorf("row %+v: %v", r, err)
		}
	}
	if files, err := filepath.Glob(filepath.Join(folder, "benchmark.*")); err != nil || len(files) != 2 {
		t.Errorf("files %v: %v", files, err)
	}
}

func TestOnlyOnePeerAndCaseIsProfiled(t *testing.T) {
	folder := t.TempDir()
	cpu, memory := filepath.Join(folder, "cpu"), filepath.Join(folder, "memory")
	args := []string{"-cpuprofile", cpu, "-memprofile", memory, "-case", "unary", "-callers", "1", "-size", "128", "-rounds", "1", "-slice", "1ms"}
	if err := run(append(args, "-peer", "tcp-echo"), io.Discard, io.Discard); err != nil {
		t.Fatal(err)
	}
	if files, err := filepath.Glob(filepath.Join(folder, "*")); err != nil || len(files) != 2 {
		t.Errorf("files %v: %v", files, err)
	}
	if err := run(args, io.Discard, io.Discard); err == nil {
		t.Error("a profile of all peers at once")
	}
	if err := run([]string{"-split", "-cpuprofile", cpu, "-peer", "tcp-echo"}, io.Discard, io.Discard); err == nil {
		t.Error("a profile of all cases at once")
	}
}

func TestWrongCommandLinesAreRefused(t *testing.T) {
	for _, args := range []string{"-peer nobody", "-case nothing", "-callers 7", "stray", "-unknown", "-before old"} {
		if err := run(strings.Fields(args), io.Discard, io.Discard); err == nil {
			t.Errorf("%q is accepted", args)
		}
	}
}
