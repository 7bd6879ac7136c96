package cockroach_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/store"
	"github.com/justcy/go-micro/v4/store/cockroach"
	"github.com/justcy/go-micro/v4/util/cmd"
)

func TestMain(m *testing.M) { testkit.Main(m) }

var (
	_ sql.Scanner   = (*cockroach.Metadata)(nil)
	_ driver.Valuer = cockroach.Metadata(nil)
)

func TestOptionsHaveDefaults(t *testing.T) {
	s := cockroach.NewStore()
	if o := s.Options(); o.Database != "micro" || o.Table != "micro" || s.String() != "cockroach" {
		t.Errorf("%s has %+v", s, o)
	}
	if cmd.DefaultStores["cockroach"] == nil {
		t.Error("--store cockroach is not known")
	}
}

func TestAnEmptyTableOptionIsTheTablesDefault(t *testing.T) {
	s := nowhere(t, store.Table(""), store.Database(""))
	err := s.Write(&store.Record{Key: "key"})
	if err == nil || !strings.Contains(err.Error(), `in table "micro" of "micro"`) {
		t.Errorf("got %v", err)
	}
}

// nowhere returns a store whose server is not there.
func nowhere(t *testing.T, opts ...store.Option) store.Store {
	url := fmt.Sprintf("postgresql://ada:secret@127.0.0.1:%d/test?sslmode=disable", testkit.FreePort(t))
	s := cockroach.NewStore(append([]store.Option{store.Nodes(url)}, opts...)...)
	t.Cleanup(func() { s.Close() })
	return s
}

func TestAServerThatIsNotThereIsToldByEveryCall(t *testing.T) {
	s := nowhere(t)
	_, readErr := s.Read("key")
	_, listErr := s.List()
	for call, err := range map[string]error{
		"Init": s.Init(), "Write": s.Write(&store.Record{Key: "key"}), "Read": readErr, "List": listErr, "Delete": s.Delete("key"),
	} {
		if err == nil || errors.Is(err, store.ErrNotFound) || !strings.Contains(err.Error(), "cockroach store") {
			t.Errorf("%s: %v", call, err)
		} else if strings.Contains(err.Error(), "secret") {
			t.Errorf("%s tells the password: %v", call, err)
		}
	}
}

func TestASourceThatIsNoneIsRefused(t *testing.T) {
	for _, node := range []string{"postgresql://ada:secret@[::1", "postgresql://ada:secret@host/db?sslmode=maybe"} {
		s := cockroach.NewStore(store.Nodes(node))
		if err := s.Init(); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", node, err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestTheContextOfTheOptionsEndsOperations(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := nowhere(t, store.WithContext(ctx)).Read("key"); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestKeysThatAreNoTextAreRefused(t *testing.T) {
	s := nowhere(t)
	for _, key := range []string{"a\x00b", "\xff"} {
		_, readErr := s.Read(key)
		_, prefixErr := s.Read(key, store.ReadPrefix())
		_, listErr := s.List(store.ListPrefix(key))
		for call, err := range map[string]error{
			"Write": s.Write(&store.Record{Key: key}), "Delete": s.Delete(key), "Read": readErr, "Read prefix": prefixErr, "List": listErr,
		} {
			if !errors.Is(err, cockroach.ErrName) {
				t.Errorf("%s(%q): %v", call, key, err)
			}
		}
	}
}

func TestMetadataIsAJSONColumn(t *testing.T) {
	for _, m := range []cockroach.Metadata{nil, {}, {"colour": "red", "n": 1.5, "list": []any{"a"}}} {
		value, err := m.Value()
		if err != nil {
			t.Fatal(err)
		}
		for _, column := range []any{value, string(value.([]byte))} {
			got := cockroach.Metadata{"old": true}
			if err := got.Scan(column); err != nil {
				t.Fatal(err)
			}
			if !maps.EqualFunc(got, m, func(a, b any) bool { return fmt.Sprint(a) == fmt.Sprint(b) }) {
				t.Errorf("%s comes back as %v", value, got)
			}
		}
	}
}

func TestNullMetadataIsNone(t *testing.T) {
	for _, column := range []any{nil, "null", []byte("null"), "{}", ""} {
		m := cockroach.Metadata{"old": true}
		if err := m.Scan(column); err != nil || m != nil {
			t.Errorf("%v is %v, %v", column, m, err)
		}
	}
	for _, column := range []any{42, "[]", "{", time.Now()} {
		m := cockroach.Metadata{"old": true}
		if err := m.Scan(column); err == nil || m != nil {
			t.Errorf("%v is taken for %v", column, m)
		}
	}
	if _, err := (cockroach.Metadata{"f": func() {}}).Value(); err == nil {
		t.Error("a function is JSON")
	}
}
