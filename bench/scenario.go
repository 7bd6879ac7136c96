package main

import "fmt"

// The cases, as they are named in the results.
const (
	caseUnary     = "unary"            // calls in plain text, each peer by its own protocol
	caseTLS       = "tls"              // the same under TLS
	caseHTTP1     = "http1"            // calls in plain HTTP/1.1, without an upgrade
	casePingPong  = "stream-pingpong"  // one stream, one message on its way at a time
	casePipelined = "stream-pipelined" // one stream, up to pipelineWindow messages on their way
	caseIdle      = "idle-streams"     // many streams that carry nothing
)

// Body sizes and numbers of callers.
const (
	small  = 128
	medium = 64 << 10
	large  = 1 << 20

	alone = 1
	few   = 16
	many  = 128
	crowd = 1024

	idleStreams = 10_000
)

// A scenario is one thing to measure every peer at.
type scenario struct {
	name    string
	callers int
	size    int
}

func (s scenario) String() string {
	switch s.name {
	case casePingPong, casePipelined:
		return fmt.Sprintf("%s, %s", s.name, sizeText(s.size))
	case caseIdle:
		return s.name
	}
	return fmt.Sprintf("%s, %s, %s", s.name, plural(s.callers, "caller"), sizeText(s.size))
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

func sizeText(n int) string {
	switch {
	case n >= 1<<20 && n%(1<<20) == 0:
		return fmt.Sprintf("%d MiB", n>>20)
	case n >= 1<<10 && n%(1<<10) == 0:
		return fmt.Sprintf("%d KiB", n>>10)
	}
	return fmt.Sprintf("%d B", n)
}

// scenarios are all there are to measure, or for a quick run those that fit
// into less than a minute.
func scenarios(quick bool) []scenario {
	var all []scenario
	add := func(name string, size int, callers ...int) {
		for _, n := range callers {
			all = append(all, scenario{name, n, size})
		}
	}
	add(caseUnary, small, alone, few, many, crowd)
	add(caseUnary, medium, alone, few, many)
	if quick {
		add(caseUnary, large, alone, few)
	} else {
		add(caseUnary, large, alone, few, many)
	}
	add(caseTLS, small, alone, few, many)
	add(caseHTTP1, small, alone, few, many)
	if !quick {
		add(caseTLS, small, crowd)
		add(caseHTTP1, small, crowd)
		add(caseTLS, medium, alone, few, many)
		add(caseHTTP1, medium, alone, few, many)
	}
	add(casePingPong, small, alone)
	add(casePipelined, small, alone)
	add(caseIdle, small, idleStreams)
	return all
}
