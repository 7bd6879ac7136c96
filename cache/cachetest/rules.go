package cachetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/cache"
	"github.com/justcy/go-micro/v4/internal/conformance"
)

var rules = []conformance.Rule[Harness]{
	{Sentence: "a value that was put is returned by get", Check: conformance.Returned(putGet)},
	{Sentence: "the second put of a key replaces the value", Check: conformance.Returned(replace)},
	{Sentence: "values of any type come back as they were", Check: conformance.Returned(anyValue),
		Gap: conformance.Flag("NoAnyValue", func(h Harness) bool { return h.NoAnyValue })},
	{Sentence: "get of an unknown key fails with ErrKeyNotFound", Check: conformance.Returned(getMissing)},
	{Sentence: "a failed get returns no value and the zero time", Check: conformance.Returned(failedGet)},
	{Sentence: "an item without a lifetime expires at the Unix epoch, which is never", Check: conformance.Returned(neverExpires)},
	{Sentence: "get returns when the item expires", Check: conformance.Returned(expiryTime)},
	{Sentence: "an item is gone when its lifetime is over", Check: conformance.Returned(expires)},
	{Sentence: "get of an expired item fails with ErrItemExpired", Check: conformance.Returned(expiredError),
		Gap: conformance.Flag("NoExpiredError", func(h Harness) bool { return h.NoExpiredError })},
	{Sentence: "putting an expired key again revives it", Check: conformance.Returned(revive)},
	{Sentence: "the Expiration option is the lifetime of items put without one", Check: conformance.Returned(expirationOption),
		Gap: conformance.Flag("NoExpiration", func(h Harness) bool { return h.NoExpiration })},
	{Sentence: "a deleted key is unknown", Check: conformance.Returned(deleteKey)},
	{Sentence: "delete of an unknown key fails with ErrKeyNotFound", Check: conformance.Returned(deleteMissing),
		Gap: conformance.Flag("NoMissingDelete", func(h Harness) bool { return h.NoMissingDelete })},
	{Sentence: "the Items option fills the cache, and its map stays the caller's", Check: conformance.Returned(itemsOption),
		Gap: conformance.Flag("NoItems or NoAnyValue", func(h Harness) bool { return h.NoItems || h.NoAnyValue })},
	{Sentence: "odd keys are kept as they are, or refused", Check: conformance.Returned(oddKeys)},
	{Sentence: "a context that is done fails every call with its error", Check: conformance.Returned(doneContext)},
	{Sentence: "a cache can be used concurrently", Check: conformance.Returned(concurrent)},
	{Sentence: "a cache has a name", Check: conformance.Returned(named)},
}

// text returns the value as a string; backends may return one as bytes.
func text(v any) string {
	if b, ok := v.([]byte); ok {
		return string(b)
	}
	return fmt.Sprint(v)
}

// want fails unless key holds the value.
func want(c cache.Cache, key, value string) error {
	got, _, err := c.Get(context.Background(), key)
	if err != nil {
		return fmt.Errorf("get: %w", err)
	}
	if text(got) != value {
		return fmt.Errorf("got %q, want %q", text(got), value)
	}
	return nil
}

func put(c cache.Cache, key string, value any, d time.Duration) error {
	if err := c.Put(context.Background(), key, value, d); err != nil {
		return fmt.Errorf("put: %w", err)
	}
	return nil
}

// get returns only the error of a get.
func get(c cache.Cache, key string) error {
	_, _, err := c.Get(context.Background(), key)
	return err
}

// putExpired puts an item and waits until it has expired.
func putExpired(c cache.Cache, h Harness, key string, d time.Duration) error {
	if err := put(c, key, "old", d); err != nil {
		return err
	}
	deadline := time.Now().Add(d + h.lifetime() + 30*time.Second)
	for get(c, key) == nil {
		if time.Now().After(deadline) {
			return fmt.Errorf("an item with a lifetime of %v is still there", h.lifetime())
		}
		time.Sleep(h.lifetime() / 10)
	}
	return nil
}

func putGet(t testing.TB, h Harness) error {
	c, key := h.New(t), newKey(t)
	return errors.Join(put(c, key, "value", time.Hour), want(c, key, "value"))
}

func replace(t testing.TB, h Harness) error {
	c, key := h.New(t), newKey(t)
	return errors.Join(put(c, key, "old", time.Hour), put(c, key, "new", time.Hour), want(c, key, "new"))
}

func anyValue(t testing.TB, h Harness) error {
	c, key := h.New(t), newKey(t)
	type value struct{ n int }
	v := &value{1}
	if err := put(c, key, v, time.Hour); err != nil {
		return err
	}
	if got, _, err := c.Get(context.Background(), key); err != nil || got != any(v) {
		return fmt.Errorf("got %v, %v, want the pointer %v", got, err, v)
	}
	return nil
}

func getMissing(t testing.TB, h Harness) error {
	if err := get(h.New(t), newKey(t)); !errors.Is(err, cache.ErrKeyNotFound) {
		return fmt.Errorf("got %v", err)
	}
	return nil
}

func failedGet(t testing.TB, h Harness) error {
	v, expires, err := h.New(t).Get(context.Background(), newKey(t))
	if err == nil || v != nil || !expires.IsZero() {
		return fmt.Errorf("got %v, %v, %v", v, expires, err)
	}
	return nil
}

func neverExpires(t testing.TB, h Harness) error {
	c, key := h.New(t), newKey(t)
	if err := put(c, key, "value", -1); err != nil {
		return err
	}
	_, expires, err := c.Get(context.Background(), key)
	if err != nil || expires.UnixNano() != 0 {
		return fmt.Errorf("expires %v, %w", expires, err)
	}
	return nil
}

func expiryTime(t testing.TB, h Harness) error {
	c, key := h.New(t), newKey(t)
	before := time.Now()
	if err := put(c, key, "value", time.Hour); err != nil {
		return err
	}
	_, expires, err := c.Get(context.Background(), key)
	after := time.Now()
	if err != nil {
		return err
	}
	earliest, latest := before.Add(time.Hour-h.lifetime()), after.Add(time.Hour+h.lifetime())
	if expires.Before(earliest) || expires.After(latest) {
		return fmt.Errorf("expires %v, want between %v and %v", expires, earliest, latest)
	}
	return nil
}

func expires(t testing.TB, h Harness) error {
	return putExpired(h.New(t), h, newKey(t), h.lifetime())
}

func expiredError(t testing.TB, h Harness) error {
	c, key := h.New(t), newKey(t)
	if err := putExpired(c, h, key, h.lifetime()); err != nil {
		return err
	}
	if err := get(c, key); !errors.Is(err, cache.ErrItemExpired) {
		return fmt.Errorf("got %v", err)
	}
	return nil
}

func revive(t testing.TB, h Harness) error {
	c, key := h.New(t), newKey(t)
	return errors.Join(
		putExpired(c, h, key, h.lifetime()),
		put(c, key, "new", time.Hour),
		want(c, key, "new"),
	)
}

func expirationOption(t testing.TB, h Harness) error {
	c, key, lasting := h.New(t, cache.Expiration(h.lifetime())), newKey(t), newKey(t)
	return errors.Join(
		put(c, lasting, "value", time.Hour),
		putExpired(c, h, key, cache.DefaultExpiration),
		want(c, lasting, "value"),
	)
}

func deleteKey(t testing.TB, h Harness) error {
	c, key, other := h.New(t), newKey(t), newKey(t)
	if err := errors.Join(put(c, key, "value", time.Hour), put(c, other, "other", time.Hour)); err != nil {
		return err
	}
	if err := c.Delete(context.Background(), key); err != nil {
		return fmt.Errorf("delete: %w", err)
	}
	if err := get(c, key); !errors.Is(err, cache.ErrKeyNotFound) {
		return fmt.Errorf("get returned %v", err)
	}
	return want(c, other, "other")
}

func deleteMissing(t testing.TB, h Harness) error {
	if err := h.New(t).Delete(context.Background(), newKey(t)); !errors.Is(err, cache.ErrKeyNotFound) {
		return fmt.Errorf("got %v", err)
	}
	return nil
}

func itemsOption(t testing.TB, h Harness) error {
	key, added := newKey(t), newKey(t)
	items := map[string]cache.Item{key: {Value: "value"}}
	c := h.New(t, cache.Items(items))
	if err := errors.Join(want(c, key, "value"), put(c, added, "value", time.Hour)); err != nil {
		return err
	}
	if len(items) != 1 {
		return fmt.Errorf("the map has become %v", items)
	}
	return nil
}

// oddKeys puts what some backend could take for something else, or for one key.
func oddKeys(t testing.TB, h Harness) error {
	c, prefix := h.New(t), newKey(t)
	ends := []string{"", " ", "a", "A", "/a", "//a", "/../a", "%", "_", "*", "?", `"`, "'", `\`, "\x00", "\r\n", "\xff", "ü", strings.Repeat("k", 10_000)}
	var kept []string
	for _, end := range ends {
		if c.Put(context.Background(), prefix+end, end, time.Hour) == nil {
			kept = append(kept, end)
		}
	}
	for _, end := range kept {
		if err := want(c, prefix+end, end); err != nil {
			return fmt.Errorf("a key that ends in %.20q: %w", end, err)
		}
	}
	return nil
}

func doneContext(t testing.TB, h Harness) error {
	c, key := h.New(t), newKey(t)
	if err := put(c, key, "value", time.Hour); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, _, getErr := c.Get(ctx, key)
	for call, err := range map[string]error{
		"get":    getErr,
		"put":    c.Put(ctx, key, "new", time.Hour),
		"delete": c.Delete(ctx, key),
	} {
		if !errors.Is(err, context.Canceled) {
			return fmt.Errorf("%s returned %v", call, err)
		}
	}
	return want(c, key, "value")
}

func concurrent(t testing.TB, h Harness) error {
	c, key := h.New(t), newKey(t)
	failed := make([]error, 4)
	var wg sync.WaitGroup
	for i := range failed {
		wg.Go(func() {
			own := fmt.Sprintf("%s/%d", key, i)
			for n := range 20 {
				failed[i] = errors.Join(failed[i],
					put(c, key, "shared", time.Hour),
					put(c, own, n, time.Hour),
					want(c, key, "shared"),
					want(c, own, fmt.Sprint(n)),
				)
			}
		})
	}
	wg.Wait()
	return errors.Join(failed...)
}

func named(t testing.TB, h Harness) error {
	if h.New(t).String() == "" {
		return errors.New("String is empty")
	}
	return nil
}
