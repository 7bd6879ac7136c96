package natsjskv

import (
	"errors"
	"strings"
	"testing"

	"github.com/justcy/go-micro/v4/store"
)

func TestKeysAreThoseOfGoMicroV4(t *testing.T) {
	for _, tc := range []struct {
		at   place
		want string
	}{
		{place{}, "user/1"},
		{place{table: "users"}, "users_user/1"},
		{place{encoded: true}, "OVZWK4RPGE======"},
		{place{table: "users", encoded: true}, "OVZWK4TTL52XGZLSF4YQ===="},
	} {
		k := tc.at.key("user/1")
		if k.NatsKey() != tc.want || k.MicroKey() != "user/1" {
			t.Errorf("%+v: %+v, want %s", tc.at, k, tc.want)
		}
		parsed, ok := tc.at.parse(tc.want)
		if !ok || *parsed != *k {
			t.Errorf("%s is parsed as %+v, %v", tc.want, parsed, ok)
		}
	}
}

func TestAKeyIsCheckedForTableAndBothEnds(t *testing.T) {
	k := place{table: "users"}.key("user/1")
	for _, tc := range []struct {
		table, prefix, suffix string
		want                  bool
	}{
		{"users", "user/", "/1", true}, {"", "", "", true}, {"", "user", "1", true},
		{"use", "", "", false}, {"users", "users", "", false}, {"users", "", "2", false},
	} {
		if k.Check(tc.table, tc.prefix, tc.suffix) != tc.want {
			t.Errorf("%+v is %v", tc, !tc.want)
		}
	}
}

func TestKeysOfOthersAreNone(t *testing.T) {
	for _, tc := range []struct {
		at  place
		key string
	}{
		{place{table: "users"}, "user"}, {place{table: "users"}, "orders_1"}, {place{encoded: true}, "not base32"},
	} {
		if k, ok := tc.at.parse(tc.key); ok {
			t.Errorf("%q of %+v is %+v", tc.key, tc.at, k)
		}
	}
}

func TestNamesThatNATSCannotHoldAreRefused(t *testing.T) {
	plain := []string{"", ".", "a.", ".a", "a..b", "a b", "a*", ">", "ü", "a\x00", strings.Repeat("k", 3600)}
	for _, key := range plain {
		if _, err := (place{}).natsKey(key); !errors.Is(err, ErrName) {
			t.Errorf("%.20q: %v", key, err)
		}
		_, err := place{encoded: true}.natsKey(key)
		if refused := key == "" || len(key) > 3000; errors.Is(err, ErrName) != refused {
			t.Errorf("%.20q, encoded: %v", key, err)
		}
	}
}

// FuzzKey checks that no two keys become one.
func FuzzKey(f *testing.F) {
	f.Add("users", "a", "b")
	f.Add("", "a_b", "a")
	f.Fuzz(func(t *testing.T, table, a, b string) {
		at := place{table: table, encoded: true}
		k, ok := at.parse(at.key(a).NatsKey())
		if !ok || k.MicroKey() != a {
			t.Errorf("%q in %q comes back as %+v, %v", a, table, k, ok)
		}
		if a != b && at.key(a).NatsKey() == at.key(b).NatsKey() {
			t.Errorf("%q and %q are one", a, b)
		}
	})
}

// FuzzEnvelope checks that what others put in a bucket is no danger.
func FuzzEnvelope(f *testing.F) {
	for _, seed := range []string{`{"key":"a","data":"YQ==","metadata":null}`, `{"expiry":"2030-01-01T00:00:00Z"}`, `[]`, ``} {
		f.Add([]byte(seed), "key")
	}
	f.Fuzz(func(t *testing.T, data []byte, key string) {
		_, _ = decodeEnvelope(data)
		e := KeyValueEnvelope{Key: key, Data: data}
		encoded, err := encodeEnvelope(&store.Record{Key: key, Value: data}, e.Expiry)
		if err != nil {
			t.Fatal(err)
		}
		got, err := decodeEnvelope(encoded)
		if err != nil || string(got.Data) != string(data) || !got.isFor(place{table: "t"}, key) {
			t.Errorf("%q comes back as %+v, %v", data, got, err)
		}
	})
}
