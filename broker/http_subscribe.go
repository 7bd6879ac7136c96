package broker

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/justcy/go-micro/v4/logger"
	"github.com/justcy/go-micro/v4/registry"
)

const (
	// serviceName is what all http brokers register under.
	serviceName = "micro.http.broker"
	// broadcastVersion is the version of subscriptions without a queue.
	broadcastVersion = "ff.http.broadcast"

	registerTTL     = time.Minute
	refreshInterval = 30 * time.Second
	refreshRetry    = time.Second // after a failed refresh, doubling
)

type subscriptionKey struct{ topic, queue string }

// httpRegistration is one node in the registry: the handlers of this process
// for one topic and queue.
type httpRegistration struct {
	subscriptionKey
	id         string
	handlers   []*httpSubscriber // replaced, never changed
	registered bool
	next       atomic.Uint64 // turn among the handlers of a queue
}

type httpSubscriber struct {
	broker  *httpBroker
	key     subscriptionKey
	handler Handler
	opts    SubscribeOptions
	ended   atomic.Bool
}

// Subscribe registers the subscription and then starts to deliver to h. Before
// Connect it is only noted, and registered by Connect.
func (b *httpBroker) Subscribe(topic string, h Handler, opts ...SubscribeOption) (Subscriber, error) {
	if err := checkSubscription(topic, h); err != nil {
		return nil, err
	}
	o := NewSubscribeOptions(opts...)
	sub := &httpSubscriber{broker: b, key: subscriptionKey{topic, o.Queue}, handler: h, opts: o}

	b.turn <- struct{}{}
	defer func() { <-b.turn }()
	b.mu.RLock()
	s, reg := b.session, b.subs[sub.key]
	b.mu.RUnlock()
	if reg == nil {
		reg = &httpRegistration{subscriptionKey: sub.key, id: nodeID(sub.key, b.id)}
	}
	if s != nil && !reg.registered {
		if err := s.register(reg); err != nil {
			return nil, fmt.Errorf("subscribing to %s: registering in %s: %w", topic, b.snapshot().Registry.String(), err)
		}
		b.routes.forget()
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	reg.registered = s != nil
	reg.handlers = append(slices.Clone(reg.handlers), sub)
	b.subs[sub.key], b.byID[reg.id] = reg, reg
	return sub, nil
}

func (s *httpSubscriber) Options() SubscribeOptions { return s.opts }
func (s *httpSubscriber) Topic() string             { return s.key.topic }

// Unsubscribe ends the subscription. The error is the registry's, when the last
// handler of the topic and queue could not be deregistered; the subscription
// has ended all the same.
func (s *httpSubscriber) Unsubscribe() error {
	if s.ended.Swap(true) {
		return nil
	}
	b := s.broker
	b.turn <- struct{}{}
	defer func() { <-b.turn }()

	b.mu.Lock()
	reg, session := b.subs[s.key], b.session
	reg.handlers = slices.DeleteFunc(slices.Clone(reg.handlers), func(o *httpSubscriber) bool { return o == s })
	last := len(reg.handlers) == 0
	if last {
		delete(b.subs, s.key)
		delete(b.byID, reg.id)
	}
	b.mu.Unlock()

	if !last || session == nil || !reg.registered {
		return nil
	}
	err := session.deregister(reg)
	b.routes.forget()
	if err != nil {
		return fmt.Errorf("unsubscribing from %s: %w", s.key.topic, err)
	}
	return nil
}

// nodeID returns the id of a registration, unique for each topic and queue of a
// broker. Registries may use ids as host names, whose labels are limited: a
// topic that does not fit is replaced by a digest.
func nodeID(key subscriptionKey, brokerID string) string {
	id := key.topic + "-" + brokerID
	if key.queue != "" {
		id += "-" + digest(key.queue)
	}
	for label := range strings.SplitSeq(id, ".") {
		if label == "" || len(label) > 63 || len(id) > 150 {
			return digest(key.topic+"\x00"+key.queue) + "-" + brokerID
		}
	}
	return id
}

func digest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:8])
}

func (s *httpSession) service(reg *httpRegistration) *registry.Service {
	version := reg.queue
	if version == "" {
		version = broadcastVersion
	}
	return &registry.Service{
		Name:    serviceName,
		Version: version,
		Nodes: []*registry.Node{{
			Id:      reg.id,
			Address: s.node,
			Metadata: map[string]string{
				"broker": "http",
				"topic":  reg.topic,
				"secure": strconv.FormatBool(s.secure),
			},
		}},
	}
}

func (s *httpSession) register(reg *httpRegistration) error {
	return s.registry.Register(s.service(reg), registry.RegisterTTL(registerTTL))
}

func (s *httpSession) deregister(reg *httpRegistration) error {
	return s.registry.Deregister(s.service(reg))
}

// registrations returns the current ones.
func (b *httpBroker) registrations() []*httpRegistration {
	b.mu.RLock()
	defer b.mu.RUnlock()
	out := make([]*httpRegistration, 0, len(b.subs))
	for _, reg := range b.subs {
		out = append(out, reg)
	}
	return out
}

// registerAll registers every subscription and reports whether all succeeded.
// The caller holds the turn.
func (b *httpBroker) registerAll(s *httpSession) bool {
	ok := true
	for _, reg := range b.registrations() {
		err := s.register(reg)
		if err != nil {
			ok = false
			logger.LoggerOrDefault(b.snapshot().Logger).Logf(logger.WarnLevel, "http broker: registering the subscription to %s: %v; trying again", reg.topic, err)
			continue
		}
		b.mu.Lock()
		reg.registered = true
		b.mu.Unlock()
	}
	b.routes.forget()
	return ok
}

// deregisterAll removes every subscription from the registry. The caller holds
// the turn.
func (b *httpBroker) deregisterAll(s *httpSession) error {
	var errs []error
	for _, reg := range b.registrations() {
		b.mu.Lock()
		registered := reg.registered
		reg.registered = false
		b.mu.Unlock()
		if !registered {
			continue
		}
		if err := s.deregister(reg); err != nil {
			errs = append(errs, fmt.Errorf("deregistering the subscription to %s: %w", reg.topic, err))
		}
	}
	b.routes.forget()
	return errors.Join(errs...)
}

// refresh keeps the registrations alive until the session is done.
func (b *httpBroker) refresh(s *httpSession, registered bool) {
	retry := refreshRetry
	for {
		wait := refreshInterval
		if !registered {
			wait = min(retry, refreshInterval)
			retry *= 2
		} else {
			retry = refreshRetry
		}
		timer := time.NewTimer(wait)
		select {
		case <-s.ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
		select {
		case <-s.ctx.Done():
			return
		case b.turn <- struct{}{}:
			registered = b.registerAll(s)
			<-b.turn
		}
	}
}
