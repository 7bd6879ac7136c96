package server

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/justcy/go-micro/v4/auth"
)

// Types of the resources that guards of a server ask rules about.
const (
	serviceResource = "service"
	topicResource   = "topic"
)

// EndpointRules declares who may call an endpoint, named Type.Method, beside the
// rules that the service is given:
//
//	server.EndpointRules("Users.Login", &auth.Rule{Scope: auth.ScopePublic})
//	server.EndpointRules("Users.Delete", &auth.Rule{Scope: "admin"})
//
// They are enforced by wrapper.AuthHandler, which micro.Auth puts in place, and
// mean nothing without it. The rules are copied, with the endpoint as their
// Resource; nil ones are skipped. Handle fails when the handler has no such endpoint.
func EndpointRules(endpoint string, rules ...*auth.Rule) HandlerOption {
	declared := declare(rules, &auth.Resource{Type: serviceResource, Name: "*", Endpoint: endpoint})
	return func(o *HandlerOptions) { o.Rules = append(slices.Clip(o.Rules), declared...) }
}

// SubscriberRules declares whose messages a subscriber takes, as EndpointRules
// declares whose calls an endpoint takes. They say nothing about other subscribers
// of the topic, and are enforced by wrapper.AuthSubscriber.
func SubscriberRules(rules ...*auth.Rule) SubscriberOption {
	declared := declare(rules, &auth.Resource{Type: topicResource, Name: "*", Endpoint: "*"})
	return func(o *SubscriberOptions) { o.Rules = append(slices.Clip(o.Rules), declared...) }
}

// subscriberKey is where a context has the Subscriber that gets a message.
type subscriberKey struct{}

// declare copies rules, which are about res.
func declare(rules []*auth.Rule, res *auth.Resource) []*auth.Rule {
	declared := make([]*auth.Rule, 0, len(rules))
	for _, r := range rules {
		if r != nil {
			c := *r
			c.Resource = res
			declared = append(declared, &c)
		}
	}
	return declared
}

// EndpointAccess returns what a handler wrapper that guards its handler asks rules
// about: the endpoint of a request as a resource of type "service" that has the
// name of the service, and the rules declared by EndpointRules. The name is the one
// of the server that ctx carries, since a request only says what its sender
// believes to have called.
func EndpointAccess(ctx context.Context, req Request) (*auth.Resource, []*auth.Rule) {
	res := &auth.Resource{Type: serviceResource, Name: req.Service(), Endpoint: req.Endpoint()}
	s, ok := ctx.Value(serverKey{}).(Server)
	if !ok {
		return res, nil
	}
	own, ok := s.(*rpcServer)
	if !ok {
		res.Name = s.Options().Name
		return res, nil
	}
	st := own.settings.Load()
	res.Name = st.options.Name
	name, _, _ := strings.Cut(res.Endpoint, ".")
	h := st.routes.handlers[name]
	if h == nil {
		return res, nil
	}
	var declared []*auth.Rule
	for _, r := range rulesOf(h) {
		if r != nil && r.Resource != nil && r.Resource.Endpoint == res.Endpoint {
			declared = append(declared, r)
		}
	}
	return res, declared
}

// rulesOf returns what was declared for a handler.
func rulesOf(h Handler) []*auth.Rule {
	if own, ok := h.(*RpcHandler); ok {
		return own.opts.Rules // Options makes copies
	}
	return h.Options().Rules
}

// rulesFit fails when a rule was declared for an endpoint that a handler has not: its
// name is misspelt, and the endpoint it is meant for would be open.
func rulesFit(h Handler, methods []*method) error {
rules:
	for _, r := range rulesOf(h) {
		if r == nil || r.Resource == nil {
			continue
		}
		for _, m := range methods {
			if m.name == r.Resource.Endpoint {
				continue rules
			}
		}
		return errors.New("rpc.Handle: rules for no endpoint: " + r.Resource.Endpoint)
	}
	return nil
}

// TopicAccess is EndpointAccess for subscriber wrappers: it returns the topic of a
// message as a resource of type "topic", whose endpoint is the name of the service
// that subscribes, and the rules declared by SubscriberRules for the subscriber that
// gets the message. Around a router of the program's own, which decides about that,
// these are the rules of all subscribers of the topic.
//
// The topic is the one that is subscribed to, whatever the message says of itself.
func TopicAccess(ctx context.Context, m Message) (*auth.Resource, []*auth.Rule) {
	res := &auth.Resource{Type: topicResource, Name: m.Topic()}
	var rules []*auth.Rule
	sub, known := ctx.Value(subscriberKey{}).(Subscriber)
	if known {
		res.Name, rules = sub.Topic(), sub.Options().Rules
	}
	s, ok := ctx.Value(serverKey{}).(Server)
	if !ok {
		return res, rules
	}
	own, ok := s.(*rpcServer)
	if !ok {
		res.Endpoint = s.Options().Name
		return res, rules
	}
	st := own.settings.Load()
	res.Endpoint = st.options.Name
	if known {
		return res, rules
	}
	for _, other := range st.routes.subs {
		if other.sub.Topic() == res.Name {
			rules = append(rules, other.sub.Options().Rules...)
		}
	}
	return res, rules
}
