package metadata_test

import (
	"context"
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/metadata"
)

func TestGetIgnoresCase(t *testing.T) {
	md := metadata.Metadata{"Micro-Id": "1", "foo-bar": "2", "X.Y": "3", "a_b": "4"}
	tests := []struct {
		key, want string
		ok        bool
	}{
		{"Micro-Id", "1", true},
		{"micro-id", "1", true},
		{"Micro-ID", "1", true},
		{"Foo-Bar", "2", true},
		{"x.y", "3", true},
		{"A_B", "4", true},
		{"micro-idx", "", false},
		{"", "", false},
	}
	for _, tt := range tests {
		if got, ok := md.Get(tt.key); got != tt.want || ok != tt.ok {
			t.Errorf("Get(%q) = %q, %v, want %q, %v", tt.key, got, ok, tt.want, tt.ok)
		}
	}
	if _, ok := metadata.Metadata(nil).Get("a"); ok {
		t.Error("found something in nil")
	}
}

// Over HTTP, Micro-ID arrives as Micro-Id.
func TestLookupIgnoresCase(t *testing.T) {
	ctx := metadata.NewContext(context.Background(), metadata.Metadata{"Micro-Trace-Id": "t"})
	if got, ok := metadata.Get(ctx, "Micro-Trace-ID"); !ok || got != "t" {
		t.Errorf("got %q, %v", got, ok)
	}
}

func TestWinnerOfTwoSpellingsIsNotRandom(t *testing.T) {
	for range 50 {
		md := metadata.Metadata{"baz": "low", "Baz": "title", "BAZ": "high"}
		for key, want := range map[string]string{"baz": "low", "Baz": "title", "BAZ": "high", "bAz": "title", "BaZ": "title"} {
			if got, _ := md.Get(key); got != want {
				t.Fatalf("Get(%q) = %q, want %q", key, got, want)
			}
		}
		ctx := metadata.NewContext(context.Background(), md)
		if got, _ := metadata.FromContext(ctx); !maps.Equal(got, metadata.Metadata{"Baz": "title"}) {
			t.Fatalf("FromContext = %v", got)
		}
		ids := metadata.NewContext(context.Background(), metadata.Metadata{"Micro-ID": "1", "MICRO-ID": "2"})
		if got, _ := metadata.FromContext(ids); !maps.Equal(got, metadata.Metadata{"MICRO-ID": "2"}) {
			t.Fatalf("FromContext = %v", got)
		}
	}
}

func TestManyOddSpellingsCostNoSquareOfTime(t *testing.T) {
	const names = 20_000
	md := make(metadata.Metadata, 2*names)
	for i := range names {
		md[fmt.Sprintf("aBC%07d", i)] = "odd"
		md[fmt.Sprintf("ABC%07d", i)] = "preferred"
	}
	start := time.Now()
	ctx := metadata.NewContext(context.Background(), md)
	got, _ := metadata.FromContext(ctx)
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("it took %v", took)
	}
	if len(got) != names || got["ABC0000007"] != "preferred" {
		t.Errorf("got %d names, one is %q", len(got), got["ABC0000007"])
	}
}

func TestSetNeverLeavesTwoSpellings(t *testing.T) {
	md := metadata.Metadata{"Micro-Id": "1", "other": "2"}
	md.Set("Micro-ID", "3")
	if want := (metadata.Metadata{"Micro-ID": "3", "other": "2"}); !maps.Equal(md, want) {
		t.Errorf("got %v, want %v", md, want)
	}
	ctx := metadata.NewContext(context.Background(), metadata.Metadata{"Micro-Id": "1"})
	got, _ := metadata.FromContext(metadata.Set(ctx, "micro-ID", "2"))
	if want := (metadata.Metadata{"Micro-ID": "2"}); !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestDeleteIgnoresCase(t *testing.T) {
	md := metadata.Metadata{"Baz": "1", "baz": "2", "x": "3"}
	md.Delete("bAZ")
	if want := (metadata.Metadata{"x": "3"}); !maps.Equal(md, want) {
		t.Errorf("got %v, want %v", md, want)
	}
	ctx := metadata.NewContext(context.Background(), metadata.Metadata{"Baz": "1"})
	if v, ok := metadata.Get(metadata.Delete(ctx, "baz"), "Baz"); ok {
		t.Errorf("Baz is still %q", v)
	}
}

func TestMetadataFromTheContextIsACapitalizedCopy(t *testing.T) {
	if md, ok := metadata.FromContext(context.Background()); ok || md != nil {
		t.Errorf("got %v, %v from an empty context", md, ok)
	}
	stored := metadata.Metadata{"foo": "1", "foo-bar baz.x_y": "2", "Micro-ID": "3"}
	ctx := metadata.NewContext(context.Background(), stored)
	md, ok := metadata.FromContext(ctx)
	want := metadata.Metadata{"Foo": "1", "Foo-Bar Baz.X_y": "2", "Micro-ID": "3"}
	if !ok || !maps.Equal(md, want) {
		t.Fatalf("got %v, want %v", md, want)
	}
	md["Foo"] = "changed"
	if stored["foo"] != "1" {
		t.Error("the stored map changed")
	}
}

func TestSetLeavesTheParentContextAlone(t *testing.T) {
	ctx := metadata.Set(context.Background(), "Key", "v")
	if v, ok := metadata.Get(ctx, "Key"); !ok || v != "v" {
		t.Errorf("got %q, %v", v, ok)
	}
	below := metadata.Set(ctx, "key", "")
	if _, ok := metadata.Get(below, "Key"); ok {
		t.Error("an empty value did not delete")
	}
	if _, ok := metadata.Get(ctx, "Key"); !ok {
		t.Error("the parent context changed")
	}
}

func TestMergeKeepsOrOverwritesInAnySpelling(t *testing.T) {
	tests := []struct {
		name        string
		old, patch  metadata.Metadata
		overwrite   bool
		want        metadata.Metadata
		withoutBase bool
	}{
		{name: "adds", old: metadata.Metadata{"a": "1"}, patch: metadata.Metadata{"b": "2"}, want: metadata.Metadata{"a": "1", "b": "2"}},
		{name: "keeps", old: metadata.Metadata{"Foo": "1"}, patch: metadata.Metadata{"foo": "2"}, want: metadata.Metadata{"Foo": "1"}},
		{name: "overwrites", old: metadata.Metadata{"Foo": "1"}, patch: metadata.Metadata{"foo": "2"}, overwrite: true, want: metadata.Metadata{"foo": "2"}},
		{name: "deletes", old: metadata.Metadata{"Foo": "1", "x": "2"}, patch: metadata.Metadata{"foo": ""}, overwrite: true, want: metadata.Metadata{"x": "2"}},
		{name: "does not delete what it keeps", old: metadata.Metadata{"Foo": "1"}, patch: metadata.Metadata{"foo": ""}, want: metadata.Metadata{"Foo": "1"}},
		{name: "two spellings", patch: metadata.Metadata{"foo": "1", "Foo": "2"}, overwrite: true, want: metadata.Metadata{"Foo": "2"}},
		{name: "nil context", patch: metadata.Metadata{"a": "1"}, want: metadata.Metadata{"a": "1"}, withoutBase: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var ctx context.Context
			if !tt.withoutBase {
				ctx = metadata.NewContext(context.Background(), tt.old)
			}
			before := metadata.Copy(tt.old)
			merged := metadata.MergeContext(ctx, tt.patch, tt.overwrite)
			var got metadata.Metadata
			for k := range tt.want {
				if v, ok := metadata.Get(merged, k); !ok || v != tt.want[k] {
					t.Errorf("%s = %q, %v, want %q", k, v, ok, tt.want[k])
				}
			}
			got, _ = metadata.FromContext(merged)
			if len(got) != len(tt.want) {
				t.Errorf("got %v, want %v", got, tt.want)
			}
			if !maps.Equal(before, metadata.Copy(tt.old)) {
				t.Error("the old map changed")
			}
		})
	}
}

func TestLookupDoesNotAllocate(t *testing.T) {
	ctx := metadata.NewContext(context.Background(), metadata.Metadata{"Micro-Id": "1", "Content-Type": "x"})
	for _, key := range []string{"Micro-Id", "micro-id", "Micro-ID", "Missing"} {
		if n := testing.AllocsPerRun(100, func() { metadata.Get(ctx, key) }); n > 0 {
			t.Errorf("Get(%q) makes %v allocations", key, n)
		}
	}
}

func BenchmarkFromContext(b *testing.B) {
	ctx := metadata.NewContext(context.Background(), metadata.Metadata{
		"Micro-ID": "1", "Micro-Service": "s", "Micro-Method": "m", "Micro-Endpoint": "m", "Content-Type": "x",
		"Accept": "x", "Timeout": "5", "Local": "l", "Remote": "r",
	})
	b.ReportAllocs()
	for b.Loop() {
		metadata.FromContext(ctx)
	}
}

func Example() {
	ctx := metadata.NewContext(context.Background(), metadata.Metadata{"user": "ann"})
	ctx = metadata.Set(ctx, "Request-Id", "7")

	md, _ := metadata.FromContext(ctx)
	user, _ := metadata.Get(ctx, "User")
	fmt.Println(md, user)
	// Output: map[Request-Id:7 User:ann] ann
}
