package integration_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"testing"

	goredis "github.com/go-redis/redis/v8"

	"github.com/justcy/go-micro/v4/broker"
	redisbroker "github.com/justcy/go-micro/v4/broker/redis"
	"github.com/justcy/go-micro/v4/events"
	stream "github.com/justcy/go-micro/v4/events/redis"
	"github.com/justcy/go-micro/v4/integration/internal/servers"
	"github.com/justcy/go-micro/v4/internal/testkit"
)

// TestRedisIsReachedOverTLSByTheUserThatIsGiven uses a server that lets in one user
// alone, with a certificate that nobody trusts by default.
func TestRedisIsReachedOverTLSByTheUserThatIsGiven(t *testing.T) {
	addr, certificate := servers.NewSecureRedis(t)
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(certificate) {
		t.Fatal("the certificate is none")
	}
	config := &tls.Config{RootCAs: pool}
	admin := goredis.NewClient(&goredis.Options{Addr: addr, TLSConfig: config})
	t.Cleanup(func() { admin.Close() })
	ctx := context.Background()
	must(t, admin.Do(ctx, "ACL", "SETUSER", "ada", "on", ">secret", "~*", "&*", "+@all").Err())
	must(t, admin.Do(ctx, "ACL", "SETUSER", "default", "off").Err())

	for name, opts := range map[string][]stream.Option{
		"options":       {stream.Address(addr), stream.User("ada"), stream.Password("secret"), stream.TLSConfig(config)},
		"a URL":         {stream.Address("rediss://ada:secret@" + addr), stream.TLSConfig(config)},
		"redis options": {stream.WithRedisOptions(&goredis.UniversalOptions{Addrs: []string{addr}, Username: "ada", Password: "secret", TLSConfig: config})},
	} {
		s := newRedisStream(t, "", opts...)
		ch, err := s.Consume(name, events.WithGroup("g"))
		must(t, err)
		must(t, s.Publish(name, "x"))
		nextEvent(t, ch)
	}
	for name, opts := range map[string][]stream.Option{
		"no trust": {stream.Address("rediss://ada:secret@" + addr)},
		"no user":  {stream.Address(addr), stream.TLSConfig(config)},
		"no TLS":   {stream.Address("redis://ada:secret@" + addr)},
	} {
		if _, err := stream.NewStream(opts...); err == nil {
			t.Errorf("%s: there is no error", name)
		} else {
			t.Log(err)
		}
	}

	b, in := connectedRedisBroker(t, "rediss://ada:secret@"+addr, broker.TLSConfig(config)), new(collector)
	_, err := b.Subscribe("t", in.handle)
	must(t, err)
	must(t, b.Publish("t", &broker.Message{Body: []byte("lamp")}))
	testkit.Eventually(t, "the message arrives", func() bool { return in.has("lamp") })
	if err := redisbroker.NewBroker(broker.Addrs("rediss://ada:secret@" + addr)).Connect(); err == nil {
		t.Error("a certificate that nobody trusts is taken")
	}
}
