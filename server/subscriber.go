package server

import (
	"context"
	"fmt"
	"reflect"

	"github.com/justcy/go-micro/v4/auth"
	"github.com/justcy/go-micro/v4/internal/options"
	"github.com/justcy/go-micro/v4/registry"
)

// SubscriberOption sets one of the SubscriberOptions.
type SubscriberOption func(*SubscriberOptions)

// SubscriberOptions configures a subscriber.
type SubscriberOptions struct {
	// AutoAck asks the broker to acknowledge messages by itself once they
	// were handled without an error. The server never acknowledges.
	AutoAck bool
	// Queue makes subscribers with the same queue share the messages: each
	// goes to one of them. Without a queue each subscriber gets every message.
	Queue string
	// Internal subscribers are not listed in the registry.
	Internal bool
	// Rules say whose messages are taken: see SubscriberRules.
	Rules []*auth.Rule
	// Context carries options of the broker.
	Context context.Context
}

// NewSubscriberOptions returns the given options; AutoAck is on by default.
func NewSubscriberOptions(opts ...SubscriberOption) SubscriberOptions {
	o := SubscriberOptions{AutoAck: true, Context: context.Background()}
	options.To(&o, opts)
	return o
}

// DisableAutoAck leaves acknowledging to somebody else.
func DisableAutoAck() SubscriberOption {
	return func(o *SubscriberOptions) { o.AutoAck = false }
}

// SubscriberQueue sets the queue whose subscribers share messages.
func SubscriberQueue(n string) SubscriberOption {
	return func(o *SubscriberOptions) { o.Queue = n }
}

// SubscriberContext sets a context that carries options of the broker.
func SubscriberContext(ctx context.Context) SubscriberOption {
	return func(o *SubscriberOptions) { o.Context = ctx }
}

// InternalSubscriber keeps a subscriber out of the registry.
func InternalSubscriber(b bool) SubscriberOption {
	return func(o *SubscriberOptions) { o.Internal = b }
}

// subscriber is the Subscriber of functions and of values with methods.
type subscriber struct {
	topic     string
	target    any
	endpoints []*registry.Endpoint
	opts      SubscriberOptions
}

func newSubscriber(topic string, target any, opts ...SubscriberOption) Subscriber {
	s := &subscriber{topic: topic, target: target, opts: NewSubscriberOptions(opts...)}
	if target == nil {
		return s
	}
	t := reflect.TypeOf(target)
	if t.Kind() == reflect.Func {
		s.endpoints = []*registry.Endpoint{subscriberEndpoint("Func", topic, t)}
		return s
	}
	for i := range t.NumMethod() {
		m := t.Method(i)
		s.endpoints = append(s.endpoints, subscriberEndpoint(typeName(t)+"."+m.Name, topic, m.Type))
	}
	return s
}

func (s *subscriber) Topic() string                   { return s.topic }
func (s *subscriber) Subscriber() any                 { return s.target }
func (s *subscriber) Endpoints() []*registry.Endpoint { return cloneEndpoints(s.endpoints) }
func (s *subscriber) Options() SubscriberOptions      { return s.opts }

// A receiver is one function of a subscriber.
type receiver struct {
	fn       reflect.Value
	argument parameter
}

// receivers returns the functions of a subscriber, or an error that names the
// one which has not the form func(context.Context, T) error.
func receivers(s Subscriber) ([]receiver, error) {
	target := reflect.ValueOf(s.Subscriber())
	if !target.IsValid() {
		return nil, fmt.Errorf("subscribe to %q: the subscriber is nil", s.Topic())
	}
	if target.Kind() == reflect.Func {
		r, err := newReceiver(target, "func")
		if err != nil {
			return nil, fmt.Errorf("subscribe to %q: %w", s.Topic(), err)
		}
		return []receiver{r}, nil
	}
	var rs []receiver
	for i := range target.NumMethod() {
		name := typeName(target.Type()) + "." + target.Type().Method(i).Name
		r, err := newReceiver(target.Method(i), name)
		if err != nil {
			return nil, fmt.Errorf("subscribe to %q: %w", s.Topic(), err)
		}
		rs = append(rs, r)
	}
	if len(rs) == 0 {
		return nil, fmt.Errorf("subscribe to %q: %s has no exported methods", s.Topic(), target.Type())
	}
	return rs, nil
}

func newReceiver(fn reflect.Value, name string) (receiver, error) {
	t := fn.Type()
	const form = "want func(context.Context, T) error"
	switch {
	case fn.IsNil():
		return receiver{}, fmt.Errorf("%s is nil; %s", name, form)
	case t.NumIn() != 2 || t.IsVariadic() || t.In(0) != contextType:
		return receiver{}, fmt.Errorf("%s has the parameters of %s; %s", name, t, form)
	case t.NumOut() != 1 || t.Out(0) != errorType:
		return receiver{}, fmt.Errorf("%s has the results of %s; %s", name, t, form)
	case !exportedOrBuiltin(t.In(1)):
		return receiver{}, fmt.Errorf("%s takes the unexported type %s", name, t.In(1))
	}
	return receiver{fn: fn, argument: parameter{typ: t.In(1)}}, nil
}

func (r *receiver) call(ctx context.Context, payload any) error {
	arg := reflect.ValueOf(payload)
	if !arg.IsValid() || !arg.Type().AssignableTo(r.argument.typ) {
		return fmt.Errorf("a subscriber wrapper passed a message of type %T; want %s", payload, r.argument.typ)
	}
	out := r.fn.Call([]reflect.Value{reflect.ValueOf(&ctx).Elem(), arg})
	err, _ := out[0].Interface().(error)
	return err
}
