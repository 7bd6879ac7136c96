package cockroach

import (
	"context"
	"fmt"
	"strconv"

	"github.com/jackc/pgx/v5"
)

// namesTable tells for whom the other tables of a database are. No table of a
// store has its name.
const namesTable = "micro.names"

// makeTries is how often something is made that others are making too, which
// servers answer with errors of many kinds.
const makeTries = 5

// check fails when the table belongs to another name. It may not be there.
func (t *table) check(ctx context.Context) error {
	if t.ours.Load() {
		return nil
	}
	owned, err := t.owners(ctx)
	if err := found(err); err != nil {
		return err
	}
	if owned {
		t.ours.Store(true)
	}
	return nil
}

// owners fails when the table, or its database, belongs to another name; owned is
// false when somebody who does not know of names has made it, or nobody.
func (t *table) owners(ctx context.Context) (owned bool, err error) {
	type owner struct{ Name, Original string }
	owners, err := collect(ctx, t.pool, pgx.RowToStructByPos[owner],
		`SELECT name, original FROM `+t.dialect.qualified(t.database, namesTable)+` WHERE name IN ('', $1)`, t.table)
	if err != nil {
		return false, err
	}
	for _, o := range owners {
		mine := quote(t.name.table)
		if o.Name == "" {
			mine = quote(t.name.database)
		}
		if o.Original != mine {
			return false, fmt.Errorf("%w: %s is there for %s", ErrName, t, o.Original)
		}
	}
	return len(owners) == 2, nil
}

// quote makes text of any name.
func quote(name string) string { return strconv.QuoteToASCII(name) }

// make makes the table for this name, unless that has been done.
func (t *table) make(ctx context.Context) error {
	if t.ours.Load() {
		return nil
	}
	_, err, _ := t.pool.asking.Do(t.String()+"\x00"+quote(t.name.database)+quote(t.name.table), func() (any, error) {
		return nil, t.makeOnce(ctx)
	})
	return err
}

func (t *table) makeOnce(ctx context.Context) error {
	err := t.pool.exec(ctx, `SELECT 1 FROM `+t.dialect.qualified(t.database, t.table)+` LIMIT 0`)
	if err != nil && !undefined(err) {
		return err
	}
	exists := err == nil
	if !exists {
		if err := t.build(ctx, t.dialect.makeDatabase+`"`+t.database+`"`); err != nil {
			return err
		}
	}
	if err := t.own(ctx); err != nil {
		if exists && hasCode(err, "42501") {
			return nil // without the right to make tables, one cannot be made one's own
		}
		return err
	}
	if !exists {
		if err := t.build(ctx, t.statements()...); err != nil {
			return err
		}
	}
	t.ours.Store(true)
	return nil
}

// own has the table belong to this name.
func (t *table) own(ctx context.Context) error {
	names := t.dialect.qualified(t.database, namesTable)
	_, err := t.owners(ctx)
	if undefined(err) {
		err = t.build(ctx, `CREATE TABLE IF NOT EXISTS `+names+` (name text NOT NULL PRIMARY KEY, original text NOT NULL)`)
	}
	if err != nil {
		return err
	}
	err = t.pool.exec(ctx, `INSERT INTO `+names+` (name, original) VALUES ('', $1), ($2, $3) ON CONFLICT (name) DO NOTHING`,
		quote(t.name.database), t.table, quote(t.name.table))
	if err != nil {
		return err
	}
	_, err = t.owners(ctx) // somebody may have been faster
	return err
}

// statements make the table and its indexes.
func (t *table) statements() []string {
	from := t.dialect.qualified(t.database, t.table)
	primaryKey := `PRIMARY KEY (key)`
	if t.dialect.namesKey {
		primaryKey = `CONSTRAINT "` + t.table + `_pkey" ` + primaryKey
	}
	return []string{
		`CREATE TABLE IF NOT EXISTS ` + from +
			` (key text NOT NULL, value bytea, metadata JSONB, expiry timestamp with time zone, ` + primaryKey + `)`,
		`CREATE INDEX IF NOT EXISTS "` + t.dialect.indexName("key_index_", t.table) + `" ON ` + from +
			` USING btree (key` + t.dialect.bytewise + `)`,
		`CREATE INDEX IF NOT EXISTS "` + t.dialect.indexName("metadata_index_", t.table) + `" ON ` + from + ` USING GIN (metadata)`,
	}
}

// build runs statements that make what is not there.
func (t *table) build(ctx context.Context, statements ...string) error {
	for _, statement := range statements {
		var err error
		for range makeTries {
			if err = t.pool.exec(ctx, statement); !beingMade(err) {
				break
			}
		}
		if err != nil {
			return fmt.Errorf("making %s: %w", t, err)
		}
	}
	return nil
}

// beingMade reports whether a statement failed because another makes the same: it
// is there already, or its entry in the catalog is.
func beingMade(err error) bool {
	return hasCode(err, "23505", "42P04", "42P06", "42P07", "42710", "XX000")
}
