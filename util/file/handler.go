package file

import (
	"context"
	stderrors "errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/justcy/go-micro/v4/errors"
	"github.com/justcy/go-micro/v4/logger"
	"github.com/justcy/go-micro/v4/server"
	proto "github.com/justcy/go-micro/v4/util/file/proto"
)

const (
	// openID and fileID are the ids of the errors of Open and of the others.
	openID = "go.micro.server"
	fileID = "go.micro.srv.file"

	notOpen = "You must call open first."

	// maxName is how many bytes a name may have.
	maxName = 4096

	// maxRead is how many bytes one call reads at most. With the cost of base64
	// in JSON it is below what a message may have by default.
	maxRead = 8 << 20
)

// Handler serves the files below a folder. The folder may be made later than
// the handler.
type Handler struct {
	dir      string
	maxSize  int64
	sessions sessions
}

var _ proto.FileHandler = (*Handler)(nil)

// NewHandler returns a *Handler of the folder with the default limits.
func NewHandler(readDir string) proto.FileHandler {
	return NewLimitedHandler(readDir)
}

// NewLimitedHandler returns a handler of the folder with limits of its own. An
// empty name is the working directory.
func NewLimitedHandler(dir string, opts ...Option) *Handler {
	if dir == "" {
		dir = "."
	}
	o := newOptions(opts)
	return &Handler{
		dir:      dir,
		maxSize:  o.MaxFileSize,
		sessions: sessions{limit: o.MaxSessions, idle: o.IdleTimeout, byID: make(map[int64]*session)},
	}
}

// RegisterHandler serves the files below readDir on s, with the default limits.
// That s refuses the handler is logged.
func RegisterHandler(s server.Server, readDir string) {
	if err := proto.RegisterFileHandler(s, NewHandler(readDir)); err != nil {
		log := s.Options().Logger
		if log == nil {
			log = logger.DefaultLogger
		}
		log.Logf(logger.ErrorLevel, "file: serve %s: %v", readDir, err)
	}
}

// Shutdown ends all sessions and refuses new ones. Call it when the server has
// stopped; without it the sessions expire.
func (h *Handler) Shutdown() error { return h.sessions.shutdown() }

// Open starts a session, as [File] says.
func (h *Handler) Open(_ context.Context, req *proto.OpenRequest, rsp *proto.OpenResponse) error {
	id, err := h.open(req.GetFilename(), req.GetTruncate())
	if err != nil {
		return failure(openID, "open", req.GetFilename(), err)
	}
	rsp.Id, rsp.Result = id, true
	return nil
}

func (h *Handler) open(name string, truncate bool) (int64, error) {
	if err := h.sessions.reserve(); err != nil {
		return 0, err
	}
	f, err := h.openFile(name, truncate)
	if err != nil {
		h.sessions.release()
		return 0, err
	}
	id, err := h.sessions.add(f, name)
	if err != nil {
		h.sessions.release()
		return 0, stderrors.Join(err, f.Close())
	}
	return id, nil
}

func (h *Handler) openFile(name string, truncate bool) (*os.File, error) {
	root, err := h.root(name)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	flag := os.O_RDWR | syscall.O_NONBLOCK // a pipe must not make us wait
	if truncate {
		flag |= os.O_CREATE
	}
	f, err := root.OpenFile(name, flag, 0o666)
	if err != nil && !truncate { // what may not be written can be read
		if readable, failed := root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0); failed == nil {
			f, err = readable, nil
		}
	}
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	switch {
	case err != nil:
	case !info.Mode().IsRegular():
		err = stderrors.New("it is not a file")
	case truncate:
		err = f.Truncate(0)
	}
	if err != nil {
		return nil, stderrors.Join(err, f.Close())
	}
	return f, nil
}

// root opens the folder for an operation on name, when that can be one below it.
// It sees to what the name says; os.Root sees to symbolic links.
func (h *Handler) root(name string) (*os.Root, error) {
	switch {
	case len(name) > maxName:
		return nil, fmt.Errorf("the name has %d bytes, the limit is %d", len(name), maxName)
	case strings.ContainsRune(name, 0):
		return nil, stderrors.New("the name has a zero byte")
	case name != "" && !filepath.IsLocal(name):
		return nil, stderrors.New("the name leads out of the folder")
	}
	return os.OpenRoot(h.dir)
}

// Stat describes a file or folder.
func (h *Handler) Stat(_ context.Context, req *proto.StatRequest, rsp *proto.StatResponse) error {
	info, err := h.stat(req.GetFilename())
	if err != nil {
		return failure(fileID, "stat", req.GetFilename(), err)
	}
	rsp.LastModified = info.ModTime().Unix()
	if info.IsDir() {
		rsp.Type = directory
		return nil
	}
	rsp.Type, rsp.Size = regular, info.Size()
	return nil
}

func (h *Handler) stat(name string) (fs.FileInfo, error) {
	root, err := h.root(name)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	if name == "" {
		name = "."
	}
	return root.Stat(name)
}

// Read reads at most 8 MiB at an offset.
func (h *Handler) Read(_ context.Context, req *proto.ReadRequest, rsp *proto.ReadResponse) error {
	s := h.sessions.use(req.GetId())
	if s == nil {
		return errors.InternalServerError(fileID, notOpen)
	}
	defer h.sessions.done(s)
	data, err := s.read(req.GetOffset(), req.GetSize())
	if err != nil && err != io.EOF {
		return failure(fileID, "read", s.name, err)
	}
	rsp.Data, rsp.Size, rsp.Eof = data, int64(len(data)), err == io.EOF
	return nil
}

// read allocates no more than the file can fill.
func (s *session) read(offset, size int64) ([]byte, error) {
	if offset < 0 || size < 0 {
		return nil, fmt.Errorf("%d bytes at %d: neither may be negative", size, offset)
	}
	const least = 4096 // some files are longer than they say
	if offset > math.MaxInt64-maxRead {
		return nil, io.EOF // no file is that long, and the sum would overflow
	}
	info, err := s.file.Stat()
	if err != nil {
		return nil, err
	}
	size = min(size, maxRead, max(info.Size()-offset, 0)+least)
	data := make([]byte, size)
	n, err := s.file.ReadAt(data, offset)
	return data[:n], err
}

// Write writes at an offset.
func (h *Handler) Write(_ context.Context, req *proto.WriteRequest, _ *proto.WriteResponse) error {
	s := h.sessions.use(req.GetId())
	if s == nil {
		return errors.InternalServerError(fileID, notOpen)
	}
	defer h.sessions.done(s)
	if err := s.write(req.GetOffset(), req.GetData(), h.maxSize); err != nil {
		return failure(fileID, "write", s.name, err)
	}
	return nil
}

func (s *session) write(offset int64, data []byte, limit int64) error {
	if offset < 0 {
		return fmt.Errorf("offset %d is negative", offset)
	}
	if length := int64(len(data)); offset > math.MaxInt64-length || offset+length > limit {
		return fmt.Errorf("%d bytes at %d would make the file longer than the limit of %d", length, offset, limit)
	}
	_, err := s.file.WriteAt(data, offset)
	return err
}

// Close ends a session. One that is not there is ended already.
func (h *Handler) Close(_ context.Context, req *proto.CloseRequest, _ *proto.CloseResponse) error {
	if s, err := h.sessions.end(req.GetId()); err != nil {
		return failure(fileID, "close", s.name, err)
	}
	return nil
}

// failure is the error that a caller gets. It says nothing of where the folder
// is.
func failure(id, operation, name string, err error) error {
	if stderrors.Is(err, fs.ErrClosed) { // ended by another call meanwhile
		return errors.InternalServerError(id, notOpen)
	}
	cause := err
	if path := (*fs.PathError)(nil); stderrors.As(err, &path) {
		cause = path.Err
	}
	const shown = 256
	if len(name) > shown {
		name = name[:shown] + "…"
	}
	return errors.Wrap(err, id, fmt.Sprintf("%s %q: %v", operation, name, cause), http.StatusInternalServerError)
}
