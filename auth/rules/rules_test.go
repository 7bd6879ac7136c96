package rules_test

import (
	"context"
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

func TestRulesShareNoMemoryWithTheCaller(t *testing.T) {
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
		time.Sleep(time.Second)
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

// stuck is a store that answers when it is let go.
type stuck struct {
	store.Store
	free chan struct{}
}

func (s *stuck) Read(key string, opts ...store.ReadOption) ([]*store.Record, error) {
	<-s.free
	return s.Store.Read(key, opts...)
}

func TestNobodyWaitsLongerForRulesThanTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &stuck{store.NewMemoryStore(), make(chan struct{})}
		r := rules.New(s)
		mustGrant(t, r, public)
		var first sync.WaitGroup
		first.Go(func() {
			if err := r.Verify(nil, hello); err != nil {
				t.Error(err)
			}
		})
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := r.Verify(nil, hello, auth.VerifyContext(ctx)); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("verify: %v", err)
		}
		if _, err := r.List(auth.RulesContext(ctx)); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("list: %v", err)
		}
		close(s.free)
		first.Wait()
	})
}

func TestRulesOfAHandlerCountAmongTheOthers(t *testing.T) {
	grant := func(scope string, priority int32) *auth.Rule {
		return &auth.Rule{Scope: scope, Resource: hello, Priority: priority}
	}
	r := rules.New(store.NewMemoryStore())
	mustGrant(t, r, &auth.Rule{Scope: "dev", Resource: hello, Access: auth.AccessDenied, Priority: 1})
	dev, ops := &auth.Account{Scopes: []string{"dev"}}, &auth.Account{Scopes: []string{"ops"}}
	for name, tc := range map[string]struct {
		more []*auth.Rule
		acc  *auth.Account
		want error
	}{
		"granted by the handler":    {[]*auth.Rule{grant("ops", 0)}, ops, nil},
		"granted by nobody":         {[]*auth.Rule{grant("ops", 0)}, nil, auth.ErrForbidden},
		"denied before":             {[]*auth.Rule{grant("*", 0)}, dev, auth.ErrForbidden},
		"denied by what came first": {[]*auth.Rule{grant("*", 1)}, dev, auth.ErrForbidden},
		"granted with priority":     {[]*auth.Rule{grant("*", 2)}, dev, nil},
	} {
		if err := r.VerifyWith(tc.more, tc.acc, hello); !errors.Is(err, tc.want) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if list, err := r.List(); err != nil || len(list) != 1 {
		t.Errorf("the rules are %v, %v", list, err)
	}
}

func TestAStoreThatIsAwayIsNotAskedByEachCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, log := &away{Store: store.NewMemoryStore()}, new(lines)
		r := rules.New(s, rules.WithLogger(log), rules.Refresh(time.Second))
		ask := func(when string, want int32) {
			before := s.reads.Load()
			for range 100 {
				_ = r.Verify(nil, hello)
			}
			if n := s.reads.Load() - before; n != want {
				t.Errorf("%s it was read %d times, want %d", when, n, want)
			}
		}
		s.gone.Store(true)
		ask("without a copy", 1)
		s.gone.Store(false)
		time.Sleep(time.Second)
		ask("when it is back", 1)
		s.gone.Store(true)
		time.Sleep(time.Second)
		ask("with a copy", 1)
		time.Sleep(time.Second)
		ask("later", 1)
		if n := strings.Count(log.text, "away"); n != 3 {
			t.Errorf("it was logged %d times", n)
		}
	})
}
