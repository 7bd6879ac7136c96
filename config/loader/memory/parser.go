package memory

import (
	"github.com/justcy/go-micro/v4/config/reader"
	"github.com/justcy/go-micro/v4/config/source"
)

// parserOf returns a parser for any reader. One that does not parse merges all
// sets again for every change, and only then shows whether that can be done.
func parserOf(r reader.Reader) (p reader.Parser, eager bool) {
	if p, ok := r.(reader.Parser); ok {
		return p, false
	}
	return setMerger{r}, true
}

// setMerger takes sets for documents.
type setMerger struct{ reader reader.Reader }

func (m setMerger) Parse(set *source.ChangeSet) (reader.Parsed, error) {
	_, err := m.reader.Merge(set)
	return set, err
}

func (m setMerger) MergeParsed(documents ...reader.Parsed) (*source.ChangeSet, error) {
	sets := make([]*source.ChangeSet, len(documents))
	for i, d := range documents {
		sets[i], _ = d.(*source.ChangeSet) // of a source that was never read there is none
	}
	return m.reader.Merge(sets...)
}
