package memory_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/justcy/go-micro/v4/config/source"
	"github.com/justcy/go-micro/v4/config/source/memory"
	"github.com/justcy/go-micro/v4/config/source/sourcetest"
	"github.com/justcy/go-micro/v4/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

func TestConformance(t *testing.T) {
	sourcetest.Run(t, sourcetest.Harness{
		New: func(_ testing.TB, document string) source.Source {
			return memory.NewSource(memory.WithJSON([]byte(document)))
		},
		Change: func(t testing.TB, s source.Source, document string) {
			if err := s.Write(&source.ChangeSet{Data: []byte(document), Format: "json"}); err != nil {
				t.Error(err)
			}
		},
	})
}

func TestReadBeforeAnyDataIsEmpty(t *testing.T) {
	set, err := memory.NewSource().Read()
	if err != nil || len(set.Data) != 0 {
		t.Errorf("read %v, %v", set, err)
	}
}

func TestOptionsSetDataAndFormat(t *testing.T) {
	for name, tt := range map[string]struct {
		option source.Option
		format string
	}{
		"json": {memory.WithJSON([]byte("x")), "json"},
		"yaml": {memory.WithYAML([]byte("x")), "yaml"},
		"set":  {memory.WithChangeSet(&source.ChangeSet{Data: []byte("x"), Format: "ini", Source: "other"}), "ini"},
	} {
		set, err := memory.NewSource(tt.option).Read()
		if err != nil || string(set.Data) != "x" || set.Format != tt.format || set.Source != "memory" {
			t.Errorf("%s: read %+v, %v", name, set, err)
		}
	}
	if _, err := memory.NewSource(memory.WithChangeSet(nil)).Read(); err != nil {
		t.Error(err)
	}
}

func TestUpdateCopiesTheSet(t *testing.T) {
	s := memory.NewSource(memory.WithJSON([]byte(`1`)))
	data := []byte(`2`)
	s.(interface{ Update(*source.ChangeSet) }).Update(&source.ChangeSet{Data: data, Format: "json"})
	data[0] = 'x'
	if err := s.Write(nil); err != nil {
		t.Error(err)
	}
	if set, err := s.Read(); err != nil || string(set.Data) != "2" || set.Checksum != set.Sum() {
		t.Errorf("read %s, %v", set.Data, err)
	}
}

func TestAFullBufferKeepsTheNewest(t *testing.T) {
	s := memory.NewSource()
	w, err := s.Watch()
	if err != nil {
		t.Fatal(err)
	}
	const n = 250
	for i := range n {
		_ = s.Write(&source.ChangeSet{Data: fmt.Append(nil, i)})
	}
	for i := n - 100; i < n; i++ {
		if set, err := w.Next(); err != nil || string(set.Data) != fmt.Sprint(i) {
			t.Fatalf("got %s, %v, want %d", set.Data, err, i)
		}
	}
	_ = w.Stop()
	if _, err := w.Next(); !errors.Is(err, source.ErrWatcherStopped) {
		t.Errorf("after Stop: %v", err)
	}
}
