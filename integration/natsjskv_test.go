package integration_test

import (
	"encoding/base32"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/justcy/go-micro/v4/integration/internal/servers"
	"github.com/justcy/go-micro/v4/store"
	natsjskv "github.com/justcy/go-micro/v4/store/nats-js-kv"
	"github.com/justcy/go-micro/v4/store/storetest"
)

func newNATSStore(t testing.TB, opts ...store.Option) store.Store {
	s := natsjskv.NewStore(append([]store.Option{store.Nodes(servers.NATS(t))}, opts...)...)
	t.Cleanup(func() { s.Close() })
	return s
}

// jetStream is the library beside the driver.
func jetStream(t testing.TB, url string) nats.JetStreamContext {
	t.Helper()
	c, err := nats.Connect(url)
	must(t, err)
	t.Cleanup(c.Close)
	js, err := c.JetStream()
	must(t, err)
	return js
}

func TestNATSStore(t *testing.T) {
	servers.NATS(t)
	t.Run("encoded keys", func(t *testing.T) {
		storetest.Run(t, storetest.Harness{New: func(t testing.TB) store.Store {
			return newNATSStore(t, natsjskv.EncodeKeys(), store.Database("encoded"))
		}})
	})
	t.Run("plain keys", func(t *testing.T) {
		storetest.Run(t, storetest.Harness{
			New:       func(t testing.TB) store.Store { return newNATSStore(t, store.Database("plain")) },
			NoOddKeys: true,
		})
	})
}

func TestNATSBucketsAreInTheLayoutOfGoMicroV4(t *testing.T) {
	js, bucket := jetStream(t, servers.NATS(t)), unique("layout_")
	s := newNATSStore(t, store.Database(bucket))
	must(t, s.Write(&store.Record{Key: "user/1", Value: []byte("ada"), Metadata: map[string]any{"n": 1}}, store.WriteTo("", "users")))
	must(t, s.Write(&store.Record{Key: "alone"}))
	encoded := newNATSStore(t, store.Database(bucket+"_e"), store.Table("t"), natsjskv.EncodeKeys())
	must(t, encoded.Write(&store.Record{Key: "ключ"}))

	for _, tc := range []struct{ bucket, key, want string }{
		{bucket, "users_user/1", `{"key":"user/1","data":"YWRh","metadata":{"n":1}}`},
		{bucket, "alone", `{"key":"alone","data":null,"metadata":null}`},
		{bucket + "_e", base32.StdEncoding.EncodeToString([]byte("t_ключ")), `{"key":"ключ","data":null,"metadata":null}`},
	} {
		kv, err := js.KeyValue(tc.bucket)
		must(t, err)
		entry, err := kv.Get(tc.key)
		if err != nil || string(entry.Value()) != tc.want {
			t.Errorf("%s has %s, %v", tc.key, entry.Value(), err)
		}
	}
	info, err := js.StreamInfo("KV_" + bucket)
	must(t, err)
	if c := info.Config; c.Description != "KeyValue storage administered by go-micro store plugin" || c.Storage != nats.FileStorage || c.MaxAge != 0 {
		t.Errorf("the bucket is %+v", c)
	}
}

func TestNATSBucketsOfOthersAreFoundByReads(t *testing.T) {
	js, bucket := jetStream(t, servers.NATS(t)), unique("others_")
	kv, err := js.CreateKeyValue(&nats.KeyValueConfig{Bucket: bucket})
	must(t, err)
	for key, value := range map[string]string{
		"users_1": `{"key":"1","data":"YWRh","metadata":null}`, "foreign": "not of a store", "2": `{"key":"2","data":"eA==","metadata":{"a":"b"}}`,
	} {
		_, err := kv.PutString(key, value)
		must(t, err)
	}
	s := newNATSStore(t, store.Database(bucket))
	records, err := s.Read("1", store.ReadFrom("", "users"))
	if err != nil || string(records[0].Value) != "ada" {
		t.Errorf("got %v, %v", records, err)
	}
	if keys, err := s.List(); err != nil || !slices.Equal(keys, []string{"2", "users_1"}) {
		t.Errorf("without a table: %q, %v", keys, err)
	}
	if _, err := s.Read("foreign"); err == nil || errors.Is(err, store.ErrNotFound) {
		t.Errorf("an entry that is no record: %v", err)
	}
}

func TestNATSReadsOfNoBucketSaySo(t *testing.T) {
	s := newNATSStore(t, store.Database(unique("none_")))
	if _, err := s.Read("key"); err != natsjskv.ErrBucketNotFound {
		t.Errorf("got %v", err)
	}
	if keys, err := s.List(); err != nil || len(keys) != 0 {
		t.Errorf("got %v, %v", keys, err)
	}
	must(t, s.Delete("key"))
	if err := s.Delete(unique("none_"), natsjskv.DeleteBucket()); !errors.Is(err, natsjskv.ErrBucketNotFound) {
		t.Errorf("got %v", err)
	}
}

func TestNATSTablesThatLookAlikeDoNotReadEachOther(t *testing.T) {
	s := newNATSStore(t, store.Database(unique("alike_")))
	must(t, s.Write(&store.Record{Key: "b_c"}, store.WriteTo("", "a")))
	if _, err := s.Read("c", store.ReadFrom("", "a_b")); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("got %v", err)
	}
	if keys, err := s.List(store.ListFrom("", "a_b")); err != nil || len(keys) != 0 {
		t.Errorf("got %q, %v", keys, err)
	}
	if keys, err := s.List(store.ListFrom("", "a")); err != nil || !slices.Equal(keys, []string{"b_c"}) {
		t.Errorf("got %q, %v", keys, err)
	}
}

func TestNATSBucketTTLIsTheExpiryOfRecords(t *testing.T) {
	s := newNATSStore(t, store.Database(unique("ttl_")), natsjskv.DefaultTTL(time.Hour), natsjskv.DefaultMemory(), natsjskv.DefaultDescription("text"))
	must(t, s.Write(&store.Record{Key: "key"}))
	must(t, s.Write(&store.Record{Key: "short"}, store.WriteTTL(time.Minute)))
	records, err := s.Read("", store.ReadPrefix())
	must(t, err)
	if left := records[0].Expiry; left > time.Hour || left < 50*time.Minute {
		t.Errorf("%v left of an hour", left)
	}
	if left := records[1].Expiry; left > time.Minute || left < 10*time.Second {
		t.Errorf("%v left of a minute", left)
	}
	info, err := jetStream(t, servers.NATS(t)).StreamInfo("KV_" + s.Options().Database)
	must(t, err)
	if c := info.Config; c.Description != "text" || c.Storage != nats.MemoryStorage || c.MaxAge != time.Hour {
		t.Errorf("the bucket is %+v", c)
	}
}

func TestNATSExpiredRecordsAreRemoved(t *testing.T) {
	s := newNATSStore(t, store.Database(unique("expiry_")))
	must(t, s.Write(&store.Record{Key: "key"}, store.WriteTTL(time.Millisecond)))
	must(t, s.Write(&store.Record{Key: "listed"}, store.WriteTTL(time.Millisecond)))
	eventuallyNotFound(t, s, "key")
	eventuallyListed(t, s)
	kv, err := jetStream(t, servers.NATS(t)).KeyValue(s.Options().Database)
	must(t, err)
	if keys, err := kv.Keys(); !errors.Is(err, nats.ErrNoKeysFound) {
		t.Errorf("left are %q, %v", keys, err)
	}
}

func TestNATSBucketsAreMadeByInitAndDeleted(t *testing.T) {
	js, a, b := jetStream(t, servers.NATS(t)), unique("a_"), unique("b_")
	s := newNATSStore(t, natsjskv.KeyValueOptions(&nats.KeyValueConfig{Bucket: a, History: 3}, &nats.KeyValueConfig{Bucket: b}))
	must(t, s.Init())
	must(t, s.Init(store.Database(a)))
	for bucket, history := range map[string]int64{a: 3, b: 1} {
		info, err := js.StreamInfo("KV_" + bucket)
		if err != nil || info.Config.MaxMsgsPerSubject != history {
			t.Errorf("%s: %v", bucket, err)
		}
	}
	must(t, s.Write(&store.Record{Key: "key"}))
	must(t, s.Delete(a, natsjskv.DeleteBucket()))
	if _, err := s.Read("key"); err != natsjskv.ErrBucketNotFound {
		t.Errorf("got %v", err)
	}
}

func TestNATSABucketDeletedByOthersIsMadeAnew(t *testing.T) {
	js, bucket := jetStream(t, servers.NATS(t)), unique("deleted_")
	s := newNATSStore(t, store.Database(bucket))
	must(t, s.Write(&store.Record{Key: "key"}))
	must(t, js.DeleteKeyValue(bucket))
	if _, err := s.Read("key"); err != natsjskv.ErrBucketNotFound {
		t.Errorf("got %v", err)
	}
	must(t, s.Write(&store.Record{Key: "key"}))
	must(t, js.DeleteKeyValue(bucket))
	must(t, s.Write(&store.Record{Key: "key"}))
	if _, err := s.Read("key"); err != nil {
		t.Error(err)
	}
}

func TestNATSNamesAreKeptOrRefused(t *testing.T) {
	s := newNATSStore(t, store.Database(unique("names_")))
	longest := strings.Repeat("k", 3400)
	must(t, s.Write(&store.Record{Key: longest}))
	if keys, err := s.List(); err != nil || !slices.Equal(keys, []string{longest}) {
		t.Errorf("%d keys, %v", len(keys), err)
	}
	if _, err := s.Read(longest); err != nil {
		t.Error(err)
	}
	must(t, s.Delete(longest))
	for _, bucket := range []string{"a.b", "a b", "a/b", "*", "ü"} {
		if err := s.Write(&store.Record{Key: "key"}, store.WriteTo(bucket, "")); !errors.Is(err, natsjskv.ErrName) {
			t.Errorf("bucket %q: %v", bucket, err)
		}
	}
	if err := s.Write(&store.Record{Key: "key"}, store.WriteTo("", "DELETE_BUCKET")); !errors.Is(err, natsjskv.ErrName) {
		t.Errorf("got %v", err)
	}
}

func TestNATSInitAndUseDoNotRace(t *testing.T) {
	s := newNATSStore(t, store.Database(unique("race_")))
	must(t, s.Init())
	var users sync.WaitGroup
	for range 4 {
		users.Go(func() {
			for range 20 {
				if err := errors.Join(s.Init(store.Table("t")), s.Write(&store.Record{Key: "key"})); err != nil {
					t.Error(err)
				}
				if _, err := s.Read("key"); err != nil {
					t.Error(err)
				}
			}
		})
	}
	users.Wait()
}
