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

// keyed are the places of the key that says where a command goes.
var keyed = map[string]int8{
	"get": 1, "set": 1, "del": 1, "pttl": 1,
	"xadd": 1, "xack": 1, "xtrim": 1, "xgroup": 2, "xinfo": 2,
}

type keyHook struct{}

func (keyHook) BeforeProcess(ctx context.Context, cmd redis.Cmder) (context.Context, error) {
	if place := keyed[cmd.Name()]; place > 0 {
		cmd.SetFirstKeyPos(place)
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
