package file_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/store"
	"github.com/justcy/go-micro/v4/store/file"
)

// writeVariable makes the test binary a process that writes to the folder until
// it is killed.
const writeVariable = "MICRO_TEST_WRITE"

// kills is how often the process that writes is killed.
const kills = 100

var exampleDir string

func TestMain(m *testing.M) {
	if dir := os.Getenv(writeVariable); dir != "" {
		fmt.Println(writeForEver(dir))
		os.Exit(3)
	}
	var err error
	if exampleDir, err = os.MkdirTemp("", "file"); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	testkit.Main(m, func() { os.RemoveAll(exampleDir) })
}

// writeForEver has 16 goroutines write and delete records of their own, each with
// a growing number, and prints each operation before it begins and when it has
// returned.
func writeForEver(dir string) error {
	s := file.NewStore(file.DirOption(dir))
	failed := make(chan error)
	for w := range 16 {
		go func() {
			for n := time.Now().UnixNano(); ; n++ {
				if err := operate(s, fmt.Sprintf("%02d-%d", w, n%5), n); err != nil {
					failed <- err
				}
			}
		}()
	}
	return <-failed
}

func operate(s store.Store, key string, n int64) error {
	if n%7 == 0 {
		say("begin %s 0\n", key)
		if err := s.Delete(key); err != nil {
			return err
		}
		say("done %s 0\n", key)
		return nil
	}
	say("begin %s %d\n", key, n)
	if err := s.Write(&store.Record{Key: key, Value: numbered(n)}); err != nil {
		return err
	}
	say("done %s %d\n", key, n)
	return nil
}

var output sync.Mutex

func say(format string, args ...any) {
	output.Lock()
	defer output.Unlock()
	fmt.Printf(format, args...)
}

// numbered returns the value of the operation of that number.
func numbered(n int64) []byte { return fmt.Append(nil, n, strings.Repeat("x", int(n%2000))) }

// outcomes are the numbers of the operations that may have been the last on a key;
// 0 means that it has no record. The first is the last that has returned.
type outcomes []int64

func TestWhatWasWrittenSurvivesSIGKILL(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	last := map[string]outcomes{}
	for round := range kills {
		killWriter(t, dir, rand.IntN(400), last)
		checkRecords(t, dir, last)
		if t.Failed() {
			t.Fatalf("in round %d", round)
		}
	}
	if len(last) != 16*5 {
		t.Errorf("%d keys were written", len(last))
	}
	checkFile(t, filepath.Join(dir, "micro", "micro.db"))
}

// killWriter runs a process that writes, and kills it when it has said so much.
func killWriter(t *testing.T, dir string, lines int, last map[string]outcomes) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), writeVariable+"="+dir)
	cmd.Stderr = os.Stderr
	output, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	stalled := time.AfterFunc(5*time.Minute, func() { _ = cmd.Process.Kill() })
	defer stalled.Stop()
	said := 0
	for reader := bufio.NewReader(output); ; said++ {
		if said == lines {
			_ = cmd.Process.Kill()
		}
		line, err := reader.ReadString('\n')
		if errors.Is(err, io.EOF) {
			break // half a line says nothing
		}
		must(t, err)
		note(t, line, last)
	}
	if err := cmd.Wait(); err == nil || said < lines {
		t.Fatalf("the process ended by itself when it had said %d lines: %v", said, err)
	}
}

func note(t *testing.T, line string, last map[string]outcomes) {
	t.Helper()
	var word, key string
	var number int64
	if _, err := fmt.Sscanf(line, "%s %s %d\n", &word, &key, &number); err != nil {
		t.Fatalf("the process says %q", line)
	}
	if word == "done" {
		last[key] = outcomes{number}
		return
	}
	if last[key] == nil {
		last[key] = outcomes{0}
	}
	last[key] = append(last[key], number)
}

// checkRecords checks that every operation that has returned was carried out, in
// whole.
func checkRecords(t *testing.T, dir string, last map[string]outcomes) {
	t.Helper()
	s := file.NewStore(file.DirOption(dir))
	defer s.Close()
	for key, possible := range last {
		records, err := s.Read(key)
		if errors.Is(err, store.ErrNotFound) {
			if !slices.Contains(possible, 0) {
				t.Errorf("%s is gone, and %v was written to it", key, possible)
			}
			continue
		}
		must(t, err)
		if !slices.ContainsFunc(possible, func(n int64) bool { return bytes.Equal(records[0].Value, numbered(n)) }) {
			t.Errorf("%s has %.40q, and %v was written to it", key, records[0].Value, possible)
		}
	}
}

func checkFile(t *testing.T, path string) {
	t.Helper()
	db, err := bolt.Open(path, 0o600, &bolt.Options{Timeout: time.Minute})
	must(t, err)
	defer db.Close()
	must(t, db.View(func(tx *bolt.Tx) error {
		for err := range tx.Check() {
			t.Error(err)
		}
		return nil
	}))
}
