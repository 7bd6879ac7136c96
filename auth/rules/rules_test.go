package rules_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/justcy/go-micro/v4/auth"
	"github.com/justcy/go-micro/v4/auth/authtest"
	"github.com/justcy/go-micro/v4/auth/rules"
	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/logger"
	"github.com/justcy/go-micro/v4/store"
)

func TestMain(m *testing.M) { testkit.Main(m) }

var (
	hello  = &auth.Resource{Type: "service", Name: "greeter", Endpoint: "Greeter.Hello"}
	public = &auth.Rule{ID: "public", Resource: hello}
)

func TestConformance(t *testing.T) {
	authtest.RunRules(t, authtest.RulesHarness{New: func(testing.TB) auth.Rules { return rules.New(store.NewMemoryStore()) }})
}

func mustGrant(t *testing.T, r auth.Rules, list ...*auth.Rule) {
	t.Helper()
	for _, rule := range list {
		if err := r.Grant(rule); err != nil {
			t.Fatal(err)
		}
	}
}

func TestRulesSurviveTheProcess(t *testing.T) {
	s := store.NewMemoryStore()
	mustGrant(t, rules.New(s), public)
	if err := rules.New(s).Verify(nil, hello); err != nil {
		t.Error(err)
	}
}

func TestRulesOfAnotherProcessHoldAfterTheRefresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := store.NewMemoryStore()
		here, there := rules.New(s), rules.New(s)
		if err := here.Verify(nil, hello); !errors.Is(err, auth.ErrForbidden) {
			t.Fatal(err)
		}
		mustGrant(t, there, public)
		time.Sleep(5 * time.Second)
		if err := here.Verify(nil, hello); err != nil {
			t.Errorf("granted: %v", err)
		}
		if err := there.Revoke(public); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Second)
		if err := here.Verify(nil, hello); !errors.Is(err, auth.ErrForbidden) {
			t.Errorf("revoked: %v", err)
		}
	})
}

func TestRulesOfOnePriorityAreAskedAsTheyWereGranted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := rules.New(store.NewMemoryStore())
		for _, id := range []string{"z", "a", "m"} {
			mustGrant(t, r, &auth.Rule{ID: id, Resource: hello})
			time.Sleep(time.Nanosecond)
		}
		mustGrant(t, r, &auth.Rule{ID: "first", Resource: hello, Priority: 1})
		list, err := r.List()
		if err != nil || len(list) != 4 {
			t.Fatal(list, err)
		}
		if got := list[0].ID + list[1].ID + list[2].ID + list[3].ID; got != "firstzam" {
			t.Errorf("got %s", got)
		}
	})
}

func TestARuleIsReplacedByItsIDAndRevokedWithoutOne(t *testing.T) {
	r := rules.New(store.NewMemoryStore())
	mustGrant(t, r, public, &auth.Rule{ID: "public", Resource: hello, Scope: "dev"}, &auth.Rule{Resource: hello, Scope: "x"}, &auth.Rule{Resource: hello, Scope: "y"})
	if list, err := r.List(); err != nil || len(list) != 3 {
		t.Fatal(list, err)
	}
	if err := r.Revoke(&auth.Rule{Resource: hello, Scope: "x"}); err != nil {
		t.Fatal(err)
	}
	list, err := r.List()
	if err != nil || len(list) != 2 {
		t.Fatal(list, err)
	}
	for _, rule := range list {
		if rule.Scope == "x" || rule.Scope == "" || rule.ID == "" {
			t.Errorf("there is %+v", rule)
		}
	}
}

func TestRulesAreCopies(t *testing.T) {
	r := rules.New(store.NewMemoryStore())
	mine := &auth.Rule{Resource: &auth.Resource{Type: "service", Name: "greeter", Endpoint: "*"}, Access: auth.AccessDenied}
	mustGrant(t, r, mine)
	mine.Access = auth.AccessGranted
	list, err := r.List()
	if err != nil || mine.ID != "" {
		t.Fatal(err, mine.ID)
	}
	list[0].Access, list[0].Resource.Name = auth.AccessGranted, "other"
	if err := r.Verify(nil, hello); !errors.Is(err, auth.ErrForbidden) {
		t.Error(err)
	}
}

// away is a store that can be away.
type away struct {
	store.Store
	gone  atomic.Bool
	reads atomic.Int32
}

func (a *away) Read(key string, opts ...store.ReadOption) ([]*store.Record, error) {
	a.reads.Add(1)
	if a.gone.Load() {
		return nil, errors.New("away")
	}
	return a.Store.Read(key, opts...)
}

type lines struct {
	logger.Logger
	text string
}

func (l *lines) Logf(_ logger.Level, format string, args ...any) {
	l.text += fmt.Sprintf(format, args...) + "\n"
}

func TestNobodyIsLetInForLongWithoutTheStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, log := &away{Store: store.NewMemoryStore()}, new(lines)
		r := rules.New(s, rules.WithLogger(log), rules.Refresh(time.Second))
		s.gone.Store(true)
		if err := r.Verify(nil, hello); err == nil || errors.Is(err, auth.ErrForbidden) {
			t.Errorf("without any rules: %v", err)
		}
		s.gone.Store(false)
		mustGrant(t, r, public)
		if err := r.Verify(nil, hello); err != nil {
			t.Fatal(err)
		}
		s.gone.Store(true)
		time.Sleep(30 * time.Second)
		if err := r.Verify(nil, hello); err != nil {
			t.Errorf("after 30 seconds: %v", err)
		}
		if !strings.Contains(log.text, "away") {
			t.Errorf("the log is %q", log.text)
		}
		time.Sleep(time.Minute)
		if err := r.Verify(nil, hello); err == nil || errors.Is(err, auth.ErrForbidden) {
			t.Errorf("after 90 seconds: %v", err)
		}
		s.gone.Store(false)
		if err := r.Verify(nil, hello); err != nil {
			t.Errorf("it is back: %v", err)
		}
	})
}

func TestARecordThatIsNoRuleClosesEverything(t *testing.T) {
	for _, value := range []string{"", "{", `{"rule":{"ID":"x","Access":1}}`, "null"} {
		s := store.NewMemoryStore()
		r := rules.New(s)
		mustGrant(t, r, public)
		if err := s.Write(&store.Record{Key: "auth/rules/deny", Value: []byte(value)}); err != nil {
			t.Fatal(err)
		}
		if err := r.Verify(nil, hello); err == nil {
			t.Errorf("%q is passed over", value)
		}
	}
}

func TestTheStoreIsNotAskedForEachCall(t *testing.T) {
	s := &away{Store: store.NewMemoryStore()}
	r := rules.New(s, rules.Refresh(time.Hour))
	mustGrant(t, r, public)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 1000 {
				if err := r.Verify(nil, hello); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if n := s.reads.Load(); n > 8 {
		t.Errorf("it was read %d times", n)
	}
}

func TestWhatIsGrantedHereHoldsAtOnce(t *testing.T) {
	r := rules.New(store.NewMemoryStore(), rules.Refresh(time.Hour))
	done := make(chan struct{})
	var reading sync.WaitGroup
	for range 2 {
		reading.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
					_ = r.Verify(nil, hello)
				}
			}
		})
	}
	for i := range 200 {
		rule := &auth.Rule{ID: fmt.Sprint(i), Resource: hello}
		mustGrant(t, r, rule)
		if err := r.Verify(nil, hello); err != nil {
			t.Fatalf("granted: %v", err)
		}
		if err := r.Revoke(rule); err != nil {
			t.Fatal(err)
		}
		if err := r.Verify(nil, hello); !errors.Is(err, auth.ErrForbidden) {
			t.Fatalf("revoked: %v", err)
		}
	}
	close(done)
	reading.Wait()
}
