package main

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// maxFile is the largest file that is read, in bytes. Nobody writes larger ones,
// nor do generators.
const maxFile = 64 << 20

// migration is what is to be done in a folder.
type migration struct {
	paths   paths
	version string

	dir      string
	edits    []edit
	imports  int                 // rewritten
	left     map[string][]string // imports of plugins that are nowhere, and their files
	dropped  []string            // replacements
	vendored []string            // vendor folders
	mentions []string            // lines outside of imports that name go-micro
}

// edit is a file that is to be written.
type edit struct {
	path string
	mode fs.FileMode
	data []byte
}

// plan finds out what is to be done, and writes nothing.
func (m *migration) plan(dir string) error {
	m.dir, m.left = dir, map[string][]string{}
	var modules, works []string
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case e.IsDir():
			return m.enter(path, e.Name())
		case !e.Type().IsRegular():
		case e.Name() == "go.mod":
			modules = append(modules, path)
		case e.Name() == "go.work":
			works = append(works, path)
		case strings.HasSuffix(path, ".go"):
			return m.planGo(path)
		case isScript(e.Name()):
			return m.planMentions(path)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, path := range modules { // when it is known what is still imported
		if err := m.planModule(path); err != nil {
			return err
		}
	}
	for _, path := range works {
		if err := m.planWork(path); err != nil {
			return err
		}
	}
	return nil
}

// enter decides about a folder.
func (m *migration) enter(path, name string) error {
	switch {
	case path == m.dir:
		if _, err := os.Stat(path); err != nil {
			return err
		}
	case name == "vendor":
		m.vendored = append(m.vendored, path)
		return filepath.SkipDir
	case name == "node_modules", strings.HasPrefix(name, "."), strings.HasPrefix(name, "_"):
		return filepath.SkipDir
	}
	return nil
}

func (m *migration) planGo(path string) error {
	src, err := read(path)
	if err != nil {
		return err
	}
	out, found, err := rewriteImports(path, src, m.paths)
	if err != nil {
		return err
	}
	for _, plugin := range found.left {
		m.left[plugin] = append(m.left[plugin], path)
	}
	m.imports += found.changed
	m.mention(path, out, found.left)
	return m.add(path, src, out)
}

func (m *migration) planModule(path string) error {
	data, err := read(path)
	if err != nil {
		return err
	}
	left := make([]string, 0, len(m.left))
	for plugin := range m.left {
		left = append(left, plugin)
	}
	out, dropped, err := rewriteModule(path, data, m.version, left)
	if err != nil {
		return err
	}
	m.drop(path, dropped)
	return m.add(path, data, out)
}

// planWork follows the modules of a workspace.
func (m *migration) planWork(path string) error {
	if len(m.edits) == 0 {
		return nil
	}
	data, err := read(path)
	if err != nil {
		return err
	}
	out, dropped, err := rewriteWork(path, data)
	if err != nil {
		return err
	}
	m.drop(path, dropped)
	return m.add(path, data, out)
}

func (m *migration) drop(path string, dropped []string) {
	for _, d := range dropped {
		m.dropped = append(m.dropped, path+": "+d)
	}
}

func (m *migration) planMentions(path string) error {
	data, err := read(path)
	if err != nil {
		return err
	}
	m.mention(path, data, nil)
	return nil
}

// isScript reports whether a file is one in which builds are described.
func isScript(name string) bool {
	switch filepath.Ext(name) {
	case ".sh", ".mk", ".yml", ".yaml", ".proto":
		return true
	}
	return strings.HasPrefix(name, "Makefile") || strings.Contains(name, "Dockerfile")
}

// mention notes the lines that name a module of go-micro, unless it is in one of
// the imports that are told anyway.
func (m *migration) mention(path string, data []byte, told []string) {
	number := 0
	for line := range bytes.Lines(data) {
		number++
		text := string(bytes.TrimSpace(line))
		if !strings.Contains(text, oldCore) && !strings.Contains(text, "github.com/go-micro/") {
			continue
		}
		if slices.ContainsFunc(told, func(i string) bool { return strings.Contains(text, `"`+i+`"`) }) {
			continue
		}
		m.mentions = append(m.mentions, fmt.Sprintf("%s:%d: %s", path, number, text[:min(len(text), 120)]))
	}
}

// add notes a file that is to be written, if it has changed.
func (m *migration) add(path string, before, after []byte) error {
	if bytes.Equal(before, after) {
		return nil
	}
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	m.edits = append(m.edits, edit{path, info.Mode().Perm(), after})
	return nil
}

func read(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(data) > maxFile {
		err = fmt.Errorf("%s is larger than %d bytes", path, maxFile)
	}
	return data, err
}

// write does what was planned. Each file is replaced as a whole.
func (m *migration) write() error {
	for _, e := range m.edits {
		if err := replace(e); err != nil {
			return fmt.Errorf("%w; run it again to go on", err)
		}
	}
	return nil
}

func replace(e edit) (err error) {
	tmp, err := os.CreateTemp(filepath.Dir(e.path), ".micro-migrate-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(tmp.Name()) //nolint:errcheck // the error that matters is returned
		}
	}()
	_, err = tmp.Write(e.data)
	if closeErr := tmp.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Chmod(tmp.Name(), e.mode)
	}
	if err == nil {
		err = os.Rename(tmp.Name(), e.path)
	}
	return err
}
