// Package rules keeps the rules of auth in a store, so that they survive the
// process and are shared by all that use the store:
//
//	rules := rules.New(s)
//	err := rules.Grant(&auth.Rule{
//		ID:       "admins",
//		Scope:    "admin",
//		Resource: &auth.Resource{Type: "service", Name: "users", Endpoint: "*"},
//	})
//
// Every process works with a copy, which it reads anew every few seconds: what
// another process grants or revokes holds here after that time. A store that
// cannot be read is asked again; the copy goes on for a minute and then nobody is
// let in.
package rules

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/justcy/go-micro/v4/auth"
	"github.com/justcy/go-micro/v4/internal/options"
	"github.com/justcy/go-micro/v4/logger"
	"github.com/justcy/go-micro/v4/store"
)

const (
	// prefix begins the keys of rules; the id follows, escaped.
	prefix = "auth/rules/"
	// defaultRefresh is the value of Options.Refresh when it is not set.
	defaultRefresh = 5 * time.Second
	// maxStale is how long a copy is used while the store cannot be read.
	maxStale = time.Minute
	// retryPause is how long a store that could not be read is left alone.
	retryPause = time.Second
)

// Options configure Rules.
type Options struct {
	// Refresh is the age from which the copy of the rules is read anew. Below 1:
	// five seconds.
	Refresh time.Duration
	// Logger is told when the store cannot be read. Default logger.DefaultLogger.
	Logger logger.Logger
}

// Option changes Options.
type Option func(*Options)

// Refresh sets how old a copy of the rules may be: how long it takes until a rule
// that another process revoked has no effect here.
func Refresh(d time.Duration) Option { return func(o *Options) { o.Refresh = d } }

// WithLogger sets the logger.
func WithLogger(l logger.Logger) Option { return func(o *Options) { o.Logger = l } }

// Rules are rules in a store. Make them with New.
type Rules struct {
	store   store.Store
	options Options

	changes atomic.Uint64 // made here
	copy    atomic.Pointer[snapshot]
	reading chan struct{} // holds one who reads the store; who has a copy to use does not wait
	failure failure       // to read it, of the one who does
}

// failure is why the store could not be read, and when.
type failure struct {
	err     error
	at      time.Time
	changes uint64 // that had been made here
}

// snapshot is the rules as they were.
type snapshot struct {
	rules   []*auth.Rule // by priority, so that nobody needs to sort them again
	read    time.Time
	changes uint64 // that had been made here before it was read
}

// record is a rule as the store has it.
type record struct {
	Rule    auth.Rule `json:"rule"`
	Granted time.Time `json:"granted"` // orders rules of the same priority
}

// New returns the rules in a store, under keys that begin with "auth/rules/".
func New(s store.Store, opts ...Option) *Rules {
	o := options.Of(opts)
	if o.Refresh < 1 {
		o.Refresh = defaultRefresh
	}
	o.Logger = logger.LoggerOrDefault(o.Logger)
	return &Rules{store: s, options: o, reading: make(chan struct{}, 1)}
}

// Grant adds a rule, or replaces the one that has its ID. A rule without an ID is
// given one in the store.
func (r *Rules) Grant(rule *auth.Rule) error {
	if rule == nil || rule.Resource == nil {
		return errors.New("grant rule: it is nil, or says of no resource")
	}
	granted := *rule
	if granted.ID == "" {
		granted.ID = uuid.NewString()
	}
	value, err := json.Marshal(record{Rule: granted, Granted: time.Now()})
	if err != nil {
		return fmt.Errorf("grant rule %q: %w", granted.ID, err)
	}
	if err := r.store.Write(&store.Record{Key: key(granted.ID), Value: value}); err != nil {
		return fmt.Errorf("grant rule %q: write to store %s: %w", granted.ID, r.store, err)
	}
	r.changes.Add(1)
	return nil
}

// Revoke removes the rule with the ID of rule or, without one, those that say the
// same.
func (r *Rules) Revoke(rule *auth.Rule) error {
	if rule == nil {
		return errors.New("revoke rule: it is nil")
	}
	ids := []string{rule.ID}
	if rule.ID == "" {
		var err error
		if ids, err = r.same(rule); err != nil {
			return err
		}
	}
	for _, id := range ids {
		if err := r.store.Delete(key(id)); err != nil {
			return fmt.Errorf("revoke rule %q: delete from store %s: %w", id, r.store, err)
		}
	}
	r.changes.Add(1)
	return nil
}

// same returns the ids of rules that say the same as rule.
func (r *Rules) same(rule *auth.Rule) ([]string, error) {
	all, err := r.read()
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, other := range all {
		if rule.Resource != nil && *other.Resource == *rule.Resource &&
			other.Scope == rule.Scope && other.Access == rule.Access && other.Priority == rule.Priority {
			ids = append(ids, other.ID)
		}
	}
	return ids, nil
}

// List returns copies of the rules, the one that is asked first as the first.
func (r *Rules) List(opts ...auth.ListOption) ([]*auth.Rule, error) {
	rules, ok := r.fresh()
	if !ok {
		var err error
		if rules, err = r.current(options.Of(opts).Context); err != nil {
			return nil, err
		}
	}
	list := make([]*auth.Rule, len(rules))
	for i, rule := range rules {
		c, res := *rule, *rule.Resource
		c.Resource = &res
		list[i] = &c
	}
	return list, nil
}

// Verify is auth.Verify with the rules. Any error but auth.ErrForbidden means that
// the rules could not be read. The context limits the wait for somebody else who
// reads them; a store is read without one.
func (r *Rules) Verify(acc *auth.Account, res *auth.Resource, opts ...auth.VerifyOption) error {
	return r.VerifyWith(nil, acc, res, opts...)
}

// VerifyWith is Verify with more rules, such as those that a handler declared, as if
// they had been granted last.
func (r *Rules) VerifyWith(more []*auth.Rule, acc *auth.Account, res *auth.Resource, opts ...auth.VerifyOption) error {
	rules, ok := r.fresh()
	if !ok {
		var err error
		if rules, err = r.current(options.Of(opts).Context); err != nil {
			return err
		}
	}
	if len(more) > 0 {
		rules = slices.Concat(rules, more)
	}
	return auth.Verify(rules, acc, res)
}

// fresh returns the rules in force, which nobody changes, unless they have to be read.
func (r *Rules) fresh() ([]*auth.Rule, bool) {
	have := r.copy.Load()
	if !r.younger(have, r.options.Refresh) {
		return nil, false
	}
	return have.rules, true
}

// current is fresh that reads the rules, or waits for who does until ctx is done.
func (r *Rules) current(ctx context.Context) ([]*auth.Rule, error) {
	if ctx == nil {
		ctx = context.Background()
	}
	have := r.copy.Load()
	usable := r.younger(have, r.options.Refresh+maxStale)
	if usable {
		select {
		case r.reading <- struct{}{}:
		default:
			return have.rules, nil
		}
	} else {
		select {
		case r.reading <- struct{}{}:
		case <-ctx.Done():
			return nil, fmt.Errorf("wait for rules from store %s: %w", r.store, context.Cause(ctx))
		}
	}
	defer func() { <-r.reading }()
	if rules, ok := r.fresh(); ok {
		return rules, nil
	}
	return r.refresh(have, usable)
}

// younger reports whether there is a copy of at most this age that has all that
// was granted and revoked here.
func (r *Rules) younger(s *snapshot, age time.Duration) bool {
	return s != nil && s.changes == r.changes.Load() && time.Since(s.read) < age
}

// refresh reads the rules, unless that has failed just now. The caller is the one who
// does.
func (r *Rules) refresh(have *snapshot, usable bool) ([]*auth.Rule, error) {
	now, changes := time.Now(), r.changes.Load()
	if f := &r.failure; f.err == nil || f.changes != changes || now.Sub(f.at) >= retryPause {
		rules, err := r.read()
		*f = failure{err, time.Now(), changes}
		if err == nil {
			r.copy.Store(&snapshot{rules, now, changes})
			return rules, nil
		}
		r.options.Logger.Logf(logger.ErrorLevel, "auth rules: %v", err)
	}
	if usable {
		return have.rules, nil
	}
	return nil, r.failure.err
}

// read returns the rules in the store.
func (r *Rules) read() ([]*auth.Rule, error) {
	records, err := r.store.Read(prefix, store.ReadPrefix())
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, fmt.Errorf("read rules from store %s: %w", r.store, err)
	}
	stored := make([]record, 0, len(records))
	for _, rec := range records {
		var one record
		if err := json.Unmarshal(rec.Value, &one); err != nil {
			return nil, fmt.Errorf("read rule %s from store %s: %w", rec.Key, r.store, err)
		}
		if one.Rule.Resource == nil {
			return nil, fmt.Errorf("read rule %s from store %s: it says of no resource", rec.Key, r.store)
		}
		stored = append(stored, one)
	}
	slices.SortStableFunc(stored, func(a, b record) int {
		return cmp.Or(cmp.Compare(b.Rule.Priority, a.Rule.Priority), a.Granted.Compare(b.Granted))
	})
	rules := make([]*auth.Rule, len(stored))
	for i := range stored {
		rules[i] = &stored[i].Rule
	}
	return rules, nil
}

func key(id string) string { return prefix + url.PathEscape(id) }
