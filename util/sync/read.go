package sync

import (
	"errors"
	"slices"

	"github.com/justcy/go-micro/v4/internal/options"
	"github.com/justcy/go-micro/v4/store"
)

// Read asks the layers one after the other. A layer is asked only when the ones
// above do not have the record and have nothing in their queue that it has not
// heard of yet, so that deleted records do not come back.
func (l *layers) Read(key string, opts ...store.ReadOption) ([]*store.Record, error) {
	if len(l.stores) == 0 {
		return nil, errNoStores
	}
	options := options.Of(opts)
	if options.Prefix || options.Suffix {
		return l.readMany(key, options, opts)
	}
	at := address{key: key, database: options.Database, table: options.Table}
	for i, s := range l.stores {
		records, err := s.Read(key, opts...)
		if i == len(l.stores)-1 || !missing(records, err) {
			return records, err
		}
		if c := l.queues[i].pending(at); c != nil {
			return c.records()
		}
	}
	return nil, store.ErrNotFound
}

// readMany returns what the first layer that has any such records has of them.
func (l *layers) readMany(key string, options store.ReadOptions, opts []store.ReadOption) ([]*store.Record, error) {
	for i, s := range l.stores {
		records, err := s.Read(key, opts...)
		if i > 0 {
			records = slices.DeleteFunc(records, func(r *store.Record) bool {
				return l.gone(i, address{key: r.Key, database: options.Database, table: options.Table})
			})
		}
		if i == len(l.stores)-1 || !missing(records, err) {
			return records, err
		}
	}
	return nil, nil
}

// gone reports whether a layer above this one knows that the record is no more.
func (l *layers) gone(layer int, at address) bool {
	for _, q := range l.queues[:layer] {
		if c := q.pending(at); c != nil {
			return !c.live()
		}
	}
	return false
}

func missing(records []*store.Record, err error) bool {
	return errors.Is(err, store.ErrNotFound) || err == nil && len(records) == 0
}
