package scale

import (
	"fmt"
	"strings"

	"github.com/justcy/go-micro/v4/config"
	"github.com/justcy/go-micro/v4/config/source"
	"github.com/justcy/go-micro/v4/config/source/memory"
)

// configRows are about the configuration of a program.
func configRows() []Row {
	return []Row{
		{Name: "config-load", Work: "sources are loaded one by one, and read", Known: mergesMeanwhile, Measure: configLoad},
		{Name: "config-change", Work: "one of that many sources changes", Measure: configChange},
		{Name: "config-watchers", Work: "watchers of one document of 10 KB are told of a change", Measure: configWatchers},
	}
}

// mergesMeanwhile is why loading is dearer than the sources by themselves. Without
// a watcher there is one merge, when somebody reads.
const mergesMeanwhile = "those who watch the configuration have it merged meanwhile, as often as the processors allow"

// numbered is the i-th source, at version v.
func numbered(i, v int) []byte { return fmt.Appendf(nil, `{"key%d":{"n":%d}}`, i, v) }

func jsonSource(text []byte) source.Source { return memory.NewSource(memory.WithJSON(text)) }

func change(s source.Source, text []byte) error {
	return s.Write(&source.ChangeSet{Data: text, Format: "json"})
}

func end(c config.Config) func() {
	return func() { _ = c.Close() } // its sources are in memory
}

func configLoad(n int) (float64, error) {
	return Processor(func() (Work, error) {
		c, err := config.NewConfig()
		return Work{End: end(c), Do: func() error {
			for i := range n {
				if err := c.Load(jsonSource(numbered(i, i))); err != nil {
					return err
				}
			}
			if got := c.Get(fmt.Sprint("key", n-1), "n").Int(-1); got != n-1 {
				return fmt.Errorf("the last source has %d, want %d", got, n-1)
			}
			return nil
		}}, err
	})
}

func configChange(n int) (float64, error) {
	c, err := config.NewConfig()
	if err != nil {
		return 0, err
	}
	defer end(c)()
	sources := make([]source.Source, n)
	for i := range sources {
		sources[i] = jsonSource(numbered(i, 0))
	}
	if err := c.Load(sources...); err != nil {
		return 0, err
	}
	w, err := c.Watch("key1", "n")
	if err != nil {
		return 0, err
	}
	version := 0
	return Processor(func() (Work, error) {
		return Work{Do: func() error {
			version++
			if err := change(sources[1], numbered(1, version)); err != nil {
				return err
			}
			_, err := w.Next()
			return err
		}}, nil
	})
}

func configWatchers(n int) (float64, error) {
	document := func(version int) []byte {
		return fmt.Appendf(nil, `{"a":{"version":%d,"text":%q}}`, version, strings.Repeat("x", 10_000))
	}
	s := jsonSource(document(0))
	c, err := config.NewConfig(config.WithSource(s))
	if err != nil {
		return 0, err
	}
	defer end(c)()
	watchers := make([]config.Watcher, n)
	for i := range watchers {
		if watchers[i], err = c.Watch("a"); err != nil {
			return 0, err
		}
	}
	version := 0
	return Processor(func() (Work, error) {
		return Work{Do: func() error {
			version++
			if err := change(s, document(version)); err != nil {
				return err
			}
			for _, w := range watchers {
				if _, err := w.Next(); err != nil {
					return err
				}
			}
			return nil
		}}, nil
	})
}
