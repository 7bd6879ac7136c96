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
	entry    *entry
	set      *source.ChangeSet
	document reader.Parsed // of set
	seen     uint64        // the entry's changes before the source was read
	told     bool          // by the source's watcher, so that nothing else is newer
}

// update is one state of all sources. It is merged when somebody asks for it.
type update struct {
	version   string
	number    int64 // the version
	memory    *memory
	documents []reader.Parsed

	merging  sync.Once
	merged   *loader.Snapshot
	mergeErr error

	mu     sync.Mutex // guards what watchers asked for
	values reader.Values
	paths  map[string][]byte
}

// snapshot merges the documents.
func (u *update) snapshot() (*loader.Snapshot, error) {
	u.merging.Do(func() {
		var set *source.ChangeSet
		if set, u.mergeErr = u.memory.parser.MergeParsed(u.documents...); u.mergeErr == nil {
			u.merged = &loader.Snapshot{ChangeSet: set, Version: u.version}
		}
	})
	return u.merged, u.mergeErr
}

// adopt puts the proposed sets in effect. Those that cannot be read are left out:
// the errors name them, and sources that had a set before keep it. It returns the
// entries that are new.
func (m *memory) adopt(proposals []proposal) (added []*entry, rejected []error) {
	proposals, rejected = m.sound(proposals)
	m.updating.Lock()
	defer m.updating.Unlock()
	next := m.combine(proposals)
	if m.eager {
		if _, err := next.update.snapshot(); err != nil {
			return nil, append(rejected, err)
		}
	}
	return m.publish(next), rejected
}

// at adds to an error which one of several sources of a kind it is about.
func at(src source.Source, err error) error {
	if l, ok := src.(source.Locator); ok {
		return fmt.Errorf("%s: %w", l.Location(), err)
	}
	return err
}

// sound reads the documents that are proposed, and parts the proposals that can be
// read from those that cannot.
func (m *memory) sound(proposals []proposal) (good []proposal, errs []error) {
	for _, p := range proposals {
		document, err := m.parser.Parse(p.set)
		if err != nil {
			errs = append(errs, loadingError(p.entry.src, at(p.entry.src, err)))
			continue
		}
		p.document = document
		good = append(good, p)
	}
	return good, errs
}

// combination is what there is with some proposals.
type combination struct {
	proposals []proposal // those that are in effect
	documents []reader.Parsed
	update    *update
}

// combine returns what there would be with the proposals. One that was overtaken
// by a change is left out. The caller holds updating.
func (m *memory) combine(proposals []proposal) combination {
	m.mu.Lock()
	defer m.mu.Unlock()
	var c combination
	c.documents = m.documents
	own := false // the documents are not shared with the updates before
	for _, p := range proposals {
		if !p.entry.kept {
			// Updates before see no more of the array than they have.
			c.documents = append(c.documents, p.document)
			c.proposals = append(c.proposals, p)
			continue
		}
		if !p.told && p.entry.changes != p.seen {
			continue
		}
		if !own {
			c.documents, own = slices.Clone(c.documents), true
		}
		c.documents[p.entry.place] = p.document
		c.proposals = append(c.proposals, p)
	}
	c.update = m.newUpdate(c.documents)
	return c
}

// publish puts a combination in effect and tells the watchers. It returns the
// entries that were not there before. The caller holds updating.
func (m *memory) publish(c combination) (added []*entry) {
	m.mu.Lock()
	for _, p := range c.proposals {
		if e := p.entry; !e.kept {
			e.kept, e.place = true, len(m.entries)
			m.entries = append(m.entries, e)
			added = append(added, e)
		}
		if p.entry.set != p.set {
			p.entry.set = p.set
			p.entry.changes++
		}
	}
	m.documents, m.current = c.documents, c.update
	watchers := make([]*watcher, 0, len(m.watchers))
	for w := range m.watchers {
		watchers = append(watchers, w)
	}
	m.mu.Unlock()

	for _, w := range watchers {
		w.Push(c.update)
	}
	return added
}

// newUpdate numbers an update by the clock, and higher than the one before. The
// caller holds mu.
func (m *memory) newUpdate(documents []reader.Parsed) *update {
	number := time.Now().UnixNano()
	if m.current != nil {
		number = max(number, m.current.number+1)
	}
	return &update{version: strconv.FormatInt(number, 10), number: number, memory: m, documents: documents}
}

// at returns the text of the value at a path, or nil when it cannot be had. It is
// made once for all watchers. The whole document is passed on as it is: who reads
// its values replaces the placeholders.
func (u *update) at(path []string) []byte {
	if len(path) == 0 {
		snapshot, err := u.snapshot()
		if err != nil {
			return nil
		}
		return snapshot.ChangeSet.Data
	}
	key := fmt.Sprintf("%q", path)
	u.mu.Lock()
	defer u.mu.Unlock()
	if bytes, known := u.paths[key]; known {
		return bytes
	}
	if u.paths == nil {
		u.paths = map[string][]byte{}
	}
	u.paths[key] = u.find(path)
	return u.paths[key]
}

// find encodes the value at a path. The caller holds mu: others want the same, or
// something that is found as quickly.
func (u *update) find(path []string) []byte {
	if u.values == nil {
		snapshot, err := u.snapshot()
		if err != nil {
			return nil
		}
		if u.values, err = u.memory.opts.Reader.Values(snapshot.ChangeSet); err != nil {
			u.values = nil
			return nil
		}
	}
	return u.values.Get(path...).Bytes()
}
