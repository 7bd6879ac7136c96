package natsjs

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/justcy/go-micro/v4/logger"
)

const (
	// maxUnacked is how many events of a group wait for their acknowledgement.
	maxUnacked = 1000
	// autoAckWait is the AckWait of consumers that acknowledge automatically.
	autoAckWait = 10 * time.Second
	// ownLifetime is how long the consumer of a process that was killed stays, when
	// it was a group of its own, and passingLifetime that of a group which does not
	// last.
	ownLifetime     = time.Hour
	passingLifetime = time.Minute
)

// streamOf returns the name of the JetStream stream that keeps a topic, which it
// creates when there is none.
func (s *stream) streamOf(ctx context.Context, topic string) (string, error) {
	at := subject(topic)
	s.mu.Lock()
	known, ok := s.names[at]
	s.mu.Unlock()
	if ok {
		return known, nil
	}
	found, err := s.findStream(ctx, topic, at)
	if err != nil {
		return "", fmt.Errorf("Stream did not exist and adding a stream failed: %w", err) //nolint:staticcheck // the text is known to programs
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.names[at] = found
	return found, nil
}

func (s *stream) findStream(ctx context.Context, topic, at string) (string, error) {
	found, err := s.js.StreamNameBySubject(ctx, at)
	if !errors.Is(err, jetstream.ErrStreamNotFound) {
		return found, err
	}
	made, err := s.js.CreateStream(ctx, jetstream.StreamConfig{Name: name(topic), Subjects: []string{at}})
	if err == nil {
		return made.CachedInfo().Config.Name, nil
	}
	// Another process may have been faster.
	if found, lookup := s.js.StreamNameBySubject(ctx, at); lookup == nil {
		return found, nil
	}
	if errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) {
		return "", fmt.Errorf("the stream %s exists, but the subject %s is not among its own: %w", name(topic), at, err)
	}
	return "", err
}

// knows reports whether the stream of a subject is known.
func (s *stream) knows(subject string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ok := s.names[subject]
	return ok
}

// forget drops what is known about the stream of a subject.
func (s *stream) forget(subject string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.names, subject)
}

// bind joins the group on the server, which it creates when there is none.
func (c *consumption) bind(ctx context.Context) error {
	var err error
	for range 3 { // another process may create or delete it meanwhile
		var stream string
		if stream, err = c.stream.streamOf(ctx, c.topic); err != nil {
			return err
		}
		var there jetstream.PushConsumer
		there, err = c.stream.js.PushConsumer(ctx, stream, name(c.group))
		switch {
		case err == nil:
			return c.join(ctx, stream, there.CachedInfo())
		case errors.Is(err, jetstream.ErrNotPushConsumer):
			return fmt.Errorf("the consumer %s of the stream %s is one that others pull from", name(c.group), stream)
		case errors.Is(err, jetstream.ErrStreamNotFound):
			c.stream.forget(subject(c.topic))
			continue
		case !errors.Is(err, jetstream.ErrConsumerNotFound) && !errors.Is(err, jetstream.ErrConsumerDoesNotExist):
			return err
		}
		if err = c.create(ctx, stream); err == nil || !errors.Is(err, jetstream.ErrConsumerExists) {
			return err
		}
	}
	return err
}

// join takes part in a consumer that exists, and gives it the settings of this
// consumption if it has others. That is done once: another member may have come later.
func (c *consumption) join(ctx context.Context, stream string, info *jetstream.ConsumerInfo) error {
	config, changed := info.Config, false
	if wait := c.opts.AckWait; !c.opts.AutoAck && config.AckPolicy == jetstream.AckExplicitPolicy && config.AckWait != wait {
		config.AckWait, changed = wait, true
	}
	if limit := c.maxDeliver(); c.opts.CustomRetries && config.MaxDeliver != limit {
		config.MaxDeliver, changed = limit, true
	}
	if changed && !c.bound {
		if updated, err := c.stream.js.UpdatePushConsumer(ctx, stream, config); err == nil {
			info = updated.CachedInfo()
		} else {
			c.logf(logger.WarnLevel, "keeps its AckWait of %v and its limit of %d deliveries: %v", info.Config.AckWait, info.Config.MaxDeliver, err)
		}
	}
	return c.subscribe(info)
}

// create makes the consumer on the server. It listens before: the first event
// arrives at once.
func (c *consumption) create(ctx context.Context, stream string) error {
	config := c.config()
	if err := c.listen(config.DeliverSubject, config.DeliverGroup); err != nil {
		return err
	}
	made, err := c.stream.js.CreatePushConsumer(ctx, stream, config)
	if err != nil {
		return err
	}
	return c.subscribe(made.CachedInfo())
}

func (c *consumption) config() jetstream.ConsumerConfig {
	config := jetstream.ConsumerConfig{
		Durable:        name(c.group),
		DeliverSubject: c.inbox,
		DeliverGroup:   name(c.group),
		FilterSubject:  subject(c.topic),
		DeliverPolicy:  jetstream.DeliverNewPolicy,
		AckPolicy:      jetstream.AckExplicitPolicy,
		AckWait:        c.opts.AckWait,
		MaxDeliver:     c.maxDeliver(),
		MaxAckPending:  maxUnacked,
	}
	if config.AckWait <= 0 {
		config.AckWait = autoAckWait
	}
	if from := c.from(); !from.IsZero() {
		config.DeliverPolicy, config.OptStartTime = jetstream.DeliverByStartTimePolicy, &from
	}
	switch {
	case c.stream.opts.DisableDurableStreams:
		config.Name, config.Durable, config.InactiveThreshold = config.Durable, "", passingLifetime
	case c.own:
		config.InactiveThreshold = ownLifetime
	}
	return config
}

// maxDeliver is how often the server sends an event: once, and again as often as
// the retry limit says.
func (c *consumption) maxDeliver() int {
	if limit := c.opts.GetRetryLimit(); limit >= 0 {
		return limit + 1
	}
	return -1
}
