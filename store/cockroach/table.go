package cockroach

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/justcy/go-micro/v4/store"
	"github.com/justcy/go-micro/v4/store/internal/query"
)

// purgeEvery is the pause between two removals of expired records of a table by
// scans.
const purgeEvery = time.Minute

// table is a table, its statements and what is known about it.
type table struct {
	pool    *pool
	dialect *dialect
	name    tableName
	// database and table are the names that the server has for it.
	database, table string

	// ours is set once the server is known to have the table, and to have it for
	// this name.
	ours atomic.Bool
	// purged is when expired records were last removed, in Unix nanoseconds.
	purged atomic.Int64

	upsertSQL, deleteSQL, readSQL, scanSQL, listSQL, expireSQL, purgeSQL string
}

func newTable(p *pool, d *dialect, n tableName) (*table, error) {
	t := &table{pool: p, dialect: d, name: n}
	var err error
	if t.database, err = d.layoutName(n.database); err != nil {
		return nil, err
	}
	if t.table, err = d.layoutName(n.table); err != nil {
		return nil, err
	}
	from := d.qualified(t.database, t.table)
	const live = `(expiry IS NULL OR expiry > $3)`
	const matching = ` WHERE key LIKE $1 AND key LIKE $2 AND `
	page := ` ORDER BY key` + d.bytewise + ` LIMIT $4 OFFSET $5`
	t.upsertSQL = `INSERT INTO ` + from + ` (key, value, metadata, expiry) VALUES ($1, $2, $3, $4)` +
		` ON CONFLICT (key) DO UPDATE SET value = excluded.value, metadata = excluded.metadata, expiry = excluded.expiry`
	t.deleteSQL = `DELETE FROM ` + from + ` WHERE key = $1`
	t.readSQL = `SELECT key, value, metadata, expiry FROM ` + from + ` WHERE key = $1`
	t.scanSQL = `SELECT key, value, metadata, expiry FROM ` + from + matching + live + page
	t.listSQL = `SELECT key FROM ` + from + matching + live + page
	t.expireSQL = `DELETE FROM ` + from + ` WHERE key = $1 AND expiry <= $2`
	t.purgeSQL = `DELETE FROM ` + from + matching + `expiry <= $3`
	return t, nil
}

// row is a record on its way to the server, or from there.
type row struct {
	key      string
	value    []byte
	metadata Metadata
	expiry   *time.Time // nil: never
}

func newRow(r *store.Record, expires time.Time) row {
	w := row{key: r.Key, value: r.Value, metadata: r.Metadata}
	if w.value == nil {
		w.value = []byte{}
	}
	if !expires.IsZero() {
		w.expiry = &expires
	}
	return w
}

func scanRow(from pgx.CollectableRow) (r row, err error) {
	var metadata []byte // raw, which costs the library less than a Scanner
	if err := from.Scan(&r.key, &r.value, &metadata, &r.expiry); err != nil {
		return r, err
	}
	return r, r.metadata.parse(metadata)
}

// record returns the record, which is live.
func (r row) record(now time.Time) *store.Record {
	record := &store.Record{Key: r.key, Value: r.value, Metadata: r.metadata}
	if r.expiry != nil {
		record.Expiry = query.Left(*r.expiry, now)
	}
	return record
}

func (t *table) write(ctx context.Context, r row) error {
	metadata, err := r.metadata.Value()
	if err != nil {
		return err
	}
	for range 2 { // somebody may have dropped the table since it was made
		if err := t.make(ctx); err != nil {
			return err
		}
		err = t.pool.exec(ctx, t.upsertSQL, r.key, r.value, metadata, r.expiry)
		if !undefined(err) {
			break
		}
		t.ours.Store(false)
	}
	return err
}

// found ends a statement that needs no table to be there.
func found(err error) error {
	if undefined(err) {
		return nil
	}
	return err
}

func (t *table) delete(ctx context.Context, key string) error {
	if err := t.check(ctx); err != nil {
		return err
	}
	return found(t.pool.exec(ctx, t.deleteSQL, key))
}

func (t *table) read(ctx context.Context, key string) ([]*store.Record, error) {
	if err := t.check(ctx); err != nil {
		return nil, err
	}
	rows, err := collect(ctx, t.pool, scanRow, t.readSQL, key)
	if err := found(err); err != nil {
		return nil, err
	}
	if len(rows) == 0 {
		return nil, store.ErrNotFound
	}
	now := time.Now()
	if expires := rows[0].expiry; expires != nil && !query.Live(*expires, now) {
		// It is gone whether or not this succeeds.
		_ = t.pool.exec(ctx, t.expireSQL, key, now)
		return nil, store.ErrNotFound
	}
	return []*store.Record{rows[0].record(now)}, nil
}

func (t *table) scan(ctx context.Context, q query.Query) ([]*store.Record, error) {
	if err := t.check(ctx); err != nil {
		return nil, err
	}
	now := time.Now()
	rows, err := collect(ctx, t.pool, scanRow, t.scanSQL, arguments(q, now)...)
	if err := found(err); err != nil {
		return nil, err
	}
	t.purge(ctx, q, now)
	records := make([]*store.Record, len(rows))
	for i, r := range rows {
		records[i] = r.record(now)
	}
	return records, nil
}

func (t *table) list(ctx context.Context, q query.Query) ([]string, error) {
	if err := t.check(ctx); err != nil {
		return nil, err
	}
	now := time.Now()
	keys, err := collect(ctx, t.pool, pgx.RowTo[string], t.listSQL, arguments(q, now)...)
	if err := found(err); err != nil {
		return nil, err
	}
	t.purge(ctx, q, now)
	if keys == nil {
		keys = []string{}
	}
	return keys, nil
}

// arguments returns those of scanSQL and listSQL.
func arguments(q query.Query, now time.Time) []any {
	limit := cmp.Or(min(uint64(q.Limit), math.MaxInt64), math.MaxInt64)
	offset := min(uint64(q.Offset), math.MaxInt64)
	return []any{beginsWith(q.Prefix), endsWith(q.Suffix), now, int64(limit), int64(offset)}
}

// purge removes the expired records that a scan has passed, now and then.
func (t *table) purge(ctx context.Context, q query.Query, now time.Time) {
	last := t.purged.Load()
	if now.UnixNano()-last < int64(purgeEvery) || !t.purged.CompareAndSwap(last, now.UnixNano()) {
		return
	}
	// What fails is tried again the next time.
	_ = t.pool.exec(ctx, t.purgeSQL, beginsWith(q.Prefix), endsWith(q.Suffix), now)
}

func (t *table) String() string { return fmt.Sprintf("%s.%s", t.database, t.table) }
