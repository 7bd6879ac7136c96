package client_test

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"maps"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/justcy/go-micro/v4/client"
	"github.com/justcy/go-micro/v4/metadata"
)

func TestCachedAnswersAreOfEqualRequestsInOneNamespace(t *testing.T) {
	c := client.NewCache()
	ctx := context.Background()
	req := client.NewRequest("greeter", "Greeter.Hello", &echoBody{"Ada"})
	if v, ok := c.Get(ctx, &req); ok {
		t.Errorf("an empty cache has %v", v)
	}
	c.Set(ctx, &req, &echoBody{"hello"}, 0)
	if v, ok := c.Get(ctx, &req); !ok || v.(*echoBody).Name != "hello" {
		t.Errorf("got %v, %v", v, ok)
	}
	same := client.NewRequest("greeter", "Greeter.Hello", map[string]string{"name": "Ada"})
	if _, ok := c.Get(ctx, &same); !ok {
		t.Error("an equal request is not found")
	}
	for name, other := range map[string]client.Request{
		"service":  client.NewRequest("other", "Greeter.Hello", &echoBody{"Ada"}),
		"endpoint": client.NewRequest("greeter", "Greeter.Bye", &echoBody{"Ada"}),
		"body":     client.NewRequest("greeter", "Greeter.Hello", &echoBody{"Bob"}),
	} {
		if v, ok := c.Get(ctx, &other); ok {
			t.Errorf("a request with another %s gets %v", name, v)
		}
	}
	if _, ok := c.Get(metadata.Set(ctx, "Micro-Namespace", "ns"), &req); ok {
		t.Error("another namespace shares the answer")
	}
}

func TestCacheKeysAreTheHashOfV4(t *testing.T) {
	c := client.NewCache()
	req := client.NewRequest("greeter", "Greeter.Hello", &echoBody{"Ada"})
	c.Set(metadata.Set(context.Background(), "Micro-Namespace", "ns"), &req, &echoBody{"hello"}, 0)
	h := fnv.New64()
	fmt.Fprint(h, `{"namespace":"ns","request":{"body":{"name":"Ada"},"endpoint":"Greeter.Hello","method":"Greeter.Hello","service":"greeter"}}`)
	want := map[string]string{fmt.Sprintf("%016x", h.Sum64()): `{"name":"hello"}`}
	if got := c.List(); !maps.Equal(got, want) {
		t.Errorf("List is %v, want %v", got, want)
	}
}

func TestCachedAnswersExpire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := client.NewCache()
		ctx := context.Background()
		for i, expiry := range []time.Duration{0, time.Second, time.Minute} {
			req := client.NewRequest("s", "A.B", i)
			c.Set(ctx, &req, i, expiry)
		}
		for _, step := range []struct {
			after time.Duration
			left  int
		}{{0, 3}, {time.Second, 2}, {29 * time.Second, 2}, {30 * time.Second, 1}, {time.Hour, 1}} {
			time.Sleep(step.after)
			if got := len(c.List()); got != step.left {
				t.Errorf("after %v more %d answers are left, want %d", step.after, got, step.left)
			}
		}
		req := client.NewRequest("s", "A.B", 1)
		if _, ok := c.Get(ctx, &req); ok {
			t.Error("an expired answer is still there")
		}
		c.Set(ctx, &req, 1, time.Second)
		time.Sleep(time.Minute)
	})
}

func TestWhatHasNoKeyIsNotCached(t *testing.T) {
	c := client.NewCache()
	one := client.NewRequest("s", "A.B", make(chan int))
	c.Set(context.Background(), &one, 1, 0)
	if _, ok := c.Get(context.Background(), &one); ok || len(c.List()) != 0 {
		t.Error("an answer is kept without a key")
	}
	c.Set(context.Background(), nil, 1, 0)
	if _, ok := c.Get(context.Background(), nil); ok {
		t.Error("no request has an answer")
	}
}

func TestACacheMayBeUsedConcurrently(t *testing.T) {
	c := client.NewCache()
	var work sync.WaitGroup
	for i := range 8 {
		work.Go(func() {
			req := client.NewRequest("s", "A.B", i%4)
			c.Set(context.Background(), &req, i%4, time.Hour)
			if v, ok := c.Get(context.Background(), &req); !ok || v != i%4 {
				t.Errorf("got %v, %v", v, ok)
			}
			for _, v := range c.List() {
				if n, err := strconv.Atoi(v); err != nil || n > 3 {
					t.Errorf("List has %q", v)
				}
			}
		})
	}
	work.Wait()
	if b, err := json.Marshal(c.List()); err != nil || len(c.List()) != 4 {
		t.Errorf("List is %s, %v", b, err)
	}
}
