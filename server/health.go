package server

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"
)

// What Debug.Health answers. A service that should not be called is alive all the
// same, since it answers.
const (
	// HealthOK says that the service should be called.
	HealthOK = "ok"
	// HealthDraining says that it is being stopped.
	HealthDraining = "draining"
	// HealthStopped says that it was not started, or has stopped.
	HealthStopped = "not running"
	// HealthFailing begins the list of the checks that fail.
	HealthFailing = "failing: "
)

const (
	// healthLimit bounds the run of all checks.
	healthLimit = 5 * time.Second
	// healthAge is how long the result of the checks is used again.
	healthAge = time.Second
	// maxHealthError is how much of a check's error is told, in bytes.
	maxHealthError = 256
)

// HealthReporter is optionally implemented by a Server; the one of this package
// does.
type HealthReporter interface {
	// Health is HealthOK, HealthDraining, HealthStopped, or HealthFailing and the
	// checks that fail, in the order of their names: "failing: db: no connection;
	// disk: full". It returns when ctx is done, unless a check does not heed its
	// context.
	Health(ctx context.Context) string
}

// Health is the health of the server that called a handler with ctx. A server
// that does not report it, or none at all, is taken for healthy.
func Health(ctx context.Context) string {
	if s, ok := FromContext(ctx); ok {
		if own, ok := s.(HealthReporter); ok {
			return own.Health(ctx)
		}
	}
	return HealthOK
}

// Health is described at HealthReporter.
func (s *rpcServer) Health(ctx context.Context) string {
	r := s.running()
	if r == nil {
		return HealthStopped
	}
	if r.stopping.Load() {
		return HealthDraining
	}
	if checks := s.settings.Load().options.health; checks != nil {
		return checks.health(ctx)
	}
	return HealthOK
}

// healthReport is a *healthChecks. Programs without checks do not link these.
type healthReport interface {
	health(ctx context.Context) string
}

// HealthCheck adds a check to the health of the service, or replaces the one of
// this name. While it returns an error the service answers Debug.Health with
// "failing: " and the names and errors of its checks instead of "ok": it should
// not be called, but it is alive. The context ends after five seconds at most.
// Checks run one after the other, when somebody asks and the last answer is a
// second old. A nil check removes the one of this name.
func HealthCheck(name string, fn func(context.Context) error) Option {
	return func(o *Options) {
		checks := map[string]func(context.Context) error{}
		if old, ok := o.health.(*healthChecks); ok {
			maps.Copy(checks, old.checks)
		}
		checks[name] = fn
		o.health = &healthChecks{checks: checks, turn: make(chan struct{}, 1)}
	}
}

// healthChecks runs checks, one at a time.
type healthChecks struct {
	checks map[string]func(context.Context) error // by name, never changed
	turn   chan struct{}                          // taken by who runs the checks, and guards what follows
	at     time.Time                              // when they were run
	status string
}

// health is the result of the checks. Whoever comes while another one runs them
// waits and takes over the result.
func (h *healthChecks) health(asker context.Context) string {
	ctx, cancel := context.WithTimeout(asker, healthLimit)
	defer cancel()
	select {
	case h.turn <- struct{}{}:
		defer func() { <-h.turn }()
	case <-ctx.Done():
		return HealthFailing + "a check has not returned"
	}
	if h.status != "" && time.Since(h.at) < healthAge {
		return h.status
	}
	status := h.run(ctx)
	if asker.Err() == nil { // else it may have cut a check short
		h.status, h.at = status, time.Now()
	}
	return status
}

// run calls the checks in the order of their names.
func (h *healthChecks) run(ctx context.Context) string {
	var failing []string
	for _, name := range slices.Sorted(maps.Keys(h.checks)) {
		fn := h.checks[name]
		if fn == nil {
			continue
		}
		if err := guarded(func() error { return fn(ctx) }); err != nil {
			text := err.Error()
			failing = append(failing, name+": "+strings.ToValidUTF8(text[:min(len(text), maxHealthError)], ""))
		}
	}
	if failing == nil {
		return HealthOK
	}
	return HealthFailing + strings.Join(failing, "; ")
}
