package conformance_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/internal/conformance"
)

type harness struct{ noThird bool }

func rules(cleaned *bool) []conformance.Rule[harness] {
	return []conformance.Rule[harness]{
		{Sentence: "one is kept", Check: func(t testing.TB, _ harness) { t.Cleanup(func() { *cleaned = true }) }},
		{Sentence: "two is broken", Check: func(t testing.TB, _ harness) {
			t.Fatalf("got %d", 2)
			t.Errorf("not reached")
		}},
		{
			Sentence: "three is broken and can be declared",
			Gap: func(h harness) string {
				if h.noThird {
					return "NoThird"
				}
				return ""
			},
			Check: func(t testing.TB, _ harness) { t.Error("three") },
		},
	}
}

func TestBrokenNamesTheRules(t *testing.T) {
	var cleaned bool
	broken := conformance.Broken(t, harness{}, rules(&cleaned))
	if len(broken) != 2 || broken["two is broken"] == "" || broken["three is broken and can be declared"] == "" {
		t.Errorf("broken rules: %v", broken)
	}
	if got := broken["two is broken"]; !strings.Contains(got, `"two is broken"`) || !strings.Contains(got, "got 2") || strings.Contains(got, "not reached") {
		t.Errorf("failure reads %q", got)
	}
	if !cleaned {
		t.Error("clean-ups did not run")
	}
}

func TestDeclaredGapIsSkipped(t *testing.T) {
	var cleaned bool
	broken := conformance.Broken(t, harness{noThird: true}, rules(&cleaned))
	if _, ok := broken["three is broken and can be declared"]; ok || len(broken) != 1 {
		t.Errorf("broken rules: %v", broken)
	}
	conformance.Run(t, harness{noThird: true}, append(rules(&cleaned)[:1], rules(&cleaned)[2]))
}

func TestReturnedErrorBreaksTheRuleUnlessTheFlagIsSet(t *testing.T) {
	rule := []conformance.Rule[harness]{{
		Sentence: "it works",
		Gap:      conformance.Flag("NoThird", func(h harness) bool { return h.noThird }),
		Check:    conformance.Returned(func(testing.TB, harness) error { return errors.New("it does not") }),
	}}
	if got := conformance.Broken(t, harness{}, rule)["it works"]; !strings.Contains(got, "it does not") {
		t.Errorf("failure reads %q", got)
	}
	if broken := conformance.Broken(t, harness{noThird: true}, rule); len(broken) > 0 {
		t.Errorf("broken rules: %v", broken)
	}
	conformance.RunParallel(t, harness{noThird: true}, rule) // skips it
}

func TestTheTimeOfASimulatedRunIsItsOwn(t *testing.T) {
	var waited time.Duration
	conformance.RunSimulated(t, harness{}, []conformance.Rule[harness]{{
		Sentence: "an hour is over at once",
		Check: func(testing.TB, harness) {
			began := time.Now()
			time.Sleep(time.Hour)
			waited = time.Since(began)
		},
	}})
	if waited != time.Hour {
		t.Errorf("the rule waited for %v, want an hour", waited)
	}
}
