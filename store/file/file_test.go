package file_test

import (
	"testing"

	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/store"
	"github.com/justcy/go-micro/v4/store/file"
	"github.com/justcy/go-micro/v4/store/storetest"
)

func TestMain(m *testing.M) { testkit.Main(m) }

func open(t testing.TB, dir string) store.Store {
	s := file.NewStore(file.DirOption(dir))
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestConformance(t *testing.T) {
	storetest.Run(t, storetest.Harness{New: func(t testing.TB) store.Store { return open(t, t.TempDir()) }, NoSharing: true})
}
