package cmd_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// registered is how a package makes its implementation known.
var registered = regexp.MustCompile(`cmd\.Default(Auths|Brokers|Clients|Configs|Profiles|Registries|Runtimes|Selectors|Servers|Stores|Tracers|Transports)\["([a-z0-9-]+)"\] = `)

// flags are the flags that choose from the maps.
var flags = map[string]string{
	"Auths": "auth", "Brokers": "broker", "Clients": "client", "Configs": "config", "Profiles": "profile", "Registries": "registry",
	"Runtimes": "runtime", "Selectors": "selector", "Servers": "server", "Stores": "store", "Tracers": "tracer", "Transports": "transport",
}

func TestAnUnknownNameTellsWhatToImport(t *testing.T) {
	const root = "../.."
	found := 0
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, r := range registered.FindAllStringSubmatch(string(text), -1) {
			found++
			folder, err := filepath.Rel(root, filepath.Dir(path))
			if err != nil {
				return err
			}
			provider := "github.com/justcy/go-micro/v4/" + filepath.ToSlash(folder)
			if plugin, ok := strings.CutPrefix(filepath.ToSlash(folder), "plugins/"); ok {
				provider = "github.com/justcy/go-micro/plugins/v4/" + plugin
			}
			err = newParts(t).run(t, nil, "--"+flags[r[1]], r[2])
			if err == nil || !strings.Contains(err.Error(), "import "+provider+" to make it known") {
				t.Errorf("--%s %s: %v; want it to name %s", flags[r[1]], r[2], err, provider)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if found < 5 {
		t.Errorf("%d packages make something known", found)
	}
}

func TestANameOfAPluginThatIsNotHereTellsWhereToReadHowToUseIt(t *testing.T) {
	err := newParts(t).run(t, nil, "--registry", "consul")
	if err == nil || !strings.Contains(err.Error(), "docs/migrating.md") {
		t.Errorf("got %v", err)
	}
}
