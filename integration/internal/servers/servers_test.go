package servers_test

import (
	"context"
	"testing"

	"github.com/go-redis/redis/v8"
	"github.com/jackc/pgx/v5"

	"github.com/justcy/go-micro/v4/integration/internal/servers"
	"github.com/justcy/go-micro/v4/internal/testkit"
)

func TestMain(m *testing.M) { servers.Main(m) }

func redisClient(t *testing.T, url string) *redis.Client {
	t.Helper()
	o, err := redis.ParseURL(url)
	if err != nil {
		t.Fatal(err)
	}
	c := redis.NewClient(o)
	t.Cleanup(func() { c.Close() })
	return c
}

func TestARedisOfTheTestKeepsItsDataThroughARestart(t *testing.T) {
	s, ctx := servers.NewRedis(t), context.Background()
	c := redisClient(t, s.URL)
	if err := c.Set(ctx, "key", "value", 0).Err(); err != nil {
		t.Fatal(err)
	}
	s.Stop()
	if err := c.Ping(ctx).Err(); err == nil {
		t.Fatal("a stopped server answers")
	}
	s.Start()
	if got, err := c.Get(ctx, "key").Result(); got != "value" {
		t.Errorf("after a restart: %q, %v", got, err)
	}
}

func TestAProxyTakesTheServerAwayAndBringsItBack(t *testing.T) {
	p, ctx := servers.NewProxy(t, servers.Redis(t)), context.Background()
	c := redisClient(t, p.URL)
	ping := func() bool { return c.Ping(ctx).Err() == nil }
	if !ping() {
		t.Fatal("nothing passes")
	}
	p.Cut()
	if ping() {
		t.Error("something passes a proxy that is cut")
	}
	p.Restore()
	testkit.Eventually(t, "the server is back", ping)

	p.Freeze()
	answered := make(chan bool, 1)
	go func() { answered <- ping() }()
	select {
	case <-answered:
		t.Error("something passes a proxy that is frozen")
	default:
	}
	p.Restore()
	<-answered
	testkit.Eventually(t, "the server is back", ping)
}

func TestTheDatabaseIsTheTestsOwn(t *testing.T) {
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, servers.Postgres(t))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	var tables int
	if err := conn.QueryRow(ctx, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").Scan(&tables); err != nil || tables != 0 {
		t.Errorf("%d tables, %v", tables, err)
	}
}
