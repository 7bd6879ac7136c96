package main

import (
	"errors"
	"fmt"
	"time"
)

// A plan is a whole run: which peers at which scenarios, for how long.
type plan struct {
	peers     []peer
	scenarios []scenario
	rounds    int
	// slice is how long a peer is measured in each round.
	slice time.Duration
	// deadline, when it is set, shortens slices so that all is done by then.
	deadline time.Time
	identity *identity
	form     form
	// profiles are those of the two processes, if there are two.
	profiles profiles
	reports  []reporter
	// progress is told what is measured next.
	progress func(string)
}

// A turn is the time that one scenario has.
type turn struct {
	slice time.Duration
	// end, when it is set, is when no further round begins.
	end time.Time
}

// run measures scenario by scenario.
func (p *plan) run() error {
	for i, sc := range p.scenarios {
		p.progress(fmt.Sprintf("%d/%d %s", i+1, len(p.scenarios), sc))
		g, err := p.measure(sc, p.turnFor(p.scenarios[i:]))
		if err != nil {
			return fmt.Errorf("%s: %w", sc, err)
		}
		if len(g.results) == 0 {
			continue
		}
		for _, r := range p.reports {
			if err := r.add(g); err != nil {
				return err
			}
		}
	}
	for _, r := range p.reports {
		if err := r.end(); err != nil {
			return err
		}
	}
	return nil
}

// Weights of slices in the division of time. Calls with long bodies take long
// to finish, and idle streams to open.
const (
	plainWeight = 1
	longWeight  = 2
	idleWeight  = 8
)

// turnFor divides the time that is left among the scenarios to come, of which
// the first is next.
func (p *plan) turnFor(rest []scenario) turn {
	if p.deadline.IsZero() {
		return turn{slice: p.slice}
	}
	all := 0
	for _, sc := range rest {
		all += p.weight(sc)
	}
	left := max(time.Until(p.deadline), 0)
	mine := left * time.Duration(p.weight(rest[0])) / time.Duration(max(1, all))
	// A quarter goes to getting going, and to what ends after its slice.
	slice := mine * 3 / 4 / time.Duration(max(1, p.slices(rest[0])))
	return turn{min(p.slice, max(slice, 5*time.Millisecond)), time.Now().Add(mine)}
}

// slices are the rounds of all peers in a scenario, and one more to warm up.
func (p *plan) slices(sc scenario) int { return len(p.taking(sc)) * (p.rounds + 1) }

func (p *plan) weight(sc scenario) int {
	switch {
	case sc.name == caseIdle:
		return p.slices(sc) * idleWeight
	case sc.size >= medium:
		return p.slices(sc) * longWeight
	}
	return p.slices(sc) * plainWeight
}

// taking are the peers that take part in a scenario.
func (p *plan) taking(sc scenario) []peer {
	var out []peer
	for _, one := range p.peers {
		if one.runs(sc.name) {
			out = append(out, one)
		}
	}
	return out
}

func (p *plan) measure(sc scenario, t turn) (group, error) {
	if sc.name == caseIdle {
		return p.measureIdle(sc)
	}
	return p.measureLoads(sc, t)
}

// An entrant is a peer that is ready to run a scenario.
type entrant struct {
	peer   peer
	runner runner
	rounds []sample
}

// measureLoads has the peers take turns, in each round a slice, so that a slow
// moment of the machine hits all of them. There is one round at least.
func (p *plan) measureLoads(sc scenario, t turn) (g group, err error) {
	entrants, err := p.enter(sc, t.slice)
	defer func() {
		for _, e := range entrants {
			if closeErr := e.runner.close(); closeErr != nil {
				err = errors.Join(err, fmt.Errorf("close %s: %w", e.peer.name, closeErr))
			}
		}
	}()
	if err != nil {
		return group{}, err
	}
	for round := range p.rounds {
		if round > 0 && !t.end.IsZero() && time.Now().After(t.end) {
			break
		}
		for i := range entrants {
			e := entrants[inTurn(i, round, len(entrants))]
			s, err := measure(e.runner, t.slice)
			if err != nil {
				return group{}, fmt.Errorf("%s: %w", e.peer.name, err)
			}
			e.rounds = append(e.rounds, s)
		}
	}
	g.scenario, g.form = sc, p.form
	for _, e := range entrants {
		g.results = append(g.results, newResult(e.peer, sc, p.form, e.rounds))
	}
	return g, nil
}

// inTurn is which of n entrants is measured at a place of a round. Each round
// begins with another one, and every second goes backwards, so that nobody
// always comes after the same.
func inTurn(place, round, n int) int {
	one := (place + round) % n
	if round%2 == 1 {
		return n - 1 - one
	}
	return one
}

// enter starts and warms up the peers of a scenario. It returns those it has
// started also when one fails.
func (p *plan) enter(sc scenario, warmUp time.Duration) ([]*entrant, error) {
	var out []*entrant
	for _, one := range p.taking(sc) {
		r, err := p.start(one, sc)
		if err != nil {
			return out, fmt.Errorf("%s: %w", one.name, err)
		}
		out = append(out, &entrant{peer: one, runner: r})
		if _, err := r.run(warmUp / 2); err != nil {
			return out, fmt.Errorf("%s: %w", one.name, err)
		}
	}
	return out, nil
}

func (p *plan) start(one peer, sc scenario) (runner, error) {
	if p.form == twoProcesses {
		return startSplit(one, sc, p.identity, p.profiles)
	}
	return startTogether(one, sc, p.identity)
}

// measureIdle counts the memory of idle streams, one peer after the other.
func (p *plan) measureIdle(sc scenario) (group, error) {
	g := group{scenario: sc, form: p.form}
	for _, one := range p.taking(sc) {
		r, err := p.start(one, sc)
		if err != nil {
			return group{}, fmt.Errorf("%s: %w", one.name, err)
		}
		s, err := measureIdle(r, sc.callers)
		if err = errors.Join(err, r.close()); err != nil {
			return group{}, fmt.Errorf("%s: %w", one.name, err)
		}
		g.results = append(g.results, newResult(one, sc, p.form, []sample{s}))
	}
	return g, nil
}
