package options_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// ownLoop is a loop that applies options without the ones of this package.
var ownLoop = regexp.MustCompile(`for _, (\w+) := range \w*[oO]pt\w* \{\s+(?:if \w+ != nil \{\s+)?(\w+)\(&?[\w.]+\)\n`)

// elsewhere are the folders of other modules and programs, and that of the loop.
var elsewhere = []string{"plugins", "bench", "integration", "internal/options", "cmd/micro-migrate/testdata"}

func TestOptionsAreAppliedByOneLoop(t *testing.T) {
	const root = "../.."
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		for _, folder := range elsewhere {
			if filepath.ToSlash(name) == folder {
				return fs.SkipDir
			}
		}
		if d.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if found := ownLoop.FindSubmatch(text); found != nil && string(found[1]) == string(found[2]) {
			t.Errorf("%s applies options by a loop of its own:\n%s", name, found[0])
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
