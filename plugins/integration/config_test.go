package integration_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"sync/atomic"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/justcy/go-micro/plugins/v4/config/source/etcd"
	"github.com/justcy/go-micro/plugins/v4/integration/internal/etcdserver"
	"github.com/justcy/go-micro/v4/config"
	"github.com/justcy/go-micro/v4/config/source"
	"github.com/justcy/go-micro/v4/config/source/sourcetest"
)

func newSource(t testing.TB, addr string, opts ...source.Option) source.Source {
	s := etcd.NewSource(append(opts, etcd.WithAddress(addr))...)
	t.Cleanup(func() { must(t, s.(io.Closer).Close()) })
	return s
}

// put replaces all keys of a prefix by those of a document, one for each member.
func put(t testing.TB, c *clientv3.Client, prefix, document string) {
	t.Helper()
	var members map[string]json.RawMessage
	must(t, json.Unmarshal([]byte(document), &members))
	ctx := context.Background()
	for key, value := range members {
		_, err := c.Put(ctx, prefix+key+"/value", string(value))
		must(t, err)
	}
	reply, err := c.Get(ctx, prefix, clientv3.WithPrefix(), clientv3.WithKeysOnly())
	must(t, err)
	for _, kv := range reply.Kvs {
		key := string(kv.Key)[len(prefix) : len(kv.Key)-len("/value")]
		if _, ok := members[key]; !ok {
			_, err := c.Delete(ctx, string(kv.Key))
			must(t, err)
		}
	}
}

func TestSource(t *testing.T) {
	t.Parallel()
	s := etcdserver.New(t)
	c := client(t, s.Addr)
	var prefixes atomic.Int64
	of := map[source.Source]string{} // the prefix
	sourcetest.Run(t, sourcetest.Harness{
		New: func(t testing.TB, document string) source.Source {
			prefix := fmt.Sprintf("/test-%d/", prefixes.Add(1))
			_, err := c.Put(context.Background(), prefix+"all", document)
			must(t, err)
			s := newSource(t, s.Addr, etcd.WithPrefix(prefix), etcd.StripPrefix(true))
			of[s] = prefix
			return s
		},
		Change: func(t testing.TB, s source.Source, document string) {
			_, err := c.Put(context.Background(), of[s]+"all", document)
			must(t, err)
		},
	})
}

func TestKeysAreAPathAndValuesJSON(t *testing.T) {
	t.Parallel()
	s, ctx := etcdserver.New(t), context.Background()
	c := client(t, s.Addr)
	for key, value := range map[string]string{
		"/micro/config/db/host": `"localhost"`, "/micro/config/db/port": `5432`, "/micro/config/db": `{"host":"x","user":"ada"}`,
		"/micro/config/zone": `{"name":"north"}`, "/micro/config/text/plain": `not JSON`,
	} {
		_, err := c.Put(ctx, key, value)
		must(t, err)
	}
	for strip, want := range map[bool]string{
		true:  `{"db":{"host":"localhost","port":5432},"host":"x","name":"north","text":{"plain":"not JSON"},"user":"ada"}`,
		false: `{"micro":{"config":{"db":{"host":"localhost","port":5432,"user":"ada"},"text":{"plain":"not JSON"},"zone":{"name":"north"}}}}`,
	} {
		set, err := newSource(t, s.Addr, etcd.StripPrefix(strip)).Read()
		must(t, err)
		if string(set.Data) != want || set.Format != "json" || set.Source != "etcd" {
			t.Errorf("stripped %v: %s, want %s", strip, set.Data, want)
		}
	}
}

func TestAPrefixWithoutKeysIsAnError(t *testing.T) {
	t.Parallel()
	s, ctx := etcdserver.New(t), context.Background()
	if _, err := newSource(t, s.Addr).Read(); err == nil || err.Error() != "source not found: /micro/config/" {
		t.Errorf("got %v", err)
	}
	set, err := newSource(t, s.Addr, etcd.UseDefKey(true), etcd.StripPrefix(true)).Read()
	must(t, err)
	if string(set.Data) != "{}" {
		t.Errorf("got %s", set.Data)
	}
	c := client(t, s.Addr)
	_, err = c.Put(ctx, "/micro/config//default", `{"a":1}`)
	must(t, err)
	set, err = newSource(t, s.Addr, etcd.UseDefKey(true), etcd.StripPrefix(true)).Read()
	if err != nil || string(set.Data) != `{"a":1}` {
		t.Errorf("what was under the default key became %s, %v", set.Data, err)
	}
}

func next(t testing.TB, w source.Watcher) *source.ChangeSet {
	t.Helper()
	sets := make(chan *source.ChangeSet, 1)
	go func() {
		set, err := w.Next()
		if err != nil {
			t.Error(err)
		}
		sets <- set
	}()
	select {
	case set := <-sets:
		return set
	case <-time.After(time.Minute):
		t.Fatal("Next blocks")
		return nil
	}
}

func TestWhatChangesBetweenReadAndWatchIsTold(t *testing.T) {
	t.Parallel()
	s, ctx := etcdserver.New(t), context.Background()
	src, c := newSource(t, s.Addr, etcd.StripPrefix(true)), client(t, s.Addr)
	_, err := c.Put(ctx, "/micro/config/a/b", "1")
	must(t, err)
	_, err = src.Read()
	must(t, err)
	reply, err := c.Put(ctx, "/micro/config/a/b", "2")
	must(t, err)
	w, err := src.Watch()
	must(t, err)
	t.Cleanup(func() { _ = w.Stop() })
	if set := next(t, w); string(set.Data) != `{"a":{"b":2}}` {
		t.Errorf("got %s", set.Data)
	}
	_, err = c.Compact(ctx, reply.Header.Revision) // the next watcher asks for what is forgotten
	must(t, err)
	late, err := src.Watch()
	must(t, err)
	t.Cleanup(func() { _ = late.Stop() })
	if set := next(t, late); string(set.Data) != `{"a":{"b":2}}` {
		t.Errorf("after a compaction: %s", set.Data)
	}
	_, err = c.Delete(ctx, "/micro/config/a/b")
	must(t, err)
	for _, w := range []source.Watcher{w, late} {
		if set := next(t, w); string(set.Data) != `{}` {
			t.Errorf("without keys: %s", set.Data)
		}
	}
}

func TestConfigurationFollowsEtcdOverARestart(t *testing.T) {
	t.Parallel()
	s := etcdserver.New(t)
	c := client(t, s.Addr)
	put(t, c, "/micro/config/", `{"a":1}`)
	conf, err := config.NewConfig(config.WithSource(newSource(t, s.Addr, etcd.StripPrefix(true))))
	must(t, err)
	t.Cleanup(func() { must(t, conf.Close()) })
	s.Stop()
	s.Start()
	put(t, c, "/micro/config/", `{"a":2}`)
	eventually(t, "the configuration has the change", func() bool { return conf.Get("a", "value").Int(0) == 2 })
}

func TestASourceThatIsAwayIsAnErrorOfReadInTime(t *testing.T) {
	t.Parallel()
	s := newSource(t, "127.0.0.1:1", etcd.WithDialTimeout(time.Second))
	begun := time.Now()
	_, err := s.Read()
	if err == nil || time.Since(begun) > 20*time.Second {
		t.Errorf("Read: %v after %v", err, time.Since(begun))
	}
	t.Log(err)
	if _, err := s.Watch(); err == nil || time.Since(begun) > 40*time.Second {
		t.Errorf("Watch: %v after %v", err, time.Since(begun))
	}
}

func TestASourceThatCouldNotLogInDoesSoWhenEtcdIsBack(t *testing.T) {
	t.Parallel()
	s := etcdserver.New(t)
	put(t, client(t, s.Addr), "/micro/config/", `{"a":1}`)
	s.Stop()
	src := newSource(t, s.Addr, etcd.Auth("root", "secret"), etcd.WithDialTimeout(time.Second))
	if _, err := src.Read(); err == nil {
		t.Error("read from nobody")
	}
	s.Start()
	eventually(t, "it is read", func() bool {
		_, err := src.Read()
		return err == nil
	})
}
