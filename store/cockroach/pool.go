package cockroach

import (
	"cmp"
	"context"
	"errors"
	"strings"
	"sync"

	"github.com/cockroachdb/cockroach-go/v2/crdb"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/sync/singleflight"

	"github.com/justcy/go-micro/v4/store"
)

const (
	defaultSource = "postgresql://root@localhost:26257?sslmode=disable"
	// unsentTries is how often a statement is tried that did not leave, because
	// the connection it was for turned out to be dead.
	unsentTries = 3
)

// pool is the connections to a server, and what is known about it.
type pool struct {
	*pgxpool.Pool
	source string

	asking  singleflight.Group // what the server is being asked, by question
	mu      sync.RWMutex
	dialect *dialect // nil until the server has been asked
	tables  map[tableName]*table
}

// source returns what the first node says.
func source(o store.Options) string {
	if len(o.Nodes) == 0 || o.Nodes[0] == "" {
		return defaultSource
	}
	if node := o.Nodes[0]; strings.ContainsAny(node, "=/") {
		return node
	}
	return "postgresql://root@" + o.Nodes[0] + "?sslmode=disable"
}

// newPool returns connections that are made when they are needed.
func newPool(o store.Options) (*pool, error) {
	config, err := pgxpool.ParseConfig(source(o))
	if err != nil {
		return nil, err // which pgx keeps passwords out of
	}
	// No operation waits longer; one that comes later should find a fresh attempt.
	timeout := cmp.Or(o.Timeout, store.DefaultTimeout)
	config.ConnConfig.ConnectTimeout = min(cmp.Or(config.ConnConfig.ConnectTimeout, timeout), timeout)
	p, err := pgxpool.NewWithConfig(context.Background(), config)
	if err != nil {
		return nil, err
	}
	return &pool{Pool: p, source: source(o), tables: map[tableName]*table{}}, nil
}

// exec runs a statement, again if the server wants it.
func (p *pool) exec(ctx context.Context, statement string, args ...any) error {
	return p.retry(ctx, func(ctx context.Context) error {
		_, err := p.Exec(ctx, statement, args...)
		return err
	})
}

// collect runs a statement that returns rows, again if the server wants it, and
// collects what row makes of them.
func collect[T any](ctx context.Context, p *pool, row pgx.RowToFunc[T], statement string, args ...any) (result []T, err error) {
	err = p.retry(ctx, func(ctx context.Context) error {
		rows, err := p.Query(ctx, statement, args...)
		if err != nil {
			return err
		}
		result, err = pgx.CollectRows(rows, row)
		return err
	})
	return result, err
}

func (p *pool) retry(ctx context.Context, statement func(context.Context) error) error {
	return crdb.ExecuteCtx(ctx, func(ctx context.Context, _ ...any) (err error) {
		for range unsentTries {
			if err = statement(ctx); !pgconn.SafeToRetry(err) || ctx.Err() != nil {
				break
			}
		}
		return err
	})
}

// ask returns the dialect of the server.
func (p *pool) ask(ctx context.Context) (*dialect, error) {
	p.mu.RLock()
	known := p.dialect
	p.mu.RUnlock()
	if known != nil {
		return known, nil
	}
	versions, err := collect(ctx, p, pgx.RowTo[string], "SELECT version()")
	if err != nil {
		return nil, err
	}
	d := &postgres
	if len(versions) > 0 && strings.Contains(versions[0], "CockroachDB") {
		d = &cockroach
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dialect = d
	return d, nil
}

// table returns the table of that name, which the server may not have yet.
func (p *pool) table(ctx context.Context, n tableName) (*table, error) {
	p.mu.RLock()
	t := p.tables[n]
	p.mu.RUnlock()
	if t != nil {
		return t, nil
	}
	d, err := p.ask(ctx)
	if err != nil {
		return nil, err
	}
	t, err = newTable(p, d, n)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if other := p.tables[n]; other != nil {
		return other, nil
	}
	p.tables[n] = t
	return t, nil
}

// hasCode reports whether an error is one of those that the server calls so.
func hasCode(err error, codes ...string) bool {
	var failed *pgconn.ConnectError
	var answer *pgconn.PgError
	if errors.As(err, &failed) || !errors.As(err, &answer) {
		return false
	}
	for _, code := range codes {
		if answer.Code == code {
			return true
		}
	}
	return false
}

// undefined reports whether a statement failed because there is no such table,
// schema or database.
func undefined(err error) bool { return hasCode(err, "42P01", "3F000", "3D000") }
