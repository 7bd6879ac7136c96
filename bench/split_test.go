package main

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestEveryPeerEchoesBetweenTwoProcesses makes a few calls with every peer in
// most of its cases.
func TestEveryPeerEchoesBetweenTwoProcesses(t *testing.T) {
	identity, err := newIdentity()
	if err != nil {
		t.Fatal(err)
	}
	p := &plan{peers: peers(), form: twoProcesses, identity: identity, rounds: 1}
	for _, sc := range []scenario{
		{caseUnary, 1, small}, {caseTLS, 2, small}, {caseHTTP1, 2, small}, {casePipelined, 1, small}, {caseIdle, openers, small},
	} {
		t.Run(sc.String(), func(t *testing.T) {
			g, err := p.measure(sc, turn{slice: time.Millisecond})
			if err != nil {
				t.Fatal(err)
			}
			if len(g.results) != len(p.taking(sc)) || len(g.results) == 0 {
				t.Errorf("%d results of %d peers", len(g.results), len(p.taking(sc)))
			}
			for _, r := range g.results {
				if r.RPS <= 0 || r.P50 <= 0 || r.P99 < r.P50 || r.Processes != twoProcesses {
					t.Errorf("%+v", r)
				}
			}
		})
	}
}

func TestAnOlderBuildIsMeasuredBesideThisOne(t *testing.T) {
	older, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	args := strings.Fields("-json -split -peer micro,net/rpc -case unary -callers 1 -size 128 -rounds 1 -slice 1ms")
	if err := run(append(args, "-before", older), &out, io.Discard); err != nil {
		t.Fatal(err)
	}
	decoder := json.NewDecoder(&out)
	for _, want := range []string{ours, before, "net/rpc"} {
		var r result
		if err := decoder.Decode(&r); err != nil || r.Peer != want || r.RPS <= 0 {
			t.Errorf("row %+v: %v", r, err)
		}
	}
}

func TestBothProcessesAreProfiled(t *testing.T) {
	folder := t.TempDir()
	args := strings.Fields("-split -peer tcp-echo -case unary -callers 1 -size 128 -rounds 1 -slice 1ms")
	args = append(args, "-cpuprofile", filepath.Join(folder, "cpu.out"), "-memprofile", filepath.Join(folder, "memory"))
	if err := run(args, io.Discard, io.Discard); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"cpu.client.out", "cpu.server.out", "memory.client", "memory.server"} {
		if info, err := os.Stat(filepath.Join(folder, name)); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWhatAWorkerCannotDoIsReported(t *testing.T) {
	p := &plan{peers: []peer{{name: "unheard-of", cases: []string{caseUnary}}}, form: twoProcesses, rounds: 1}
	_, err := p.measure(scenario{caseUnary, 1, small}, turn{slice: time.Millisecond})
	if err == nil || !strings.Contains(err.Error(), `unheard-of: worker: serve: there is no "unheard-of"`) {
		t.Errorf("error %v", err)
	}
}

func TestAWorkerThatEndsIsReported(t *testing.T) {
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p, err := startProcess(binary)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.command.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if _, err := p.ask(request{Do: doUsage}); err == nil {
		t.Error("a dead worker answers")
	}
	if err := p.close(); err == nil {
		t.Error("its end is not reported")
	}
}
