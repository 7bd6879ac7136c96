package redisclient

import (
	"context"
	"errors"

	"github.com/go-redis/redis/v8"
)

// The library asks a node of the cluster what its commands are, before each command
// until it has understood the answer, to learn which argument is the key. It does
// not understand Redis 7 and later: it asks for ever, and sends commands anywhere.
// These hooks tell it the key of the commands that drivers use, and have the
// question fail without being sent.

// keyed are commands whose first argument is the key that says where they go.
var keyed = map[string]bool{"get": true, "set": true, "del": true, "pttl": true}

type keyHook struct{}

func (keyHook) BeforeProcess(ctx context.Context, cmd redis.Cmder) (context.Context, error) {
	if keyed[cmd.Name()] {
		cmd.SetFirstKeyPos(1)
	}
	return ctx, nil
}

func (h keyHook) BeforeProcessPipeline(ctx context.Context, cmds []redis.Cmder) (context.Context, error) {
	for _, cmd := range cmds {
		_, _ = h.BeforeProcess(ctx, cmd)
	}
	return ctx, nil
}

func (keyHook) AfterProcess(context.Context, redis.Cmder) error { return nil }

func (keyHook) AfterProcessPipeline(context.Context, []redis.Cmder) error { return nil }

// questionHook is for the clients of single nodes.
type questionHook struct{ keyHook }

var errNotAsked = errors.New("redis: the commands of the server are not asked for")

func (questionHook) BeforeProcess(ctx context.Context, cmd redis.Cmder) (context.Context, error) {
	if cmd.Name() == "command" {
		return ctx, errNotAsked
	}
	return ctx, nil
}

func newNode(o *redis.Options) *redis.Client {
	c := redis.NewClient(o)
	c.AddHook(questionHook{})
	return c
}
