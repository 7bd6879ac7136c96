package integration_test

import (
	"io"
	"testing"

	gonats "github.com/nats-io/nats.go"

	"github.com/justcy/go-micro/v4/config"
	"github.com/justcy/go-micro/v4/config/source"
	natssource "github.com/justcy/go-micro/v4/config/source/nats"
	"github.com/justcy/go-micro/v4/config/source/sourcetest"
	"github.com/justcy/go-micro/v4/integration/internal/servers"
	"github.com/justcy/go-micro/v4/internal/testkit"
)

// natsDocument returns a source and what it reads from.
func natsDocument(t testing.TB, url string) (source.Source, gonats.KeyValue, string) {
	t.Helper()
	bucket, key := unique("config_"), unique("key_")
	kv, err := jetStream(t, url).CreateKeyValue(&gonats.KeyValueConfig{Bucket: bucket})
	must(t, err)
	s := natssource.NewSource(natssource.WithUrl(url), natssource.WithBucket(bucket), natssource.WithKey(key))
	t.Cleanup(func() { _ = s.(io.Closer).Close() })
	return s, kv, key
}

func TestNATSSource(t *testing.T) {
	url := servers.NATS(t)
	documents := map[source.Source]func(string){}
	sourcetest.Run(t, sourcetest.Harness{
		New: func(t testing.TB, document string) source.Source {
			s, kv, key := natsDocument(t, url)
			documents[s] = func(document string) {
				_, err := kv.PutString(key, document)
				must(t, err)
			}
			documents[s](document)
			return s
		},
		Change: func(_ testing.TB, s source.Source, document string) { documents[s](document) },
	})
}

func TestNATSAMissingDocumentIsNone(t *testing.T) {
	url := servers.NATS(t)
	s, kv, key := natsDocument(t, url)
	if set, err := s.Read(); set != nil || err != nil {
		t.Errorf("read %v, %v", set, err)
	}
	_, err := kv.PutString(key, "")
	must(t, err)
	if _, err := s.Read(); err == nil || err.Error() != "source not found: "+key {
		t.Errorf("an empty value: %v", err)
	}
	fresh := natssource.NewSource(natssource.WithUrl(url), natssource.WithBucket(unique("none_")))
	t.Cleanup(func() { _ = fresh.(io.Closer).Close() })
	if set, err := fresh.Read(); set != nil || err != nil {
		t.Errorf("a bucket that is not there: %v, %v", set, err)
	}
	must(t, fresh.Write(&source.ChangeSet{Data: []byte(`{"a":1}`)}))
	if set, err := fresh.Read(); err != nil || string(set.Data) != `{"a":1}` {
		t.Errorf("read %v, %v", set, err)
	}
}

func TestNATSConfigurationFollowsItsKeyThroughDeletesAndOutages(t *testing.T) {
	server := servers.NewNATS(t)
	s, kv, key := natsDocument(t, server.URL)
	_, err := kv.PutString(key, `{"port":1}`)
	must(t, err)
	c, err := config.NewConfig(config.WithSource(s))
	must(t, err)
	t.Cleanup(func() { c.Close() })
	shows := func(port int) {
		t.Helper()
		testkit.Eventually(t, "the new port", func() bool { return c.Get("port").Int(0) == port })
	}
	shows(1)
	must(t, kv.Delete(key))
	_, err = kv.PutString(key, `{"port":2}`)
	must(t, err)
	shows(2)
	server.Stop()
	server.Start()
	testkit.Eventually(t, "the server is back", func() bool {
		_, err := kv.PutString(key, `{"port":3}`)
		return err == nil
	})
	shows(3)
}
