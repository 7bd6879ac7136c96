package redisclient_test

import (
	"crypto/tls"
	"strings"
	"testing"
	"time"

	"github.com/go-redis/redis/v8"
	"github.com/justcy/go-micro/v4/internal/redisclient"
	"github.com/justcy/go-micro/v4/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// single returns the options of the client for one server.
func single(t *testing.T, given redis.UniversalOptions, addrs ...string) *redis.Options {
	t.Helper()
	c, err := redisclient.New(addrs, given)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	one, ok := c.(*redis.Client)
	if !ok {
		t.Fatalf("client is a %T", c)
	}
	return one.Options()
}

func TestAnAddressIsAURLOrHostAndPort(t *testing.T) {
	for _, tc := range []struct {
		addrs []string
		given redis.UniversalOptions
		want  string
	}{
		{nil, redis.UniversalOptions{}, "127.0.0.1:6379"},
		{nil, redis.UniversalOptions{Addrs: []string{"10.0.0.1:7000"}}, "10.0.0.1:7000"},
		{[]string{"10.0.0.2:7000"}, redis.UniversalOptions{Addrs: []string{"10.0.0.1:7000"}}, "10.0.0.2:7000"},
		{[]string{"redis://10.0.0.2:7000/3"}, redis.UniversalOptions{}, "10.0.0.2:7000"},
		{[]string{"example.org"}, redis.UniversalOptions{}, "example.org:6379"},
	} {
		if got := single(t, tc.given, tc.addrs...).Addr; got != tc.want {
			t.Errorf("%v: %s, want %s", tc.addrs, got, tc.want)
		}
	}
}

func TestAURLIsKeptWhole(t *testing.T) {
	o := single(t, redis.UniversalOptions{}, "rediss://ada:secret@example.org:7000/3?read_timeout=7s&pool_size=5")
	if o.Username != "ada" || o.Password != "secret" || o.DB != 3 || o.ReadTimeout != 7*time.Second || o.PoolSize != 5 {
		t.Errorf("options are %+v", o)
	}
	if o.TLSConfig == nil || o.TLSConfig.ServerName != "example.org" {
		t.Errorf("TLS is %+v", o.TLSConfig)
	}
}

func TestOptionsWinOverTheURL(t *testing.T) {
	config := &tls.Config{ServerName: "mine"}
	o := single(t, redis.UniversalOptions{Password: "mine", DB: 4, TLSConfig: config}, "rediss://:theirs@example.org/3")
	if o.Password != "mine" || o.DB != 4 || o.TLSConfig.ServerName != "mine" {
		t.Errorf("options are %+v", o)
	}
}

func TestSeveralAddressesAreACluster(t *testing.T) {
	c, err := redisclient.New([]string{"redis://:secret@10.0.0.1:7000", "10.0.0.2:7000"}, redis.UniversalOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if cluster, ok := c.(*redis.ClusterClient); !ok || cluster.Options().Password != "secret" {
		t.Errorf("client is a %T", c)
	}
}

func TestAnAddressThatIsNoneIsRefused(t *testing.T) {
	for _, addr := range []string{"http://example.org", "redis://example.org/x", "unix:///tmp/redis.sock", "redis://%zz"} {
		if _, err := redisclient.New([]string{addr}, redis.UniversalOptions{}); err == nil {
			t.Errorf("%s is taken", addr)
		}
	}
}

func TestErrorsShowNoPasswordHoweverTheAddressIsWritten(t *testing.T) {
	for _, addr := range []string{"redis://:se%zzcret@10.0.0.1:1", "redis://:secret/1@10.0.0.1:1", "redis://a:1#secret@10.0.0.1", "a:1?secret@10.0.0.1", "http://:secret@10.0.0.1"} {
		_, err := redisclient.New([]string{addr}, redis.UniversalOptions{})
		if err == nil || strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "cret@") {
			t.Errorf("%s: %v", addr, err)
		}
	}
}
