package storetest

import (
	"bytes"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/store"
)

func nilRecord(t testing.TB, h Harness) {
	f := setup(t, h)
	if err := f.Write(nil, store.WriteTo("", f.table)); err == nil {
		f.Error("Write(nil) returned no error")
	}
}

func sharing(t testing.TB, h Harness) {
	f, other := setup(t, h), h.New(t)
	f.put("key", "gone")
	if err := other.Delete("gone", store.DeleteFrom("", f.table)); err != nil {
		f.Fatalf("Delete: %v", err)
	}
	time.Sleep(h.Settle)
	records, err := other.Read("key", store.ReadFrom("", f.table))
	if err != nil || len(records) != 1 || string(records[0].Value) != "value of key" {
		f.Errorf("the other store reads %v, %v", records, err)
	}
	if err := f.readError("gone"); !errors.Is(err, store.ErrNotFound) {
		f.Errorf("what the other store deleted is read with %v", err)
	}
}

func closeTwice(t testing.TB, h Harness) {
	f := setup(t, h)
	f.put("key")
	for range 2 {
		if err := f.Close(); err != nil {
			f.Errorf("Close: %v", err)
		}
	}
}

func initOptions(t testing.TB, h Harness) {
	f := setup(t, h)
	if err := f.Init(store.Table(f.table)); err != nil {
		f.Fatalf("Init: %v", err)
	}
	if got := f.Options().Table; got != f.table {
		f.Errorf("Options say the table is %q", got)
	}
	if err := f.Write(&store.Record{Key: "key", Value: []byte("v")}); err != nil {
		f.Fatalf("Write: %v", err)
	}
	time.Sleep(h.Settle)
	f.wantKeys("List", f.list(), "key")
}

// many is more than any backend answers at once.
const many = 1200

func manyRecords(t testing.TB, h Harness) {
	f := setup(t, h)
	var writers sync.WaitGroup
	for w := range 16 {
		writers.Go(func() {
			for i := w; i < many; i += 16 {
				r := &store.Record{Key: fmt.Sprintf("%05d", i), Value: fmt.Append(nil, i)}
				if err := f.Write(r, store.WriteTo("", f.table)); err != nil {
					f.Errorf("Write: %v", err)
					return
				}
			}
		})
	}
	writers.Wait()
	time.Sleep(h.Settle)
	records, keys := f.read("0", store.ReadPrefix()), f.list()
	if len(records) != many || len(keys) != many {
		f.Fatalf("%d records are read and %d keys listed of %d", len(records), len(keys), many)
	}
	for i := range many {
		key := fmt.Sprintf("%05d", i)
		if records[i].Key != key || keys[i] != key || string(records[i].Value) != fmt.Sprint(i) {
			f.Fatalf("at %d there are the record %q = %q and the key %q", i, records[i].Key, records[i].Value, keys[i])
		}
	}
	f.wantKeys("a late page", f.list(store.ListOffset(many-3), store.ListLimit(2)), "01197", "01198")
}

func wholeRecords(t testing.TB, h Harness) {
	f := setup(t, h)
	values := [][]byte{bytes.Repeat([]byte("a"), 20_000), bytes.Repeat([]byte("b"), 10_000)}
	f.write(&store.Record{Key: "key", Value: values[0]})
	read := make(chan struct{})
	go func() {
		defer close(read)
		for range 50 {
			records, err := f.Read("key", store.ReadFrom("", f.table))
			if err != nil || len(records) != 1 {
				f.Errorf("Read returned %d records, %v", len(records), err)
				return
			}
			if v := records[0].Value; !bytes.Equal(v, values[0]) && !bytes.Equal(v, values[1]) {
				f.Errorf("Read returned %d bytes that nobody wrote", len(v))
				return
			}
		}
	}()
	defer func() { <-read }()
	for i := 0; ; i++ {
		select {
		case <-read:
			return
		default:
			f.write(&store.Record{Key: "key", Value: values[i%2]})
		}
	}
}

func revived(t testing.TB, h Harness) {
	f := setup(t, h)
	f.write(&store.Record{Key: "key", Value: []byte("old")}, store.WriteTTL(f.h.Expiry))
	f.wantGone("key")
	f.write(&store.Record{Key: "key", Value: []byte("new")})
	_ = f.list()
	if r := f.readOne("key"); string(r.Value) != "new" || r.Expiry != 0 {
		f.Errorf("the record is %q, with %v left", r.Value, r.Expiry)
	}
}
