package memory

import (
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/justcy/go-micro/v4/config/loader"
	"github.com/justcy/go-micro/v4/config/reader"
	"github.com/justcy/go-micro/v4/config/source"
)

// proposal is what a source was read to hold, before it is known to be sound.
type proposal struct {
	entry *entry
	set   *source.ChangeSet
	seen  uint64 // the entry's changes before the source was read
	told  bool   // by the source's watcher, so that nothing else is newer
}

// update is one snapshot, with its values for those who need them.
type update struct {
	snapshot *loader.Snapshot
	number   int64
	values   func() (reader.Values, error)
}

// adopt puts the proposed sets in effect. Those that cannot be merged are left
// out: the errors name them, and sources that had a set before keep it. It
// returns the entries that are new.
func (m *memory) adopt(proposals []proposal) (added []*entry, rejected []error) {
	m.updating.Lock()
	defer m.updating.Unlock()

	entries, sets := m.combine(proposals)
	merged, err := m.opts.Reader.Merge(sets...)
	if err != nil {
		proposals, rejected = m.sound(proposals)
		entries, sets = m.combine(proposals)
		if merged, err = m.opts.Reader.Merge(sets...); err != nil {
			return nil, append(rejected, err)
		}
	}
	return m.publish(entries, sets, merged), rejected
}

// combine returns all entries there would be with the proposals, and their
// sets. A proposal that was overtaken by a change is left out.
func (m *memory) combine(proposals []proposal) ([]*entry, []*source.ChangeSet) {
	m.mu.Lock()
	defer m.mu.Unlock()
	entries := slices.Clone(m.entries)
	sets := make([]*source.ChangeSet, len(entries), len(entries)+len(proposals))
	for i, e := range entries {
		sets[i] = e.set
	}
	for _, p := range proposals {
		i := slices.Index(entries, p.entry)
		switch {
		case i < 0:
			entries, sets = append(entries, p.entry), append(sets, p.set)
		case p.told || p.entry.changes == p.seen:
			sets[i] = p.set
		}
	}
	return entries, sets
}

// at adds to an error which one of several sources of a kind it is about.
func at(src source.Source, err error) error {
	if l, ok := src.(source.Locator); ok {
		return fmt.Errorf("%s: %w", l.Location(), err)
	}
	return err
}

// sound parts the proposals that can be merged from those that cannot.
func (m *memory) sound(proposals []proposal) (good []proposal, errs []error) {
	for _, p := range proposals {
		if _, err := m.opts.Reader.Merge(p.set); err != nil {
			errs = append(errs, loadingError(p.entry.src, at(p.entry.src, err)))
			continue
		}
		good = append(good, p)
	}
	return good, errs
}

// publish makes a snapshot of merged and tells the watchers. It returns the
// entries that were not there before. The caller holds updating.
func (m *memory) publish(entries []*entry, sets []*source.ChangeSet, merged *source.ChangeSet) (added []*entry) {
	m.mu.Lock()
	for i, e := range entries {
		if e.set != sets[i] {
			e.set = sets[i]
			e.changes++
		}
	}
	added = entries[len(m.entries):]
	m.entries = entries
	next := m.newUpdate(merged)
	m.current = next
	watchers := make([]*watcher, 0, len(m.watchers))
	for w := range m.watchers {
		watchers = append(watchers, w)
	}
	m.mu.Unlock()

	for _, w := range watchers {
		w.Push(next)
	}
	return added
}

// newUpdate numbers an update by the clock, and higher than the one before.
func (m *memory) newUpdate(merged *source.ChangeSet) *update {
	number := time.Now().UnixNano()
	if m.current != nil {
		number = max(number, m.current.number+1)
	}
	return &update{
		snapshot: &loader.Snapshot{ChangeSet: merged, Version: strconv.FormatInt(number, 10)},
		number:   number,
		values:   sync.OnceValues(func() (reader.Values, error) { return m.opts.Reader.Values(merged) }),
	}
}
