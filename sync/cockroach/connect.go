package cockroach

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"strings"

	"github.com/cockroachdb/cockroach-go/v2/crdb"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/justcy/go-micro/v4/sync"
	"github.com/justcy/go-micro/v4/sync/lease"
)

const (
	defaultNode = "postgresql://root@localhost:26257?sslmode=disable"
	// connections is how many there are at most unless the URL says otherwise
	// with pool_max_conns.
	connections = 16
)

const (
	lookSQL   = `SELECT key FROM micro_sync LIMIT 0`
	createSQL = `
CREATE TABLE IF NOT EXISTS micro_sync (
	key BYTEA PRIMARY KEY,
	id TEXT NOT NULL,
	owner TEXT NOT NULL,
	token BIGINT NOT NULL,
	expires TIMESTAMPTZ NOT NULL
)`
	tidySQL = `DELETE FROM micro_sync WHERE expires < now() - INTERVAL '1 day'`
)

// What the databases call it.
const (
	uniqueViolation = "23505"
	duplicateTable  = "42P07"
	duplicateObject = "42710"
	undefinedTable  = "42P01"
	operatorClass   = "57" // the server is shut down, or not up yet
	connectionClass = "08"
)

type backend struct{ pool *pgxpool.Pool }

func connect(ctx context.Context, o sync.Options) (lease.Backend, error) {
	config, err := configuration(o)
	if err != nil {
		return nil, err
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, err
	}
	b := &backend{pool: pool}
	if err := b.prepare(ctx); err != nil {
		pool.Close()
		return nil, fmt.Errorf("connecting: %w; is the server running?", err)
	}
	return b, nil
}

func configuration(o sync.Options) (*pgxpool.Config, error) {
	nodes := o.Nodes
	if len(nodes) == 0 {
		nodes = []string{defaultNode}
	}
	config, err := pgxpool.ParseConfig(nodes[0])
	if err != nil {
		return nil, err
	}
	if !strings.Contains(nodes[0], "pool_max_conns") {
		config.MaxConns = connections
	}
	c := &config.ConnConfig.Config
	for _, node := range nodes[1:] {
		other, err := pgconn.ParseConfig(node)
		if err != nil {
			return nil, err
		}
		c.Fallbacks = append(c.Fallbacks, &pgconn.FallbackConfig{Host: other.Host, Port: other.Port, TLSConfig: other.TLSConfig})
		c.Fallbacks = append(c.Fallbacks, other.Fallbacks...)
	}
	if o.TLSConfig != nil {
		c.TLSConfig = withServerName(o.TLSConfig, c.Host)
		for _, f := range c.Fallbacks {
			f.TLSConfig = withServerName(o.TLSConfig, f.Host)
		}
	}
	return config, nil
}

func withServerName(c *tls.Config, host string) *tls.Config {
	c = c.Clone()
	if c.ServerName == "" {
		c.ServerName = host
	}
	return c
}

// prepare makes the table where there is none, and deletes old rows. Several
// processes may do so at once. One that may not make tables can use what another
// has made.
func (b *backend) prepare(ctx context.Context) error {
	_, err := b.pool.Exec(ctx, lookSQL)
	if code(err) == undefinedTable {
		_, err = b.pool.Exec(ctx, createSQL)
		switch code(err) {
		case uniqueViolation, duplicateTable, duplicateObject:
			_, err = b.pool.Exec(ctx, lookSQL)
		}
	}
	if err != nil {
		return err
	}
	return b.retry(ctx, func() error {
		_, err := b.pool.Exec(ctx, tidySQL)
		return err
	})
}

func code(err error) string {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code
	}
	return ""
}

// retry repeats what may be done twice: for as long as CockroachDB asks for it,
// and once on a fresh connection when the pool kept one whose server is gone.
func (b *backend) retry(ctx context.Context, do func() error) error {
	err := crdb.Execute(do)
	if err == nil || ctx.Err() != nil || !disconnected(err) {
		return err
	}
	b.pool.Reset()
	return crdb.Execute(do)
}

func disconnected(err error) bool {
	if c := code(err); c != "" {
		return strings.HasPrefix(c, operatorClass) || strings.HasPrefix(c, connectionClass)
	}
	var connecting *pgconn.ConnectError
	return !errors.As(err, &connecting) && !errors.Is(err, pgx.ErrNoRows)
}
