package storetest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/store"
)

// oddKeys are keys that some backend takes for something else, or cannot hold.
func oddKeys() []string {
	return []string{
		"", " ", ".", "..", "../up", "/", "//", "a/", "a/b", "a//b", "a.b", "a..b", ".a", "a.", "a_b", "a%b", "a*b",
		`'; DROP TABLE micro; --`, `"`, `'`, "`", `\`, `\\`, "${a}", "\x00", "a\x00b", "a\n", "a\r\nb", "\t",
		"\xff", "\xff\xfe", "a\xc0\xafb", "ключ", "é", "e\u0301", "\u202e", strings.Repeat("k", 10_000),
	}
}

// oddNames are odd names of databases and tables, each with a name of the test's
// own in it.
func oddNames(own string) []string {
	return []string{
		own, own + ".b", own + "_b", own + "-b", own + "/b", own + "//b", own + " b", own + "%b", own + "*b", own + "?b",
		strings.ToUpper(own), own + "B", own + "b", "../" + own, "../../" + own, "/" + own, "./" + own, own + "/..", own + "/../x",
		`\` + own, own + `"b`, own + `'b`, own + `"; DROP TABLE micro; --`, own + "\x00b", own + "\nb", "\xff" + own, own + "é",
		own + strings.Repeat("n", 10_000), own + strings.Repeat("m", 60), own + strings.Repeat("m", 61),
	}
}

func oddKeysKept(t testing.TB, h Harness) {
	f := setup(t, h)
	var kept []string
	for i, key := range oddKeys() {
		err := f.Write(&store.Record{Key: key, Value: fmt.Append(nil, i)}, store.WriteTo("", f.table))
		if err == nil {
			kept = append(kept, key)
			continue
		}
		if records, err := f.Read(key, store.ReadFrom("", f.table)); err == nil {
			f.Errorf("%.80q was refused, and read gives %d records", key, len(records))
		}
	}
	time.Sleep(h.Settle)
	for i, key := range oddKeys() {
		if !slices.Contains(kept, key) {
			continue
		}
		if r := f.readOne(key); r.Key != key || string(r.Value) != fmt.Sprint(i) {
			f.Errorf("%.80q came back as %.80q with the value %q, and not %d", key, r.Key, r.Value, i)
		}
	}
	slices.Sort(kept)
	f.wantKeys("List", f.list(), kept...)
}

func oddTables(t testing.TB, h Harness) {
	f := setup(t, h)
	f.keptApart(oddNames(f.table), func(name string) (string, string) { return "", name })
}

func oddDatabases(t testing.TB, h Harness) {
	f := setup(t, h)
	f.keptApart(oddNames("d"+f.table), func(name string) (string, string) { return name, f.table })
}

// keptApart writes a record in each of the places and then reads them all.
func (f *fixture) keptApart(names []string, place func(string) (database, table string)) {
	f.Helper()
	refused := map[string]error{}
	for _, name := range names {
		database, table := place(name)
		refused[name] = f.Write(&store.Record{Key: "key", Value: []byte(name)}, store.WriteTo(database, table))
		f.Cleanup(func() { _ = f.Delete("key", store.DeleteFrom(database, table)) })
	}
	time.Sleep(f.h.Settle)
	if err := refused[names[0]]; err != nil {
		f.Fatalf("a plain name is refused: %v", err)
	}
	for _, name := range names {
		records, err := f.Read("key", store.ReadFrom(place(name)))
		switch {
		case refused[name] != nil && err == nil:
			f.Errorf("%.80q was refused, and has the record of %.80q", name, records[0].Value)
		case refused[name] == nil && err != nil:
			f.Errorf("%.80q took a record and returns %v", name, err)
		case err == nil && string(records[0].Value) != name:
			f.Errorf("%.80q has the record of %.80q", name, records[0].Value)
		}
	}
}

func tablePrefixes(t testing.TB, h Harness) {
	f := setup(t, h)
	f.put("key")
	for _, other := range []string{f.table + "b", f.table + "_b", f.table + "/b"} {
		err := f.Write(&store.Record{Key: "key", Value: []byte("other")}, store.WriteTo("", other))
		if err != nil {
			continue // refused
		}
		t.Cleanup(func() { _ = f.Delete("key", store.DeleteFrom("", other)) })
	}
	time.Sleep(h.Settle)
	f.wantKeys("List", f.list(), "key")
	f.wantKeys("Read(all)", keysOf(f.read("", store.ReadPrefix())), "key")
}
