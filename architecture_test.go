package micro_test

import (
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

const modulePath = "github.com/justcy/go-micro/v4"

// floors reads the map of docs/architecture.md: patterns of packages by floor.
func floors(t *testing.T) map[string]int {
	t.Helper()
	text, err := os.ReadFile("docs/architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	patterns := map[string]int{}
	for _, row := range regexp.MustCompile(`(?m)^\| (\d+) \|[^|]*\|(.*)\|$`).FindAllStringSubmatch(string(text), -1) {
		floor, _ := strconv.Atoi(row[1])
		for _, p := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(row[2], -1) {
			if patterns[p[1]] != 0 {
				t.Errorf("the map has %s twice", p[1])
			}
			patterns[p[1]] = floor
		}
	}
	if len(patterns) < 50 {
		t.Fatalf("the map has %d entries", len(patterns))
	}
	return patterns
}

// place returns the entry of the map that a package belongs to: its own, or that of
// the nearest folder above with everything below it.
func place(patterns map[string]int, pkg string) (entry string, found bool) {
	if patterns[pkg] != 0 {
		return pkg, true
	}
	for folder := pkg; ; {
		if patterns[folder+"/..."] != 0 {
			return folder + "/...", true
		}
		i := strings.LastIndex(folder, "/")
		if i < 0 {
			return "", false
		}
		folder = folder[:i]
	}
}

var listed = sync.OnceValues(func() ([]byte, error) {
	return exec.Command("go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, "./...").Output()
})

// imports returns the imports within the module of every package of the library.
func imports(t *testing.T) map[string][]string {
	t.Helper()
	out, err := listed()
	if err != nil {
		t.Fatal(err)
	}
	graph := map[string][]string{}
	for line := range strings.Lines(string(out)) {
		var within []string
		for _, path := range strings.Fields(line) {
			if rest, ok := strings.CutPrefix(path, modulePath); ok {
				within = append(within, strings.TrimPrefix(rest, "/"))
			}
		}
		pkg := within[0]
		if strings.HasPrefix(pkg, "cmd/") || strings.HasPrefix(pkg, "examples/") || pkg == "examples" {
			continue
		}
		graph[pkg] = within[1:]
	}
	return graph
}

func named(pkg string) string {
	if pkg == "" {
		return "."
	}
	return pkg
}

func TestPackagesStandOnTheFloorsBelow(t *testing.T) {
	patterns, used := floors(t), map[string]bool{}
	for pkg, imported := range imports(t) {
		at, found := place(patterns, named(pkg))
		if !found {
			t.Errorf("%s is not in the map of docs/architecture.md", pkg)
			continue
		}
		used[at] = true
		for _, other := range imported {
			if below, found := place(patterns, named(other)); found && patterns[below] > patterns[at] {
				t.Errorf("%s, on floor %d, imports %s, on floor %d", pkg, patterns[at], other, patterns[below])
			}
		}
	}
	for p := range patterns {
		if !used[p] {
			t.Errorf("the map of docs/architecture.md has %s, which is no package", p)
		}
	}
}

func TestClientAndServerDoNotKnowEachOther(t *testing.T) {
	graph := imports(t)
	for a, b := range map[string]string{"client": "server", "server": "client"} {
		if slices.Contains(graph[a], b) {
			t.Errorf("%s imports %s", a, b)
		}
	}
}

// Who imports a driver links its backend.
func TestOnlyProgramsImportDrivers(t *testing.T) {
	driver := regexp.MustCompile(`^(cache|store|sync)/(cockroach|file|nats|nats-js-kv|redis)$`)
	for pkg, imported := range imports(t) {
		for _, other := range imported {
			if driver.MatchString(other) {
				t.Errorf("%s imports %s", pkg, other)
			}
		}
	}
}

// The ways through the house name files: a reader must find them.
func TestFilesOfTheArchitectureAreThere(t *testing.T) {
	text, err := os.ReadFile("docs/architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	folders := []string{".", "client", "config", "config/loader/memory", "internal/mux", "server", "transport", "util/cmd"}
	for _, name := range regexp.MustCompile("`([\\w./-]+\\.go)`").FindAllStringSubmatch(string(text), -1) {
		there := slices.ContainsFunc(folders, func(folder string) bool {
			_, err := os.Stat(folder + "/" + name[1])
			return err == nil
		})
		if !there {
			t.Errorf("there is no file %s", name[1])
		}
	}
}
