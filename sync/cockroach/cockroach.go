// Package cockroach implements locks and leader election on a table of
// CockroachDB or PostgreSQL.
//
//	s := cockroach.NewSync(sync.Nodes("postgresql://postgres@127.0.0.1:5432/app"))
//	if err := s.Init(); err != nil {
//		return err // the database is not there
//	}
//
// # Guarantees
//
// A lock is a row, which one statement takes, renews or releases after a look at
// its owner; times are measured by the server's clock. A lock has one holder at
// most, and a fencing token that is greater than all before: the row outlives the
// lock and counts. Rows that nobody has used for a day are deleted; tokens go on
// from the server's clock, so they grow unless that is set back by more than a day.
//
// Whoever waits looks at the row again and again, at first after milliseconds and
// soon four times a second; there is no order among those who wait.
//
// Pauses: a holder that is stopped for longer than its lock lasts has lost it and
// is told when it runs again. Until then it may believe that it holds what
// somebody else holds already. Fencing tokens tell the two apart.
//
// Partitions: on CockroachDB no acknowledged lock is forgotten while a majority of
// the replicas survives, and a holder that is cut off is told that it lost its
// locks when the session TTL is over. The same is true of PostgreSQL while one
// server lasts, or fails over to a synchronous replica. After a failover to an
// asynchronous one a lock that was held may be taken by somebody else, and tokens
// may be issued twice, if what was acknowledged last had not arrived there.
//
// # Layout
//
// The table `micro_sync` is made where the connection's search path points:
//
//	key     BYTEA PRIMARY KEY      the SHA-256 of prefix and id
//	id      TEXT NOT NULL          prefix and id, quoted, for people
//	owner   TEXT NOT NULL          empty when it is free
//	token   BIGINT NOT NULL        of the last holder
//	expires TIMESTAMPTZ NOT NULL   when it is free by itself
package cockroach

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/justcy/go-micro/v4/sync"
	"github.com/justcy/go-micro/v4/sync/lease"
)

// NewSync returns a Sync on CockroachDB or PostgreSQL. It implements
// [sync.Leaser]; its leaders implement [sync.Fenced]; it has a Close() error
// method.
//
// A node is a `postgresql://` URL; without any it is
// postgresql://root@localhost:26257?sslmode=disable. The servers of further nodes
// are tried in order when the first does not answer.
func NewSync(opts ...sync.Option) sync.Sync {
	return lease.New(lease.Driver{Name: "cockroach", Connect: connect}, opts...)
}

func keyOf(id string) []byte {
	sum := sha256.Sum256([]byte(id))
	return sum[:]
}

// A free row has no owner. An owner that asks again keeps its token.
const takeSQL = `
INSERT INTO micro_sync AS l (key, id, owner, token, expires)
VALUES ($1, $2, $3, (extract(epoch FROM clock_timestamp()) * 1000000)::BIGINT, now() + $4::BIGINT * INTERVAL '1 microsecond')
ON CONFLICT (key) DO UPDATE SET
	owner = excluded.owner,
	expires = excluded.expires,
	token = CASE WHEN l.owner = excluded.owner THEN l.token ELSE greatest(l.token + 1, excluded.token) END
WHERE l.owner = excluded.owner OR l.expires <= now()
RETURNING token`

const heldByAnotherSQL = `SELECT owner <> $2 AND expires > now() FROM micro_sync WHERE key = $1`

const renewSQL = `
UPDATE micro_sync SET expires = now() + $3::BIGINT * INTERVAL '1 microsecond'
WHERE key = $1 AND owner = $2 AND expires > now()`

const checkSQL = `SELECT true FROM micro_sync WHERE key = $1 AND owner = $2 AND expires > now()`

const freeSQL = `UPDATE micro_sync SET owner = '', expires = now() WHERE key = $1 AND owner = $2`

// Those who wait look at the row before they write to it. Revision counts their
// attempts.
func (b *backend) Take(ctx context.Context, h *lease.Hold) (bool, time.Duration, error) {
	h.Revision++
	if h.Revision > 1 {
		held, err := b.heldByAnother(ctx, h)
		if held || err != nil {
			return false, pause(h.Revision), err
		}
	}
	var token int64
	err := b.retry(ctx, func() error {
		return b.pool.QueryRow(ctx, takeSQL, keyOf(h.Key), lease.Quote(h.Key), h.Owner, microseconds(h.Time)).Scan(&token)
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return false, pause(h.Revision), nil
	}
	h.Token = uint64(token)
	return err == nil, 0, err
}

func (b *backend) heldByAnother(ctx context.Context, h *lease.Hold) (held bool, err error) {
	err = b.retry(ctx, func() error {
		return b.pool.QueryRow(ctx, heldByAnotherSQL, keyOf(h.Key), h.Owner).Scan(&held)
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return false, nil
	}
	return held, err
}

// pause is how long to wait before the next attempt. It is random, so that those
// who wait do not all look at once.
func pause(attempts uint64) time.Duration {
	const first, most = 10 * time.Millisecond, 250 * time.Millisecond
	d := first << min(attempts, 10)
	return min(d, most)/2 + rand.N(min(d, most)/2)
}

// microseconds is a duration as the statements take it, rounded up.
func microseconds(d time.Duration) int64 {
	return int64((d-1)/time.Microsecond) + 1
}

func (b *backend) Keep(ctx context.Context, h *lease.Hold) error {
	if h.Renew {
		return b.changeOne(ctx, renewSQL, keyOf(h.Key), h.Owner, microseconds(h.Time))
	}
	err := b.retry(ctx, func() error {
		return b.pool.QueryRow(ctx, checkSQL, keyOf(h.Key), h.Owner).Scan(new(bool))
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return lease.ErrGone
	}
	return err
}

func (b *backend) Free(ctx context.Context, h *lease.Hold) error {
	return b.changeOne(ctx, freeSQL, keyOf(h.Key), h.Owner)
}

// changeOne changes the row of a hold, or returns ErrGone.
func (b *backend) changeOne(ctx context.Context, statement string, args ...any) error {
	var rows int64
	err := b.retry(ctx, func() error {
		tag, err := b.pool.Exec(ctx, statement, args...)
		rows = tag.RowsAffected()
		return err
	})
	if err != nil {
		return fmt.Errorf("table micro_sync: %w", err)
	}
	if rows == 0 {
		return lease.ErrGone
	}
	return nil
}

// Watch returns nothing: the databases have no way in common to tell.
func (*backend) Watch(string) (freed <-chan struct{}, stop func()) { return nil, func() {} }

func (b *backend) Close() { b.pool.Close() }
