package query_test

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/store/internal/query"
)

func TestAPageIsSortedAndWithoutDoubles(t *testing.T) {
	for _, tc := range []struct {
		offset, limit uint
		want          []string
	}{
		{0, 0, []string{"a", "b", "c"}},
		{1, 0, []string{"b", "c"}},
		{0, 2, []string{"a", "b"}},
		{2, 1, []string{"c"}},
		{2, 9, []string{"c"}},
		{3, 1, []string{}},
		{math.MaxUint, math.MaxUint, []string{}},
	} {
		q := query.Query{Offset: tc.offset, Limit: tc.limit}
		got := q.Page([]string{"c", "a", "b", "a"})
		if got == nil || !slices.Equal(got, tc.want) {
			t.Errorf("offset %d, limit %d: %q, want %q", tc.offset, tc.limit, got, tc.want)
		}
		var counted []string
		for c, keys := q.Counter(), []string{"a", "b", "c"}; len(keys) > 0 && !c.Done(); keys = keys[1:] {
			if c.Take() {
				counted = append(counted, keys[0])
			}
		}
		if !slices.Equal(counted, tc.want) {
			t.Errorf("offset %d, limit %d: counted %q, want %q", tc.offset, tc.limit, counted, tc.want)
		}
	}
}

func TestPrefixAndSuffixMustBothHold(t *testing.T) {
	q := query.Query{Prefix: "ab", Suffix: "ba"}
	for key, want := range map[string]bool{"abba": true, "aba": true, "ab": false, "ba": false, "": false} {
		if q.Match(key) != want {
			t.Errorf("%q matches: %v", key, !want)
		}
	}
}

func TestTTLWinsOverATimeAndBothOverTheRecordsOwn(t *testing.T) {
	now := time.Now()
	for _, tc := range []struct {
		ttl, at, own time.Duration // at: from now
		want         time.Duration // 0: never
		over         bool
	}{
		{0, 0, 0, 0, false},
		{1, 2, 3, 1, false},
		{0, 2, 3, 2, false},
		{0, 0, 3, 3, false},
		{-1, 2, 3, -1, true},
		{0, -2, 3, -2, true},
		{0, 0, -3, -3, true},
	} {
		var at time.Time
		if tc.at != 0 {
			at = now.Add(tc.at)
		}
		expires, over := query.Lifetime(now, tc.ttl, at, tc.own)
		if over != tc.over || query.Left(expires, now) != tc.want || query.Live(expires, now) == over {
			t.Errorf("%+v: ends %v, over %v", tc, expires, over)
		}
	}
}
