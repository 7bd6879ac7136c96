package storetest

import (
	"bytes"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/justcy/go-micro/v4/internal/conformance"
	"github.com/justcy/go-micro/v4/store"
)

type rule = conformance.Rule[Harness]

var (
	noExpiry        = conformance.Flag("NoExpiry", func(h Harness) bool { return h.NoExpiry })
	noMetadata      = conformance.Flag("NoMetadata", func(h Harness) bool { return h.NoMetadata })
	noTables        = conformance.Flag("NoTables", func(h Harness) bool { return h.NoTables })
	noTablePrefixes = conformance.Flag("NoTablePrefixes", func(h Harness) bool { return h.NoTables || h.NoTablePrefixes })
	noSharing       = conformance.Flag("NoSharing", func(h Harness) bool { return h.NoSharing })
	noDatabases     = conformance.Flag("NoDatabases", func(h Harness) bool { return h.NoDatabases })
	noOddKeys       = conformance.Flag("NoOddKeys", func(h Harness) bool { return h.NoOddKeys })
	noEmptyValue    = conformance.Flag("NoEmptyValue", func(h Harness) bool { return h.NoEmptyValue })
)

var rules = []rule{
	{Sentence: "a written record is read back", Check: readBack},
	{Sentence: "a missing key is ErrNotFound", Check: missing},
	{Sentence: "writing a key again replaces the record", Check: replace},
	{Sentence: "a deleted key is ErrNotFound", Check: deleted},
	{Sentence: "deleting a missing key is no error", Check: deleteMissing},
	{Sentence: "an empty value is stored", Gap: noEmptyValue, Check: emptyValue},
	{Sentence: "values are bytes of any kind, 256 KiB of them too", Check: bigValue},
	{Sentence: "metadata is stored", Gap: noMetadata, Check: metadata},
	{Sentence: "records are copied in both directions", Check: copied},
	{Sentence: "a prefix read returns all matches in key order", Check: prefixRead},
	{Sentence: "a suffix read returns all matches in key order", Check: suffixRead},
	{Sentence: "prefix and suffix together must both hold", Check: prefixAndSuffix},
	{Sentence: "a prefix read without matches is empty and no error", Check: emptyPrefix},
	{Sentence: "limit and offset count in the filtered, ordered records", Check: readPages},
	{Sentence: "list returns all keys in order", Check: listAll},
	{Sentence: "list filters by prefix and suffix, then orders, skips and limits", Check: listPages},
	{Sentence: "an offset past the end is empty and no error", Check: pastTheEnd},
	{Sentence: "characters with a meaning in patterns are ordinary in keys", Gap: noOddKeys, Check: patternKeys},
	{Sentence: "keys are opaque", Gap: noOddKeys, Check: opaqueKeys},
	{Sentence: "odd keys are kept as they are, or refused", Check: oddKeysKept},
	{Sentence: "tables are separate", Gap: noTables, Check: tables},
	{Sentence: "databases are separate", Gap: noDatabases, Check: databases},
	{Sentence: "tables with odd names are separate, or refused", Gap: noTables, Check: oddTables},
	{Sentence: "databases with odd names are separate, or refused", Gap: noDatabases, Check: oddDatabases},
	{Sentence: "a table has no records of tables whose names begin with its own", Gap: noTablePrefixes, Check: tablePrefixes},
	{Sentence: "a record that does not expire has no expiry", Check: noLifetime},
	{Sentence: "a record is gone after its TTL", Gap: noExpiry, Check: ttl},
	{Sentence: "a record is gone after its expiry time", Gap: noExpiry, Check: expiryTime},
	{Sentence: "a record is gone after its own expiry", Gap: noExpiry, Check: ownExpiry},
	{Sentence: "TTL wins over expiry time, and that over the record's own", Gap: noExpiry, Check: precedence},
	{Sentence: "the expiry of a read record is the time left", Gap: noExpiry, Check: timeLeft},
	{Sentence: "writing without expiry makes an expiring record stay", Gap: noExpiry, Check: expiryRemoved},
	{Sentence: "a record written again after it expired is there", Gap: noExpiry, Check: revived},
	{Sentence: "an expiry in the past stores nothing and removes the key", Gap: noExpiry, Check: past},
	{Sentence: "concurrent use loses nothing", Check: concurrent},
	{Sentence: "a record is read whole while it is written", Check: wholeRecords},
	{Sentence: "reads and lists are complete, however many records there are", Check: manyRecords},
	{Sentence: "stores on one backend have the same records", Gap: noSharing, Check: sharing},
	{Sentence: "a nil record is refused", Check: nilRecord},
	{Sentence: "Init changes options", Check: initOptions},
	{Sentence: "a store can be closed again", Check: closeTwice},
	{Sentence: "the store has a name", Check: named},
}

func readBack(t testing.TB, h Harness) {
	f := setup(t, h)
	f.write(&store.Record{Key: "key", Value: []byte("value")})
	if r := f.readOne("key"); r.Key != "key" || string(r.Value) != "value" {
		f.Errorf("read %q = %q", r.Key, r.Value)
	}
}

func missing(t testing.TB, h Harness) {
	f := setup(t, h)
	f.put("other")
	if err := f.readError("key"); !errors.Is(err, store.ErrNotFound) {
		f.Errorf("reading a missing key: %v", err)
	}
}

func replace(t testing.TB, h Harness) {
	f := setup(t, h)
	f.write(&store.Record{Key: "key", Value: []byte("one")})
	f.write(&store.Record{Key: "key", Value: []byte("two")})
	if r := f.readOne("key"); string(r.Value) != "two" {
		f.Errorf("value is %q after writing two", r.Value)
	}
	f.wantKeys("List", f.list(), "key")
}

func deleted(t testing.TB, h Harness) {
	f := setup(t, h)
	f.put("key", "stays")
	if err := f.Delete("key", store.DeleteFrom("", f.table)); err != nil {
		f.Fatalf("Delete: %v", err)
	}
	time.Sleep(h.Settle)
	if err := f.readError("key"); !errors.Is(err, store.ErrNotFound) {
		f.Errorf("reading a deleted key: %v", err)
	}
	f.wantKeys("List", f.list(), "stays")
}

func deleteMissing(t testing.TB, h Harness) {
	f := setup(t, h)
	f.put("other")
	if err := f.Delete("key", store.DeleteFrom("", f.table)); err != nil {
		f.Errorf("Delete: %v", err)
	}
}

func emptyValue(t testing.TB, h Harness) {
	f := setup(t, h)
	f.write(&store.Record{Key: "key"})
	if r := f.readOne("key"); len(r.Value) != 0 {
		f.Errorf("value is %q", r.Value)
	}
}

func bigValue(t testing.TB, h Harness) {
	f := setup(t, h)
	value := make([]byte, 256<<10)
	for i := range value {
		value[i] = byte(i * 7)
	}
	f.write(&store.Record{Key: "key", Value: value})
	if r := f.readOne("key"); !bytes.Equal(r.Value, value) {
		f.Errorf("a value of %d bytes came back as %d others", len(value), len(r.Value))
	}
}

func metadata(t testing.TB, h Harness) {
	f := setup(t, h)
	f.write(&store.Record{Key: "key", Value: []byte("v"), Metadata: map[string]any{"colour": "red"}})
	if r := f.readOne("key"); r.Metadata["colour"] != "red" {
		f.Errorf("metadata is %v", r.Metadata)
	}
}

func copied(t testing.TB, h Harness) {
	f := setup(t, h)
	in := &store.Record{Key: "key", Value: []byte("value"), Expiry: 0}
	f.write(in, store.WriteTTL(time.Hour))
	if in.Expiry != 0 || in.Key != "key" {
		f.Errorf("Write changed the caller's record: %+v", in)
	}
	in.Value[0] = 'X'
	out := f.readOne("key")
	if string(out.Value) != "value" {
		f.Fatalf("a change by the writer is seen: %q", out.Value)
	}
	out.Value[0] = 'Y'
	if again := f.readOne("key"); string(again.Value) != "value" {
		f.Errorf("a change by a reader is seen: %q", again.Value)
	}
}

func prefixRead(t testing.TB, h Harness) {
	f := setup(t, h)
	f.put("b/2", "a/3", "a/1", "b/1", "a/2", "a")
	got := f.read("a/", store.ReadPrefix())
	f.wantKeys("Read(a/, prefix)", keysOf(got), "a/1", "a/2", "a/3")
	for _, r := range got {
		if string(r.Value) != "value of "+r.Key {
			f.Errorf("record %q has value %q", r.Key, r.Value)
		}
	}
}

func suffixRead(t testing.TB, h Harness) {
	f := setup(t, h)
	f.put("2.x", "1.x", "1.y", "3.x")
	f.wantKeys("Read(.x, suffix)", keysOf(f.read(".x", store.ReadSuffix())), "1.x", "2.x", "3.x")
}

func prefixAndSuffix(t testing.TB, h Harness) {
	f := setup(t, h)
	f.put("ab", "ab-ab", "ab-x", "x-ab")
	got := f.read("ab", store.ReadPrefix(), store.ReadSuffix())
	f.wantKeys("Read(ab, prefix, suffix)", keysOf(got), "ab", "ab-ab")
}

func emptyPrefix(t testing.TB, h Harness) {
	f := setup(t, h)
	f.put("a")
	if got := f.read("b", store.ReadPrefix()); len(got) != 0 {
		f.Errorf("got %q", keysOf(got))
	}
}

func readPages(t testing.TB, h Harness) {
	f := setup(t, h)
	f.put("x-9", "a-3", "a-1", "a-4", "a-2", "x-8")
	for _, c := range []struct {
		offset, limit uint
		want          []string
	}{
		{0, 2, []string{"a-1", "a-2"}},
		{1, 2, []string{"a-2", "a-3"}},
		{3, 2, []string{"a-4"}},
		{2, 0, []string{"a-3", "a-4"}},
		{2, 1, []string{"a-3"}}, // an offset over the limit
	} {
		got := f.read("a-", store.ReadPrefix(), store.ReadOffset(c.offset), store.ReadLimit(c.limit))
		f.wantKeys(fmt.Sprintf("offset %d, limit %d", c.offset, c.limit), keysOf(got), c.want...)
	}
}

func listAll(t testing.TB, h Harness) {
	f := setup(t, h)
	f.put("c", "a", "B", "b/1", "b-1")
	f.wantKeys("List", f.list(), "B", "a", "b-1", "b/1", "c")
}

func listPages(t testing.TB, h Harness) {
	f := setup(t, h)
	f.put("0", "x.1", "a3.1", "a1.1", "a4.1", "a2.1", "a5.2", "b")
	f.wantKeys("prefix a, suffix .1", f.list(store.ListPrefix("a"), store.ListSuffix(".1")), "a1.1", "a2.1", "a3.1", "a4.1")
	f.wantKeys("prefix a, suffix .1, offset 1, limit 2",
		f.list(store.ListPrefix("a"), store.ListSuffix(".1"), store.ListOffset(1), store.ListLimit(2)), "a2.1", "a3.1")
	f.wantKeys("prefix a, offset 3, limit 1", f.list(store.ListPrefix("a"), store.ListOffset(3), store.ListLimit(1)), "a4.1")
}

func pastTheEnd(t testing.TB, h Harness) {
	f := setup(t, h)
	f.put("a", "b")
	if got := f.list(store.ListOffset(5), store.ListLimit(2)); len(got) != 0 {
		f.Errorf("List returned %q", got)
	}
	if got := f.read("a", store.ReadPrefix(), store.ReadOffset(5)); len(got) != 0 {
		f.Errorf("Read returned %q", keysOf(got))
	}
}

func patternKeys(t testing.TB, h Harness) {
	f := setup(t, h)
	f.put("a_b", "axb", "a%b", "a*b", "a?b", "a[x]b")
	for _, key := range []string{"a_b", "a%b", "a*b", "a?b", "a[x]b"} {
		f.wantKeys("Read("+key+", prefix)", keysOf(f.read(key, store.ReadPrefix())), key)
		f.wantKeys("List(suffix "+key+")", f.list(store.ListSuffix(key)), key)
	}
}

func opaqueKeys(t testing.TB, h Harness) {
	f := setup(t, h)
	keys := []string{"../x", "./a", "/a", "a", "a//b", "a/b", "with space", "ключ"}
	f.put(keys...)
	f.wantKeys("List", f.list(), keys...)
	for _, key := range keys {
		if r := f.readOne(key); string(r.Value) != "value of "+key {
			f.Errorf("%q has value %q", key, r.Value)
		}
	}
}

func tables(t testing.TB, h Harness) {
	f := setup(t, h)
	f.put("key")
	other := f.table + "b"
	if _, err := f.Read("key", store.ReadFrom("", other)); !errors.Is(err, store.ErrNotFound) {
		f.Errorf("reading the key from another table: %v", err)
	}
	if err := f.Write(&store.Record{Key: "key", Value: []byte("other")}, store.WriteTo("", other)); err != nil {
		f.Fatalf("Write: %v", err)
	}
	time.Sleep(h.Settle)
	if r := f.readOne("key"); string(r.Value) != "value of key" {
		f.Errorf("writing to another table changed the value to %q", r.Value)
	}
	if err := f.Delete("key", store.DeleteFrom("", other)); err != nil {
		f.Fatalf("Delete: %v", err)
	}
	time.Sleep(h.Settle)
	f.wantKeys("List", f.list(), "key")
}

func databases(t testing.TB, h Harness) {
	f := setup(t, h)
	f.put("key")
	other := "d" + uuid.NewString()[:8]
	if _, err := f.Read("key", store.ReadFrom(other, f.table)); !errors.Is(err, store.ErrNotFound) {
		f.Errorf("reading the key from another database: %v", err)
	}
	if err := f.Write(&store.Record{Key: "key", Value: []byte("other")}, store.WriteTo(other, f.table)); err != nil {
		f.Fatalf("Write: %v", err)
	}
	t.Cleanup(func() { _ = f.Delete("key", store.DeleteFrom(other, f.table)) })
	time.Sleep(h.Settle)
	if r := f.readOne("key"); string(r.Value) != "value of key" {
		f.Errorf("writing to another database changed the value to %q", r.Value)
	}
}

func noLifetime(t testing.TB, h Harness) {
	f := setup(t, h)
	f.put("key")
	if r := f.readOne("key"); r.Expiry != 0 {
		f.Errorf("expiry is %v", r.Expiry)
	}
}

// wantGone fails unless the key is there for nobody soon.
func (f *fixture) wantGone(key string) {
	f.Helper()
	f.eventually("the record is gone", func() bool { return errors.Is(f.readError(key), store.ErrNotFound) })
	if got := f.read(key, store.ReadPrefix()); len(got) != 0 {
		f.Errorf("the expired record is in a prefix read")
	}
	if got := f.list(store.ListPrefix(key)); len(got) != 0 {
		f.Errorf("the expired record is listed")
	}
}

func ttl(t testing.TB, h Harness) {
	f := setup(t, h)
	f.write(&store.Record{Key: "key", Value: []byte("v")}, store.WriteTTL(f.h.Expiry))
	f.wantGone("key")
}

func expiryTime(t testing.TB, h Harness) {
	f := setup(t, h)
	f.write(&store.Record{Key: "key", Value: []byte("v")}, store.WriteExpiry(time.Now().Add(f.h.Expiry)))
	f.wantGone("key")
}

func ownExpiry(t testing.TB, h Harness) {
	f := setup(t, h)
	f.write(&store.Record{Key: "key", Value: []byte("v"), Expiry: f.h.Expiry})
	f.wantGone("key")
}

func precedence(t testing.TB, h Harness) {
	f := setup(t, h)
	f.write(&store.Record{Key: "a", Value: []byte("v"), Expiry: time.Hour},
		store.WriteTTL(3*time.Hour), store.WriteExpiry(time.Now().Add(2*time.Hour)))
	f.write(&store.Record{Key: "b", Value: []byte("v"), Expiry: time.Hour}, store.WriteExpiry(time.Now().Add(2*time.Hour)))
	for key, want := range map[string]time.Duration{"a": 3 * time.Hour, "b": 2 * time.Hour} {
		if left := f.readOne(key).Expiry; left > want || left < want-10*time.Minute {
			f.Errorf("%v left of %v", left, want)
		}
	}
}

func timeLeft(t testing.TB, h Harness) {
	f := setup(t, h)
	f.write(&store.Record{Key: "key", Value: []byte("v")}, store.WriteTTL(time.Hour))
	for _, r := range append(f.read("key"), f.read("key", store.ReadPrefix())...) {
		if r.Expiry > time.Hour || r.Expiry < 50*time.Minute {
			f.Errorf("%v left of an hour", r.Expiry)
		}
	}
}

func expiryRemoved(t testing.TB, h Harness) {
	f := setup(t, h)
	f.write(&store.Record{Key: "key", Value: []byte("v")}, store.WriteTTL(time.Hour))
	f.write(&store.Record{Key: "key", Value: []byte("v")})
	if r := f.readOne("key"); r.Expiry != 0 {
		f.Errorf("expiry is %v", r.Expiry)
	}
}

func past(t testing.TB, h Harness) {
	f := setup(t, h)
	f.put("a", "b")
	f.write(&store.Record{Key: "a", Value: []byte("v")}, store.WriteExpiry(time.Now().Add(-time.Hour)))
	f.write(&store.Record{Key: "b", Value: []byte("v"), Expiry: -time.Hour})
	f.write(&store.Record{Key: "c", Value: []byte("v")}, store.WriteExpiry(time.Now().Add(-time.Hour)))
	for _, key := range []string{"a", "b", "c"} {
		f.wantGone(key)
	}
}

func concurrent(t testing.TB, h Harness) {
	f := setup(t, h)
	var wg sync.WaitGroup
	errs := make(chan error, 64)
	for i := range 8 {
		wg.Go(func() {
			for j := range 8 {
				key := fmt.Sprintf("%d-%d", i, j)
				if err := f.Write(&store.Record{Key: key, Value: []byte(key)}, store.WriteTo("", f.table)); err != nil {
					errs <- fmt.Errorf("write %s: %w", key, err)
				}
				_, _ = f.List(store.ListFrom("", f.table))
			}
		})
	}
	wg.Wait()
	close(errs)
	for err := range errs {
		f.Error(err)
	}
	time.Sleep(h.Settle)
	if got := f.list(); len(got) != 64 {
		f.Errorf("%d of 64 keys are listed", len(got))
	}
}

func named(t testing.TB, h Harness) {
	if setup(t, h).Store.String() == "" {
		t.Error("String returns nothing")
	}
}
