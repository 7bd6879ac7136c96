// Package file moves files between processes.
//
// A service offers the files below a folder:
//
//	file.RegisterHandler(service.Server(), "/srv/files")
//
// and others fetch and store them:
//
//	files := file.New("storage", service.Client())
//	err := files.Upload("report.pdf", "2026/report.pdf")
//	err = files.Download("2026/report.pdf", "copy.pdf")
//
// A client with client.ContentType("application/protobuf") moves the bytes as they
// are; JSON, the default, makes them a third longer.
//
// Names are relative to the folder. One that leads out of it (by "..", as an
// absolute path or through a symbolic link) is refused, and so is what is neither
// a file nor a folder. Whoever may call the service may read and write
// everything below the folder; auth wrappers of the server restrict that.
//
// What was opened is a session on the node that opened it. Its id cannot be
// guessed, and whoever has it may use it. A session that nobody uses expires.
package file

import (
	"errors"
	"io/fs"
	"os"

	"github.com/justcy/go-micro/v4/client"
	proto "github.com/justcy/go-micro/v4/util/file/proto"
)

// BlockSize is the number of bytes that a block has. Transfers move a block with
// each call.
const BlockSize = 512 << 10

// File is a client of a file service. It may be used by many goroutines. Each
// call is limited by the request timeout of the client. Errors of the service
// are *errors.Error of this module's package errors.
type File interface {
	// Open starts a session for a file and returns its id, to be passed to
	// Close. With truncate the file is created when it is missing and emptied
	// when it is not; without, it must exist. Folders are not created.
	Open(filename string, truncate bool) (int64, error)

	// Stat describes a file or folder. The empty name is the folder that is
	// served.
	Stat(filename string) (*proto.StatResponse, error)

	// GetBlock reads block blockId, the first of which is 0, as ReadAt does.
	GetBlock(sessionId, blockId int64) ([]byte, error)

	// ReadAt reads up to size bytes from offset on, which the caller owns. When
	// it meets the end of the file the error is io.EOF, and what was read before
	// is returned with it.
	ReadAt(sessionId, offset, size int64) ([]byte, error)

	// Read reads the beginning of the file into buf and returns the number of
	// bytes. When buf holds all of the file there may be an io.EOF besides.
	Read(sessionId int64, buf []byte) (int, error)

	// Write writes data at offset. A gap before it reads as zeros. When Write
	// fails a part of data may have been written.
	Write(sessionId, offset int64, data []byte) error

	// Close ends a session. Ending one that is not there is no error.
	Close(sessionId int64) error

	// Download copies the service's file filename to the local file saveFile,
	// which it creates or replaces. When it fails, saveFile has what had come
	// by then, so that DownloadAt can go on; it is not touched when filename
	// cannot be opened.
	Download(filename, saveFile string) error

	// Upload copies the local file filename to the service's file saveFile,
	// which it creates or replaces. When it fails, the service may have a part.
	Upload(filename, saveFile string) error

	// DownloadAt is Download beginning at block blockId: the size of a partial
	// saveFile divided by BlockSize. Blocks before it stay what they are.
	DownloadAt(filename, saveFile string, blockId int) error
}

// New returns a client of the file service registered as service.
func New(service string, c client.Client) File {
	return &fileClient{service: proto.NewFileService(service, c), nodes: make(map[int64]string)}
}

// Exists reports whether there is something at path. When that cannot be told
// it returns true and the reason.
func Exists(path string) (bool, error) {
	_, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return true, err
}
