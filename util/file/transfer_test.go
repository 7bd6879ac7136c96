package file_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/justcy/go-micro/v4/broker"
	"github.com/justcy/go-micro/v4/client"
	"github.com/justcy/go-micro/v4/registry"
	"github.com/justcy/go-micro/v4/server"
	"github.com/justcy/go-micro/v4/util/file"
	proto "github.com/justcy/go-micro/v4/util/file/proto"
)

func TestFilesOfAnySizeArriveWhole(t *testing.T) {
	files, dir := newFiles(t)
	local := t.TempDir()
	for _, size := range []int{0, 1, file.BlockSize - 1, file.BlockSize, file.BlockSize + 1, 3*file.BlockSize + 17, 24 << 20} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			data := content(size)
			from := put(t, data, local, "from")
			must(t, files.Upload(from, "there"))
			wantFile(t, data, dir, "there")
			must(t, files.Download("there", filepath.Join(local, "to")))
			wantFile(t, data, local, "to")
		})
	}
}

func TestFilesTravelOverJSON(t *testing.T) {
	dir, local, reg := t.TempDir(), t.TempDir(), registry.NewMemoryRegistry()
	serve(t, reg, file.NewLimitedHandler(dir))
	files := file.New("files", newClient(t, reg, client.ContentType("application/json")))
	data := content(file.BlockSize + 5)
	must(t, files.Upload(put(t, data, local, "from"), "there"))
	must(t, files.Download("there", filepath.Join(local, "to")))
	wantFile(t, data, local, "to")
}

func TestRegisterHandlerServesTheFolder(t *testing.T) {
	dir, reg := t.TempDir(), registry.NewMemoryRegistry()
	s := server.NewServer(server.Name("files"), server.Address("127.0.0.1:0"), server.Registry(reg), server.Broker(broker.NewMemoryBroker()))
	file.RegisterHandler(s, dir)
	start(t, s)
	files := file.New("files", newClient(t, reg))
	local := t.TempDir()
	must(t, files.Upload(put(t, []byte("hello"), local, "a"), "b"))
	wantFile(t, []byte("hello"), dir, "b")
}

func TestUploadReplacesALongerFile(t *testing.T) {
	files, dir := newFiles(t)
	put(t, content(2*file.BlockSize), dir, "f")
	must(t, files.Upload(put(t, []byte("new"), t.TempDir(), "f"), "f"))
	wantFile(t, []byte("new"), dir, "f")
}

func TestDownloadReplacesALongerFile(t *testing.T) {
	files, dir := newFiles(t)
	put(t, []byte("new"), dir, "f")
	local := put(t, content(2*file.BlockSize), t.TempDir(), "f")
	must(t, files.Download("f", local))
	wantFile(t, []byte("new"), local)
}

func TestADownloadGoesOnWhereItEnded(t *testing.T) {
	files, dir := newFiles(t)
	data := content(3*file.BlockSize + 9)
	put(t, data, dir, "f")
	for _, blocks := range []int{0, 1, 3} {
		partial := append(bytes.Clone(data[:blocks*file.BlockSize]), "torn block"...)
		local := put(t, partial, t.TempDir(), "f")
		must(t, files.DownloadAt("f", local, blocks))
		wantFile(t, data, local)
	}
	whole := put(t, data[:2*file.BlockSize], dir, "even")
	local := put(t, data[:2*file.BlockSize], t.TempDir(), "even")
	must(t, files.DownloadAt("even", local, 2))
	wantFile(t, data[:2*file.BlockSize], whole)
	wantFile(t, data[:2*file.BlockSize], local)
}

func TestWhatCannotBeDownloadedLeavesTheLocalFileAlone(t *testing.T) {
	files, dir := newFiles(t)
	must(t, os.Mkdir(filepath.Join(dir, "folder"), 0o755))
	put(t, []byte("short"), dir, "f")
	local := put(t, []byte("mine"), t.TempDir(), "mine")
	for name, try := range map[string]func() error{
		"missing":        func() error { return files.Download("missing", local) },
		"folder":         func() error { return files.Download("folder", local) },
		"past the end":   func() error { return files.DownloadAt("f", local, 1) },
		"negative block": func() error { return files.DownloadAt("f", local, -1) },
		"huge block":     func() error { return files.DownloadAt("f", local, 1<<62) },
	} {
		if err := try(); err == nil {
			t.Errorf("%s: no error", name)
		}
		wantFile(t, []byte("mine"), local)
	}
	if err := files.Download("folder", local); err == nil || err.Error() != "folder is directory" {
		t.Errorf("got %v", err)
	}
	if found, err := file.Exists(filepath.Join(dir, "missing")); found || err != nil {
		t.Errorf("the download made the file: %v, %v", found, err)
	}
}

func TestWhatCannotBeReadIsNotUploaded(t *testing.T) {
	files, dir := newFiles(t)
	put(t, []byte("old"), dir, "old")
	for _, local := range []string{t.TempDir(), filepath.Join(t.TempDir(), "missing")} {
		if err := files.Upload(local, "old"); err == nil {
			t.Errorf("%s was uploaded", local)
		}
		wantFile(t, []byte("old"), dir, "old")
	}
}

func TestTransfersAtTheSameTimeDoNotMix(t *testing.T) {
	files, dir := newFiles(t)
	local := t.TempDir()
	var group sync.WaitGroup
	for i := range 16 {
		group.Go(func() {
			name := fmt.Sprint("f", i)
			data := content(file.BlockSize + i)
			err := os.WriteFile(filepath.Join(local, name), data, 0o644)
			err = errors.Join(err, files.Upload(filepath.Join(local, name), name))
			err = errors.Join(err, files.Download(name, filepath.Join(local, name+".back")))
			check(t, err)
		})
	}
	group.Wait()
	for i := range 16 {
		wantFile(t, content(file.BlockSize+i), dir, fmt.Sprint("f", i))
		wantFile(t, content(file.BlockSize+i), local, fmt.Sprint("f", i, ".back"))
	}
}

func TestATransferStaysWithTheNodeThatBeganIt(t *testing.T) {
	reg := registry.NewMemoryRegistry()
	dirs := []string{t.TempDir(), t.TempDir(), t.TempDir()}
	for i, dir := range dirs {
		serve(t, reg, file.NewLimitedHandler(dir))
		put(t, content(4*file.BlockSize+i), dir, "f")
	}
	if list, err := reg.GetService("files"); err != nil || len(list) != 1 || len(list[0].Nodes) != len(dirs) {
		t.Fatalf("got %v, %v", list, err)
	}
	files := file.New("files", newClient(t, reg))
	for range 6 {
		local := filepath.Join(t.TempDir(), "f")
		must(t, files.Download("f", local))
		info, err := os.Stat(local)
		must(t, err)
		wantFile(t, content(int(info.Size())), local)
		must(t, files.Upload(local, "copy"))
	}
}

// lying answers reads with what it likes.
type lying struct {
	proto.FileHandler
	rsp    *proto.ReadResponse
	closed atomic.Int32
}

func (l *lying) Read(_ context.Context, _ *proto.ReadRequest, rsp *proto.ReadResponse) error {
	rsp.Data, rsp.Size, rsp.Eof = l.rsp.Data, l.rsp.Size, l.rsp.Eof
	return nil
}

func (l *lying) Close(ctx context.Context, req *proto.CloseRequest, rsp *proto.CloseResponse) error {
	l.closed.Add(1)
	return l.FileHandler.Close(ctx, req, rsp)
}

func TestAServiceThatLiesEndsTheDownload(t *testing.T) {
	for name, rsp := range map[string]*proto.ReadResponse{
		"more than asked for":   {Data: make([]byte, file.BlockSize+1)},
		"nothing, without end":  {},
		"an end before the end": {Data: []byte("short"), Eof: true},
	} {
		t.Run(name, func(t *testing.T) {
			dir, reg := t.TempDir(), registry.NewMemoryRegistry()
			put(t, content(100), dir, "f")
			h := file.NewLimitedHandler(dir)
			t.Cleanup(func() { check(t, h.Shutdown()) })
			l := &lying{FileHandler: h, rsp: rsp}
			serve(t, reg, l)
			files := file.New("files", newClient(t, reg))
			if err := files.Download("f", filepath.Join(t.TempDir(), "f")); err == nil {
				t.Error("no error")
			}
			if l.closed.Load() != 1 {
				t.Errorf("%d sessions were closed, want 1", l.closed.Load())
			}
		})
	}
}

// unending does not end sessions.
type unending struct{ proto.FileHandler }

func (unending) Close(context.Context, *proto.CloseRequest, *proto.CloseResponse) error {
	return errors.New("not now")
}

func TestATransferIsForgottenAlthoughItsSessionCannotBeEnded(t *testing.T) {
	dir, reg := t.TempDir(), registry.NewMemoryRegistry()
	local := put(t, []byte("hello"), t.TempDir(), "f")
	h := file.NewLimitedHandler(dir)
	t.Cleanup(func() { check(t, h.Shutdown()) })
	serve(t, reg, unending{h})
	files := file.New("files", newClient(t, reg))
	if err := files.Upload(local, "f"); err == nil || !strings.Contains(err.Error(), "not now") {
		t.Errorf("got %v", err)
	}
	must(t, files.Download("f", local))
	if n := file.Sessions(files); n != 0 {
		t.Errorf("%d sessions are remembered", n)
	}
}

func TestReadsReturnWhatIsThere(t *testing.T) {
	files, dir := newFiles(t)
	data := content(2*file.BlockSize + 10)
	put(t, data, dir, "f")
	id, err := files.Open("f", false)
	must(t, err)
	defer func() { check(t, files.Close(id)) }()
	for _, c := range []struct {
		name         string
		offset, size int64
		want         []byte
		err          error
	}{
		{"beginning", 0, 10, data[:10], nil},
		{"middle", 100, file.BlockSize, data[100 : 100+file.BlockSize], nil},
		{"several blocks", 5, 2 * file.BlockSize, data[5 : 5+2*file.BlockSize], nil},
		{"more than there is", 5, 1 << 40, data[5:], io.EOF},
		{"behind the end", 1 << 40, 10, nil, io.EOF},
		{"nothing", 0, 0, nil, nil},
	} {
		got, err := files.ReadAt(id, c.offset, c.size)
		if !bytes.Equal(got, c.want) || err != c.err {
			t.Errorf("%s: %d bytes, %v; want %d, %v", c.name, len(got), err, len(c.want), c.err)
		}
	}
	if got, err := files.GetBlock(id, 1); !bytes.Equal(got, data[file.BlockSize:2*file.BlockSize]) || err != nil {
		t.Errorf("block 1: %d bytes, %v", len(got), err)
	}
	if got, err := files.GetBlock(id, 2); !bytes.Equal(got, data[2*file.BlockSize:]) || err != io.EOF {
		t.Errorf("block 2: %d bytes, %v", len(got), err)
	}
	for _, block := range []int64{-1, 1 << 60} {
		if got, err := files.GetBlock(id, block); err == nil || err == io.EOF || got != nil {
			t.Errorf("block %d: %d bytes, %v", block, len(got), err)
		}
	}
}

func TestReadReturnsDataTogetherWithTheEndOfTheFile(t *testing.T) {
	files, dir := newFiles(t)
	put(t, []byte("hello"), dir, "f")
	id, err := files.Open("f", false)
	must(t, err)
	buf := make([]byte, 3, 100)
	if n, err := files.Read(id, buf); n != 3 || err != nil || string(buf) != "hel" {
		t.Errorf("got %d, %v, %q: the length counts, not the capacity", n, err, buf)
	}
	buf = buf[:100]
	if n, err := files.Read(id, buf); n != 5 || err != io.EOF || string(buf[:5]) != "hello" {
		t.Errorf("got %d, %v, %q", n, err, buf)
	}
	must(t, files.Close(id))
}

func TestBytesAreWrittenAtTheirOffset(t *testing.T) {
	files, dir := newFiles(t)
	put(t, []byte("hello world"), dir, "f")
	id, err := files.Open("f", false)
	must(t, err)
	must(t, files.Write(id, 6, []byte("there")))
	big := content(20 << 20) // more than a message holds
	must(t, files.Write(id, 11, big))
	must(t, files.Write(id, 0, nil))
	must(t, files.Close(id))
	wantFile(t, append([]byte("hello there"), big...), dir, "f")
}

func TestStatDescribesFilesAndFolders(t *testing.T) {
	files, dir := newFiles(t)
	name := put(t, []byte("hello"), dir, "f")
	info, err := os.Stat(name)
	must(t, err)
	rsp, err := files.Stat("f")
	must(t, err)
	if rsp.Type != "File" || rsp.Size != 5 || rsp.LastModified != info.ModTime().Unix() {
		t.Errorf("got %v", rsp)
	}
	for _, name := range []string{"", "."} {
		if rsp, err := files.Stat(name); err != nil || rsp.Type != "Directory" || rsp.Size != 0 {
			t.Errorf("%q: got %v, %v", name, rsp, err)
		}
	}
	_, err = files.Stat("missing")
	wantError(t, err, "go.micro.srv.file", `stat "missing": no such file or directory`)
	if _, err = files.Stat("f/below"); err == nil || !strings.Contains(err.Error(), "not a directory") {
		t.Errorf("got %v", err)
	}
}

func TestExistsIsTrueAlsoWhenItCannotBeTold(t *testing.T) {
	dir := t.TempDir()
	name := put(t, nil, dir, "f")
	for path, want := range map[string]bool{name: true, dir: true, filepath.Join(dir, "no"): false} {
		if got, err := file.Exists(path); got != want || err != nil {
			t.Errorf("%s: %v, %v", path, got, err)
		}
	}
	if got, err := file.Exists(filepath.Join(name, "below")); !got || err == nil {
		t.Errorf("what cannot be told is %v, %v; want true and an error", got, err)
	}
}
