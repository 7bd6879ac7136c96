package file_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"
	mathrand "math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/justcy/go-micro/v4/broker"
	"github.com/justcy/go-micro/v4/client"
	merrors "github.com/justcy/go-micro/v4/errors"
	"github.com/justcy/go-micro/v4/registry"
	"github.com/justcy/go-micro/v4/server"
	"github.com/justcy/go-micro/v4/util/file"
	proto "github.com/justcy/go-micro/v4/util/file/proto"
)

// serve starts a node of the service "files" over TCP.
func serve(t testing.TB, reg registry.Registry, hdlr proto.FileHandler) {
	t.Helper()
	s := server.NewServer(
		server.Name("files"),
		server.Id(rand.Text()), // its own, or the nodes of a test are one
		server.Address("127.0.0.1:0"),
		server.Registry(reg),
		server.Broker(broker.NewMemoryBroker()),
	)
	if err := proto.RegisterFileHandler(s, hdlr); err != nil {
		t.Fatal(err)
	}
	start(t, s)
	if h, ok := hdlr.(*file.Handler); ok {
		t.Cleanup(func() { check(t, h.Shutdown()) })
	}
}

func start(t testing.TB, s server.Server) {
	t.Helper()
	check(t, s.Start())
	t.Cleanup(func() { check(t, s.Stop()) })
}

func newClient(t testing.TB, reg registry.Registry, opts ...client.Option) client.Client {
	t.Helper()
	c := client.NewClient(append([]client.Option{client.Registry(reg), client.ContentType("application/protobuf"), client.Broker(broker.NewMemoryBroker())}, opts...)...)
	if closer, ok := c.(io.Closer); ok {
		t.Cleanup(func() { check(t, closer.Close()) })
	}
	return c
}

// newFiles returns a client of a node that serves a new folder, and the folder.
func newFiles(t testing.TB, opts ...file.Option) (file.File, string) {
	t.Helper()
	dir := t.TempDir()
	reg := newRegistry()
	serve(t, reg, file.NewLimitedHandler(dir, opts...))
	return file.New("files", newClient(t, reg)), dir
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// content returns n bytes that do not repeat.
func content(n int) []byte {
	r := mathrand.NewChaCha8([32]byte{byte(n), byte(n >> 8)})
	b := make([]byte, n)
	_, _ = r.Read(b)
	return b
}

func put(t testing.TB, data []byte, path ...string) string {
	t.Helper()
	name := filepath.Join(path...)
	must(t, os.WriteFile(name, data, 0o644))
	return name
}

func wantFile(t testing.TB, want []byte, path ...string) {
	t.Helper()
	got, err := os.ReadFile(filepath.Join(path...))
	must(t, err)
	if !bytes.Equal(got, want) {
		t.Errorf("%s has %d bytes, which are not the %d wanted", path, len(got), len(want))
	}
}

// wantError fails t unless err is a coded error with the id and the detail.
func wantError(t testing.TB, err error, id, detail string) {
	t.Helper()
	var e *merrors.Error
	if !errors.As(err, &e) || e.Code != 500 || e.Id != id || e.Detail != detail {
		t.Errorf("got %v, want %s: %s", err, id, detail)
	}
}

// direct makes calls without a network.
type direct struct{ h *file.Handler }

func (d direct) open(name string, truncate bool) (int64, error) {
	var rsp proto.OpenResponse
	err := d.h.Open(context.Background(), &proto.OpenRequest{Filename: name, Truncate: truncate}, &rsp)
	return rsp.Id, err
}

func (d direct) read(id, offset, size int64) (*proto.ReadResponse, error) {
	var rsp proto.ReadResponse
	err := d.h.Read(context.Background(), &proto.ReadRequest{Id: id, Offset: offset, Size: size}, &rsp)
	return &rsp, err
}

func (d direct) write(id, offset int64, data []byte) error {
	return d.h.Write(context.Background(), &proto.WriteRequest{Id: id, Offset: offset, Data: data}, &proto.WriteResponse{})
}

func (d direct) close(id int64) error {
	return d.h.Close(context.Background(), &proto.CloseRequest{Id: id}, &proto.CloseResponse{})
}

func newDirect(t testing.TB, dir string, opts ...file.Option) direct {
	h := file.NewLimitedHandler(dir, opts...)
	t.Cleanup(func() { check(t, h.Shutdown()) })
	return direct{h}
}

func newRegistry() registry.Registry { return registry.NewMemoryRegistry() }
