package source_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/justcy/go-micro/v4/runtime/local/source"
)

func TestOptionsDefaultToTheTemporaryFolder(t *testing.T) {
	if o := source.NewOptions(nil); o.Path != os.TempDir() || o.Context == nil {
		t.Errorf("got %+v", o)
	}
	ctx := context.WithoutCancel(t.Context())
	if o := source.NewOptions(source.Path("x"), source.Context(ctx)); o.Path != "x" || o.Context != ctx {
		t.Errorf("got %+v", o)
	}
}

func TestCodeStaysBelowThePath(t *testing.T) {
	o := source.NewOptions(source.Path("/p"))
	for url, want := range map[string]string{
		"https://example.com/a": "example.com/a", "example.com/a/": "example.com/a", "file:///x/y": "x/y", "a:b": "a:b",
	} {
		if got, err := o.Folder(url); got != filepath.Join("/p", want) || err != nil {
			t.Errorf("%s is at %s, %v", url, got, err)
		}
	}
	for _, bad := range []string{"", "https://", "../x", "https://../x", "a/../../x", "-x", "https://-x", ".", "a\x00"} {
		if got, err := o.Folder(bad); err == nil {
			t.Errorf("%q is at %s", bad, got)
		}
	}
}
