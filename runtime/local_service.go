package runtime

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/justcy/go-micro/v4/logger"
)

// The states that a service can be in, as its metadata has them.
const (
	starting = "starting"
	running  = "running"
	stopping = "stopping"
	stopped  = "stopped"
	done     = "done"
	failed   = "error"
)

// statusKeys are the metadata that the runtime writes.
var statusKeys = []string{"status", "lastStatusUpdate", "started", "error", "retries"}

// errDeleted is returned to those who waited for a service meanwhile deleted.
var errDeleted = errors.New("it was deleted meanwhile, or could not be started")

// service is a service of the local runtime. What starts or stops its process
// happens one after the other: an operation enters, and leaves.
type service struct {
	runtime   *local
	namespace string
	key       string
	turn      chan struct{} // holds a token while an operation is in progress

	mu       sync.Mutex // guards what follows
	service  Service    // its source is the folder that it runs in
	origin   string     // its source as it was given
	options  CreateOptions
	process  *process // nil when none runs
	failures int      // in a row
	retry    *time.Timer
	deleted  bool
	updated  time.Time // when it was, or the event that it was updated for
}

// newService returns a service that does not run yet. The caller has entered.
func newService(r *local, s *Service, o CreateOptions) *service {
	u := &service{
		runtime: r, namespace: o.Namespace, key: key(s), turn: make(chan struct{}, 1),
		service: *s, origin: s.Source, options: o, updated: time.Now(),
	}
	u.service.Metadata = make(map[string]string)
	maps.Copy(u.service.Metadata, s.Metadata)
	u.options.Command, u.options.Args, u.options.Env = slices.Clone(o.Command), slices.Clone(o.Args), slices.Clone(o.Env)
	u.turn <- struct{}{}
	return u
}

// enter waits for the operations in progress.
func (u *service) enter(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case u.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (u *service) leave() { <-u.turn }

// snapshot returns a copy that belongs to the caller.
func (u *service) snapshot() *Service {
	u.mu.Lock()
	defer u.mu.Unlock()
	s := u.service
	s.Metadata = maps.Clone(s.Metadata)
	return &s
}

// hasType reports whether the service has a type; every one has the empty one.
func (u *service) hasType(t string) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return t == "" || t == u.options.Type
}

// setStatus records a state. u.mu is held.
func (u *service) setStatus(status string, err error) {
	now := time.Now().Format(time.RFC3339)
	m := u.service.Metadata
	m["status"], m["lastStatusUpdate"] = status, now
	switch {
	case status == running:
		m["started"] = now
	case err != nil:
		m["error"] = err.Error()
	}
	if err == nil {
		delete(m, "error")
	}
	if u.failures > 0 {
		m["retries"] = strconv.Itoa(u.failures)
	} else {
		delete(m, "retries")
	}
}

// begin fetches the source of a new service and starts it. The caller has entered.
func (u *service) begin(ctx context.Context) error {
	folder, err := u.runtime.checkout(ctx, u.origin, u.service.Version)
	u.mu.Lock()
	if err == nil {
		err = ctx.Err() // there may have been nothing to fetch
	}
	if err != nil {
		u.setStatus(failed, err)
		u.mu.Unlock()
		return err
	}
	u.service.Source = folder
	u.mu.Unlock()
	return u.start()
}

// start starts the process, in the folder of the source. The caller has entered,
// and none runs.
func (u *service) start() error {
	u.mu.Lock()
	u.setStatus(starting, nil)
	o, s := u.options, u.service
	u.mu.Unlock()
	p, err := u.runtime.launch(&s, o)
	u.mu.Lock()
	defer u.mu.Unlock()
	if err != nil {
		u.failures++
		u.setStatus(failed, err)
		return err
	}
	u.process = p
	u.setStatus(running, nil)
	go func() {
		defer close(p.finished)
		u.ended(p, p.wait())
	}()
	return nil
}

// ended records how a process ended.
func (u *service) ended(p *process, err error) {
	u.mu.Lock()
	u.process = nil
	if time.Since(p.began) >= u.runtime.stableAfter() {
		u.failures = 0
	}
	told := p.stopping
	switch {
	case told:
		u.setStatus(stopped, nil)
	case err == nil:
		u.setStatus(done, nil)
	default:
		u.failures++
		u.setStatus(failed, err)
	}
	u.mu.Unlock()
	if told {
		return
	}
	if err != nil {
		u.runtime.log(logger.WarnLevel, "Runtime service %s of namespace %s ended: %v", u.key, u.namespace, err)
	}
	u.scheduleRetry()
}

// scheduleRetry has the service started again later, when the runtime watches over
// it and it did not fail too often.
func (u *service) scheduleRetry() {
	w := u.runtime.watching()
	if w == nil {
		return
	}
	u.mu.Lock()
	failures := u.failures
	u.mu.Unlock()
	wait := u.runtime.backoff(failures)
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.deleted || u.process != nil || u.failures > u.options.Retries {
		return
	}
	if u.retry != nil {
		u.retry.Stop()
	}
	u.retry = time.AfterFunc(wait, func() { u.again(w) })
}

// again starts a service that ended, as long as w watches over it.
func (u *service) again(w *watch) {
	if u.enter(w.ctx) != nil {
		return
	}
	defer u.leave()
	u.mu.Lock()
	needless := w.ctx.Err() != nil || u.deleted || u.process != nil
	u.mu.Unlock()
	if needless {
		return
	}
	if err := u.restart(); err != nil {
		u.runtime.log(logger.ErrorLevel, "Runtime cannot restart service %s of namespace %s: %v", u.key, u.namespace, err)
	}
}

// restart is start for a service that did run: what fails is tried again later.
func (u *service) restart() error {
	err := u.start()
	if err != nil {
		u.scheduleRetry()
	}
	return err
}

// stop ends the process, if one runs, and waits for its end. When ctx ends it is
// killed. The caller has entered.
func (u *service) stop(ctx context.Context) error {
	u.mu.Lock()
	if u.retry != nil {
		u.retry.Stop()
		u.retry = nil
	}
	p := u.process
	if p != nil {
		p.stopping = true
		u.setStatus(stopping, nil)
	}
	u.mu.Unlock()
	if p == nil {
		return nil
	}
	expired, cancel := context.WithTimeout(ctx, u.runtime.gracePeriod())
	defer cancel()
	err := p.child.Stop(expired.Done())
	<-p.finished
	return err
}

// halt stops a service that may be started again.
func (u *service) halt(ctx context.Context) error {
	if err := u.enter(ctx); err != nil {
		return err
	}
	defer u.leave()
	return u.stop(ctx)
}

// update starts the service again with what changed at a time. What cannot be
// fetched leaves it running.
func (u *service) update(ctx context.Context, changed *Service, env []string, at time.Time) error {
	if err := u.enter(ctx); err != nil {
		return err
	}
	defer u.leave()
	u.mu.Lock()
	gone, origin := u.deleted, u.origin
	if changed.Source != "" && changed.Source != u.service.Source {
		origin = changed.Source
	}
	u.mu.Unlock()
	if gone {
		return errDeleted
	}
	folder, err := u.runtime.checkout(ctx, origin, changed.Version)
	if err != nil {
		return err
	}
	if err := u.stop(ctx); err != nil {
		return err
	}
	u.mu.Lock()
	u.origin, u.service.Source = origin, folder
	u.failures = 0
	if at.After(u.updated) {
		u.updated = at
	}
	if changed.Metadata != nil {
		u.takeMetadata(changed.Metadata)
	}
	if env != nil {
		u.options.Env = slices.Clone(env)
	}
	u.mu.Unlock()
	return u.restart()
}

// takeMetadata replaces the metadata but for what the runtime writes. u.mu is
// held.
func (u *service) takeMetadata(m map[string]string) {
	m = maps.Clone(m)
	for _, k := range statusKeys {
		delete(m, k)
		if v, ok := u.service.Metadata[k]; ok {
			m[k] = v
		}
	}
	u.service.Metadata = m
}

// delete stops and forgets the service.
func (u *service) delete(ctx context.Context) error {
	if err := u.enter(ctx); err != nil {
		return err
	}
	defer u.leave()
	if err := u.stop(ctx); err != nil {
		return err
	}
	u.runtime.remove(u)
	return nil
}
