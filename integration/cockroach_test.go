package integration_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/justcy/go-micro/v4/integration/internal/servers"
	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/store"
	"github.com/justcy/go-micro/v4/store/cockroach"
	"github.com/justcy/go-micro/v4/store/storetest"
)

func newCockroach(t testing.TB, opts ...store.Option) store.Store {
	s := cockroach.NewStore(append([]store.Option{store.Nodes(servers.Postgres(t))}, opts...)...)
	t.Cleanup(func() { s.Close() })
	return s
}

// pgConn is the library beside the driver.
func pgConn(t testing.TB, url string) *pgx.Conn {
	t.Helper()
	c, err := pgx.Connect(context.Background(), url)
	must(t, err)
	t.Cleanup(func() { c.Close(context.Background()) })
	return c
}

// rows returns what a query of one column returns, as text.
func rows(t testing.TB, c *pgx.Conn, query string, args ...any) []string {
	t.Helper()
	r, err := c.Query(context.Background(), query, args...)
	must(t, err)
	values, err := pgx.CollectRows(r, pgx.RowTo[string])
	must(t, err)
	return values
}

func run(t testing.TB, c *pgx.Conn, statements ...string) {
	t.Helper()
	for _, statement := range statements {
		if _, err := c.Exec(context.Background(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}

func TestCockroachStore(t *testing.T) {
	servers.Postgres(t)
	storetest.Run(t, storetest.Harness{New: func(t testing.TB) store.Store { return newCockroach(t) }})
}

func TestCockroachTablesAreInTheLayoutOfGoMicroV4(t *testing.T) {
	db := unique("Shop.")
	s, c := newCockroach(t, store.Database(db), store.Table("go.micro-Orders")), pgConn(t, servers.Postgres(t))
	schema := strings.ToLower(strings.ReplaceAll(db, ".", "_"))
	ends := time.Now().Add(time.Hour)
	must(t, s.Write(&store.Record{Key: "all", Value: []byte("lamp"), Metadata: map[string]any{"n": 1}}, store.WriteExpiry(ends)))
	must(t, s.Write(&store.Record{Key: "plain"}))

	columns := rows(t, c, `SELECT column_name || ' ' || data_type || ' ' || is_nullable FROM information_schema.columns
		WHERE table_schema = $1 AND table_name = 'go_micro_orders' ORDER BY ordinal_position`, schema)
	if want := []string{"key text NO", "value bytea YES", "metadata jsonb YES", "expiry timestamp with time zone YES"}; !slices.Equal(columns, want) {
		t.Errorf("columns are %q", columns)
	}
	indexes := rows(t, c, `SELECT indexname FROM pg_indexes WHERE schemaname = $1 AND tablename = 'go_micro_orders' ORDER BY 1`, schema)
	if want := []string{"go_micro_orders_pkey", "key_index_go_micro_orders", "metadata_index_go_micro_orders"}; !slices.Equal(indexes, want) {
		t.Errorf("indexes are %q", indexes)
	}
	got := rows(t, c, fmt.Sprintf(`SELECT key || ' ' || encode(value, 'escape') || ' ' || metadata || ' ' || coalesce((expiry = $1)::text, 'never')
		FROM %s.go_micro_orders ORDER BY key`, schema), ends)
	if want := []string{`all lamp {"n": 1} true`, `plain  {} never`}; !slices.Equal(got, want) {
		t.Errorf("rows are %q", got)
	}
}

func TestCockroachReadsWhatGoMicroV4Wrote(t *testing.T) {
	c, schema := pgConn(t, servers.Postgres(t)), unique("v4_")
	run(t, c, `CREATE SCHEMA `+schema,
		`CREATE TABLE `+schema+`.micro (key text NOT NULL, value bytea, metadata JSONB, expiry timestamp with time zone, CONSTRAINT micro_pkey PRIMARY KEY (key))`,
		`INSERT INTO `+schema+`.micro VALUES ('a', 'lamp', '{"n": 1}', NULL), ('b', 'x', NULL, now() + interval '1 hour'),
			('c', NULL, 'null', NULL), ('d', 'x', '{}', now() - interval '1 hour')`)
	s := newCockroach(t, store.Database(schema))
	records, err := s.Read("", store.ReadPrefix())
	must(t, err)
	if len(records) != 3 || records[0].Metadata["n"] != 1.0 || records[1].Metadata != nil || records[1].Expiry <= 0 || len(records[2].Value) != 0 {
		t.Errorf("records are %+v", records)
	}
	must(t, s.Write(&store.Record{Key: "a", Value: []byte("shelf")})) // and it is written to
	if got := rows(t, c, `SELECT encode(value, 'escape') FROM `+schema+`.micro WHERE key = 'a'`); !slices.Equal(got, []string{"shelf"}) {
		t.Errorf("rows are %q", got)
	}
}

func TestCockroachNamesThatWouldMeetAreKeptApart(t *testing.T) {
	db := unique("d")
	first, second := newCockroach(t), newCockroach(t)
	must(t, first.Write(&store.Record{Key: "key", Value: []byte("first")}, store.WriteTo(db, "a.b")))
	for _, name := range []string{"a_b", "a-b", "A.B", "a.B"} {
		for _, s := range []store.Store{first, second} {
			err := s.Write(&store.Record{Key: "key", Value: []byte("second")}, store.WriteTo(db, name))
			if !errors.Is(err, cockroach.ErrName) || !strings.Contains(err.Error(), `"a.b"`) {
				t.Errorf("writing to %s: %v", name, err)
			}
			if _, err := s.Read("key", store.ReadFrom(db, name)); !errors.Is(err, cockroach.ErrName) {
				t.Errorf("reading from %s: %v", name, err)
			}
			if err := s.Delete("key", store.DeleteFrom(db, name)); !errors.Is(err, cockroach.ErrName) {
				t.Errorf("deleting from %s: %v", name, err)
			}
		}
	}
	if _, err := second.List(store.ListFrom(strings.ToUpper(db), "a.b")); !errors.Is(err, cockroach.ErrName) {
		t.Errorf("listing the database by another name: %v", err)
	}
	records, err := second.Read("key", store.ReadFrom(db, "a.b"))
	if err != nil || string(records[0].Value) != "first" {
		t.Errorf("got %v, %v", records, err)
	}
}

func TestCockroachAnEarlyReaderIsToldWhenItsNameIsTaken(t *testing.T) {
	db := unique("d")
	s := newCockroach(t)
	if _, err := s.Read("key", store.ReadFrom(db, "a.b")); !errors.Is(err, store.ErrNotFound) {
		t.Fatalf("got %v", err)
	}
	must(t, s.Write(&store.Record{Key: "key"}, store.WriteTo(db, "a_b")))
	if _, err := s.Read("key", store.ReadFrom(db, "a.b")); !errors.Is(err, cockroach.ErrName) {
		t.Errorf("got %v", err)
	}
}

func TestCockroachReadingMakesNothing(t *testing.T) {
	c, db := pgConn(t, servers.Postgres(t)), unique("d")
	s := newCockroach(t, store.Database(db))
	must(t, s.Init())
	if _, err := s.Read("key"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("got %v", err)
	}
	if keys, err := s.List(); err != nil || keys == nil || len(keys) > 0 {
		t.Errorf("got %v, %v", keys, err)
	}
	must(t, s.Delete("key"))
	if got := rows(t, c, `SELECT nspname::text FROM pg_namespace WHERE nspname = $1`, db); len(got) > 0 {
		t.Errorf("there is %q", got)
	}
}

func TestCockroachOnlyExpiredRecordsAreRemovedAndOnlyFromTheirTable(t *testing.T) {
	c, db := pgConn(t, servers.Postgres(t)), unique("d")
	s := newCockroach(t, store.Database(db), store.Table("one"))
	must(t, s.Write(&store.Record{Key: "key"}, store.WriteTTL(time.Millisecond)))
	must(t, s.Write(&store.Record{Key: "key"}, store.WriteTo("", "two")))
	must(t, s.Write(&store.Record{Key: "stays"}, store.WriteTTL(time.Hour)))
	run(t, c, `INSERT INTO `+db+`.one (key, expiry) VALUES ('listed', now() - interval '1 hour')`)
	eventuallyNotFound(t, s, "key")
	if got := rows(t, c, `SELECT key FROM `+db+`.one ORDER BY 1`); !slices.Equal(got, []string{"listed", "stays"}) {
		t.Errorf("left are %q", got)
	}
	if keys, err := s.List(); err != nil || !slices.Equal(keys, []string{"stays"}) {
		t.Errorf("got %q, %v", keys, err)
	}
	if got := rows(t, c, `SELECT key FROM `+db+`.one`); !slices.Equal(got, []string{"stays"}) {
		t.Errorf("left are %q", got)
	}
	if _, err := s.Read("key", store.ReadFrom("", "two")); err != nil {
		t.Error(err)
	}
}

func TestCockroachManyMakeOneTable(t *testing.T) {
	db := unique("d")
	var makers sync.WaitGroup
	for i := range 8 {
		s := newCockroach(t, store.Database(db))
		for j := range 4 {
			makers.Go(func() {
				if err := s.Write(&store.Record{Key: fmt.Sprint(i, j)}, store.WriteTo("", fmt.Sprint("t", j))); err != nil {
					t.Error(err)
				}
			})
		}
	}
	makers.Wait()
}

func TestCockroachADroppedTableIsMadeAnew(t *testing.T) {
	c, db := pgConn(t, servers.Postgres(t)), unique("d")
	s := newCockroach(t, store.Database(db))
	must(t, s.Write(&store.Record{Key: "key"}))
	run(t, c, `DROP SCHEMA `+db+` CASCADE`)
	if _, err := s.Read("key"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("got %v", err)
	}
	must(t, s.Write(&store.Record{Key: "key"}))
	if _, err := s.Read("key"); err != nil {
		t.Error(err)
	}
}

// with returns the URL with another user, when it is not empty, and parameter.
func with(t *testing.T, source, user, parameter, value string) string {
	t.Helper()
	u, err := url.Parse(source)
	must(t, err)
	if user != "" {
		u.User = url.UserPassword(user, "secret")
	}
	q := u.Query()
	q.Set(parameter, value)
	u.RawQuery = q.Encode()
	return u.String()
}

func TestCockroachAUserWhoMayNotMakeTablesUsesTheirs(t *testing.T) {
	c, db, user := pgConn(t, servers.Postgres(t)), unique("d"), unique("user_")
	run(t, c, `CREATE ROLE `+user+` LOGIN PASSWORD 'secret'`, `CREATE SCHEMA `+db,
		`CREATE TABLE `+db+`.micro (key text NOT NULL PRIMARY KEY, value bytea, metadata jsonb, expiry timestamptz)`,
		`GRANT USAGE ON SCHEMA `+db+` TO `+user, `GRANT SELECT, INSERT, UPDATE, DELETE ON `+db+`.micro TO `+user)
	t.Cleanup(func() { run(t, c, `DROP SCHEMA `+db+` CASCADE`, `DROP ROLE `+user) })
	s := newCockroach(t, store.Nodes(with(t, servers.Postgres(t), user, "connect_timeout", "30")), store.Database(db))
	must(t, s.Write(&store.Record{Key: "key"}))
	if keys, err := s.List(); err != nil || len(keys) != 1 {
		t.Errorf("got %q, %v", keys, err)
	}
	if err := s.Write(&store.Record{Key: "key"}, store.WriteTo("", "other")); err == nil || !strings.Contains(err.Error(), "permission") {
		t.Errorf("got %v", err)
	}
}

func TestCockroachSerializationFailuresAreTriedAgain(t *testing.T) {
	source := with(t, servers.Postgres(t), "", "default_transaction_isolation", "serializable")
	s := newCockroach(t, store.Nodes(source+"&pool_max_conns=16"), store.Database(unique("d")))
	must(t, s.Write(&store.Record{Key: "key"}))
	var writers sync.WaitGroup
	for range 16 {
		writers.Go(func() {
			for range 30 {
				if err := s.Write(&store.Record{Key: "key", Value: make([]byte, 1000)}); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	writers.Wait()
}

func TestCockroachOrderIsByBytesInEveryLocale(t *testing.T) {
	c, name := pgConn(t, servers.Postgres(t)), unique("icu_")
	_, err := c.Exec(context.Background(), `CREATE DATABASE `+name+` TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'en-US' LOCALE 'C.UTF-8'`)
	if err != nil {
		t.Skipf("no database with another order: %v", err)
	}
	t.Cleanup(func() { run(t, c, `DROP DATABASE `+name+` WITH (FORCE)`) })
	u, err := url.Parse(servers.Postgres(t))
	must(t, err)
	u.Path = "/" + name
	s := newCockroach(t, store.Nodes(u.String()))
	want := []string{"B", "a", "a-b", "a/b", "ab", "b", "é"}
	for _, key := range want {
		must(t, s.Write(&store.Record{Key: key}))
	}
	if got, err := s.List(); err != nil || !slices.Equal(got, want) {
		t.Errorf("got %q, %v", got, err)
	}
	if got, err := s.List(store.ListPrefix("a"), store.ListOffset(1), store.ListLimit(2)); err != nil || !slices.Equal(got, []string{"a-b", "a/b"}) {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestCockroachInitMovesToAnotherServer(t *testing.T) {
	s := newCockroach(t, store.Nodes(fmt.Sprintf("127.0.0.1:%d", testkit.FreePort(t))))
	if err := s.Init(); err == nil {
		t.Fatal("Init succeeds without a server")
	}
	must(t, s.Init(store.Nodes(servers.Postgres(t)), store.Database(unique("d"))))
	must(t, s.Write(&store.Record{Key: "key"}))
}
