package redisclient

import (
	"reflect"
	"testing"

	"github.com/go-redis/redis/v8"
)

func TestSlotsOfOldAndNewServersAreRead(t *testing.T) {
	for name, nodes := range map[string][]any{
		"without ids":   {[]any{"10.0.0.1", int64(7000)}, []any{"", int64(7001)}},
		"with ids":      {[]any{"10.0.0.1", int64(7000), "a"}, []any{nil, int64(7001), "b"}},
		"with metadata": {[]any{"10.0.0.1", int64(7000), "a", []any{"hostname", "one"}}, []any{nil, int64(7001), "b", []any{}}},
	} {
		got, err := parseSlots([]any{append([]any{int64(0), int64(100)}, nodes...)}, "::1")
		if err != nil || len(got) != 1 {
			t.Errorf("%s: %v, %v", name, got, err)
			continue
		}
		got[0].Nodes[0].ID, got[0].Nodes[1].ID = "", ""
		want := redis.ClusterSlot{Start: 0, End: 100, Nodes: []redis.ClusterNode{{Addr: "10.0.0.1:7000"}, {Addr: "[::1]:7001"}}}
		if !reflect.DeepEqual(got[0], want) {
			t.Errorf("%s: %+v, want %+v", name, got[0], want)
		}
	}
}

func TestSlotsThatAreNoneAreRefused(t *testing.T) {
	for _, reply := range [][]any{
		{"text"}, {[]any{int64(0), int64(1)}}, {[]any{"0", int64(1), []any{"h", int64(1)}}}, {[]any{int64(0), nil, []any{"h", int64(1)}}},
		{[]any{int64(0), int64(1), "node"}}, {[]any{int64(0), int64(1), []any{"h"}}}, {[]any{int64(0), int64(1), []any{"h", "1"}}},
	} {
		if got, err := parseSlots(reply, "h"); err == nil {
			t.Errorf("%v is read as %v", reply, got)
		}
	}
}
