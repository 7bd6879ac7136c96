package redisclient

import (
	"context"
	"errors"
	"fmt"
	"net"

	"github.com/go-redis/redis/v8"
)

// newCluster returns a client for a cluster. The library's own question for the
// nodes does not understand the answers of Redis 7 and later, which say more about
// each node.
func newCluster(o *redis.UniversalOptions) redis.UniversalClient {
	options := o.Cluster()
	seeds := make([]redis.Options, len(o.Addrs))
	for i, addr := range o.Addrs {
		seed := *o
		seed.Addrs = []string{addr}
		seeds[i] = *seed.Simple()
		seeds[i].DB = 0 // a cluster has no other
		seeds[i].PoolSize, seeds[i].MinIdleConns, seeds[i].IdleCheckFrequency = 1, 0, -1
	}
	options.ClusterSlots = func(ctx context.Context) ([]redis.ClusterSlot, error) {
		var errs []error
		for _, seed := range seeds {
			slots, err := askForSlots(ctx, seed)
			if err == nil {
				return slots, nil
			}
			errs = append(errs, err)
		}
		return nil, fmt.Errorf("no node of the redis cluster says who has which keys: %w", errors.Join(errs...))
	}
	options.NewClient = newNode
	c := redis.NewClusterClient(options)
	c.AddHook(keyHook{})
	return c
}

func askForSlots(ctx context.Context, seed redis.Options) ([]redis.ClusterSlot, error) {
	c := redis.NewClient(&seed) // a copy: the library writes to it
	defer c.Close()
	reply, err := c.Do(ctx, "CLUSTER", "SLOTS").Slice()
	if err != nil {
		return nil, err
	}
	host, _, err := net.SplitHostPort(seed.Addr)
	if err != nil {
		return nil, err
	}
	return parseSlots(reply, host)
}

// parseSlots reads the answer to CLUSTER SLOTS: ranges of slots, each with its
// nodes, of which it reads address and id. A node without a host is where the
// answer came from.
func parseSlots(reply []any, host string) ([]redis.ClusterSlot, error) {
	slots := make([]redis.ClusterSlot, 0, len(reply))
	for _, item := range reply {
		fields, ok := item.([]any)
		if !ok || len(fields) < 3 {
			return nil, fmt.Errorf("redis: a range of slots is %v", item)
		}
		start, ok := fields[0].(int64)
		end, endOK := fields[1].(int64)
		if !ok || !endOK {
			return nil, fmt.Errorf("redis: a range of slots is %v", item)
		}
		slot := redis.ClusterSlot{Start: int(start), End: int(end)}
		for _, node := range fields[2:] {
			n, err := parseNode(node, host)
			if err != nil {
				return nil, err
			}
			slot.Nodes = append(slot.Nodes, n)
		}
		slots = append(slots, slot)
	}
	return slots, nil
}

func parseNode(item any, host string) (node redis.ClusterNode, err error) {
	fields, ok := item.([]any)
	if !ok || len(fields) < 2 {
		return node, fmt.Errorf("redis: a node is %v", item)
	}
	if name, ok := fields[0].(string); ok && name != "" {
		host = name
	}
	port, ok := fields[1].(int64)
	if !ok {
		return node, fmt.Errorf("redis: a node is %v", item)
	}
	node.Addr = net.JoinHostPort(host, fmt.Sprint(port))
	if len(fields) > 2 {
		node.ID, _ = fields[2].(string)
	}
	return node, nil
}
