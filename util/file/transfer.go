package file

import (
	"errors"
	"fmt"
	"io"
	"os"
)

func (c *fileClient) Download(filename, saveFile string) error {
	return c.DownloadAt(filename, saveFile, 0)
}

func (c *fileClient) DownloadAt(filename, saveFile string, blockID int) error {
	if blockID < 0 {
		return fmt.Errorf("download %s: block %d is negative", filename, blockID)
	}
	var address string
	stat, err := c.stat(filename, witness(&address))
	if err != nil {
		return err
	}
	if stat.Type == directory {
		return fmt.Errorf("%s is directory", filename)
	}
	// In this form the comparison cannot overflow.
	if int64(blockID) > stat.Size/BlockSize {
		return fmt.Errorf("download %s: block %d is past the end of its %d bytes", filename, blockID, stat.Size)
	}
	session, err := c.open(filename, false, at(address)...)
	if err != nil {
		return err
	}
	defer c.drop(session)
	defer func() { _ = c.Close(session) }() // what came is whole without it
	return c.save(session, filename, saveFile, int64(blockID)*BlockSize, stat.Size)
}

// save writes what the session has from offset to size to a local file.
func (c *fileClient) save(session int64, filename, saveFile string, offset, size int64) (err error) {
	local, err := openLocal(saveFile, offset)
	if err != nil {
		return err
	}
	defer closing(&err, local.Close)
	for offset < size {
		data, err := c.readBlock(session, offset, min(size-offset, BlockSize))
		if err != nil && err != io.EOF {
			return err
		}
		if _, err := local.WriteAt(data, offset); err != nil {
			return err
		}
		offset += int64(len(data))
		if err == io.EOF && offset < size {
			return fmt.Errorf("download %s: it had %d bytes and ends after %d: %w", filename, size, offset, io.ErrUnexpectedEOF)
		}
	}
	return nil
}

// closing calls end and makes its error err, unless there is one.
func closing(err *error, end func() error) {
	if failed := end(); *err == nil {
		*err = failed
	}
}

// openLocal opens the file that a download writes to, and cuts off what is
// behind offset, so that its size says how far the download came.
func openLocal(name string, offset int64) (*os.File, error) {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY, 0o666)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && info.Mode().IsRegular() && info.Size() > offset {
		err = f.Truncate(offset)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

func (c *fileClient) Upload(filename, saveFile string) (err error) {
	local, err := os.Open(filename)
	if err != nil {
		return err
	}
	defer local.Close()
	info, err := local.Stat()
	if err != nil {
		return err
	}
	if info.IsDir() {
		return fmt.Errorf("%s is directory", filename)
	}
	session, err := c.Open(saveFile, true)
	if err != nil {
		return err
	}
	defer c.drop(session)
	defer closing(&err, func() error { return c.Close(session) })
	return c.send(session, local)
}

// send writes all of r to the session, from its beginning on.
func (c *fileClient) send(session int64, r io.Reader) error {
	buf := make([]byte, BlockSize)
	for offset := int64(0); ; {
		n, err := io.ReadFull(r, buf)
		if n > 0 {
			if err := c.Write(session, offset, buf[:n]); err != nil {
				return err
			}
			offset += int64(n)
		}
		switch err {
		case nil:
		case io.EOF, io.ErrUnexpectedEOF:
			return nil
		default:
			return err
		}
	}
}

// The types in a StatResponse.
const (
	directory = "Directory"
	regular   = "File"
)
