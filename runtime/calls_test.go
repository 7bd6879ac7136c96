//go:build unix

package runtime_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	goruntime "runtime"
	"strings"
	"sync"
	"testing"

	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/runtime"
)

func TestCallsEndWithTheirContext(t *testing.T) {
	r, _ := newRuntime(t)
	ctx, cancel := context.WithCancel(t.Context())
	stubborn := create(t, r, &runtime.Service{Name: "a"}, `trap '' TERM; echo up; while :; do sleep 0.1; done`)
	stubborn.await(t, "up")
	deleted := make(chan error)
	go func() { deleted <- r.Delete(&runtime.Service{Name: "a"}, runtime.DeleteContext(ctx)) }()
	awaitStatus(t, r, "stopping")
	other, cancelOther := context.WithCancel(t.Context())
	cancelOther()
	if err := r.Update(&runtime.Service{Name: "a"}, runtime.UpdateContext(other)); !errors.Is(err, context.Canceled) {
		t.Errorf("an update that waits returned %v", err)
	}
	cancel() // the rest of the grace period is not waited for
	if err := <-deleted; err != nil {
		t.Error(err)
	}
	if err := r.Create(&runtime.Service{Name: "b"}, runtime.CreateContext(ctx)); !errors.Is(err, context.Canceled) {
		t.Errorf("Create returned %v", err)
	}
	if _, err := r.Read(runtime.ReadContext(ctx)); !errors.Is(err, context.Canceled) {
		t.Errorf("Read returned %v", err)
	}
}

func TestStopEndsWhatIsBeingFetched(t *testing.T) {
	r, dir := newRuntime(t)
	bin := scripted(t, "git")
	created := make(chan error)
	go func() { created <- r.Create(&runtime.Service{Name: "a", Source: "github.com/o/r"}) }()
	testkit.Eventually(t, "git was asked", func() bool { return exists(filepath.Join(bin, "asked")) })
	if err := r.Stop(); err != nil {
		t.Error(err)
	}
	if err := <-created; !errors.Is(err, context.Canceled) {
		t.Errorf("Create returned %v", err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*")); len(left) != 1 { // the logs
		t.Errorf("left %v", left)
	}
}

// scripted puts a program first on PATH that says when it was asked, in the file
// that is returned, waits for the file "go" beside it, and fails.
func scripted(t *testing.T, name string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	script := "#!/bin/sh\ncd " + dir + "\necho > asked\nuntil [ -e go ]; do sleep 0.05; done\nexit 1\n"
	if err := os.WriteFile(filepath.Join(dir, name), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+string(filepath.ListSeparator)+os.Getenv("PATH"))
	return dir
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// While a Create is in progress others wait for it. When it fails there is nothing
// that they could start.
func TestNothingStartsAServiceThatCouldNotBeCreated(t *testing.T) {
	r, _ := newRuntime(t)
	bin := scripted(t, "git")
	s := &runtime.Service{Name: "a", Source: "github.com/o/r"}
	folder, created, updated := t.TempDir(), make(chan error), make(chan error)
	go func() { created <- r.Create(s, runtime.WithCommand("sleep", "1000")) }()
	testkit.Eventually(t, "git was asked", func() bool { return exists(filepath.Join(bin, "asked")) })
	go func() { updated <- r.Update(&runtime.Service{Name: "a", Source: folder}) }()
	testkit.Eventually(t, "the update waits", func() bool { return waiting() == 1 })
	if err := r.Start(); err != nil { // which finds a service that does not run
		t.Fatal(err)
	}
	testkit.Eventually(t, "what starts it again waits", func() bool { return waiting() == 2 })
	if err := os.WriteFile(filepath.Join(bin, "go"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := <-created; err == nil || s.Metadata["status"] != "error" || !strings.Contains(err.Error(), s.Metadata["error"]) {
		t.Errorf("Create returned %v, the metadata is %v", err, s.Metadata)
	}
	if err := <-updated; err == nil || !strings.Contains(err.Error(), "could not be started") {
		t.Errorf("Update returned %v", err)
	}
	if all, _ := r.Read(); len(all) != 0 {
		t.Errorf("left %v", all)
	}
}

// A Delete that waited for another one does not forget the service that was created
// after it.
func TestADeleteThatComesLateLeavesTheNextServiceAlone(t *testing.T) {
	r, _ := newRuntime(t)
	s := &runtime.Service{Name: "a"}
	for range 10 {
		end := filepath.Join(t.TempDir(), "end")
		create(t, r, s, `trap 'until [ -e `+end+` ]; do sleep 0.01; done; exit' TERM; echo up; while :; do sleep 0.01; done`).await(t, "up")
		var deletes sync.WaitGroup
		for range 3 {
			deletes.Go(func() {
				if err := r.Delete(&runtime.Service{Name: "a"}); err != nil {
					t.Error(err)
				}
			})
		}
		testkit.Eventually(t, "two of them wait", func() bool { return waiting() == 2 })
		if err := os.WriteFile(end, nil, 0o644); err != nil {
			t.Fatal(err)
		}
		for errors.Is(r.Create(s, runtime.WithCommand("sh", "-c", sleep)), runtime.ErrAlreadyExists) {
		}
		deletes.Wait()
		awaitStatus(t, r, "running")
		if err := r.Delete(s); err != nil {
			t.Fatal(err)
		}
	}
}

// waiting returns how many calls wait for others that work on the same service.
func waiting() int { return within("(*service).enter(") }

// within returns how many goroutines are in a function.
func within(function string) int {
	stacks := make([]byte, 1<<20)
	return bytes.Count(stacks[:goruntime.Stack(stacks, true)], []byte(function))
}
