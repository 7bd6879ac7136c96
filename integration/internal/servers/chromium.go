package servers

import (
	"os/exec"
	"strings"
	"testing"
)

// Chromium returns the path of a browser.
func Chromium(t testing.TB) string { t.Helper(); return chromium.need(t) }

func findChromium(b *Backend) (stop func()) {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		path, err := exec.LookPath(name)
		if err != nil {
			continue
		}
		version, err := exec.Command(path, "--version").Output()
		if err != nil {
			continue
		}
		b.is(Real, path, strings.TrimSpace(string(version)))
		return nil
	}
	b.is(Absent, "", "there is no chromium on the PATH")
	return nil
}
