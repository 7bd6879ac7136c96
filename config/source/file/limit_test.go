package file_test

import (
	"io"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/justcy/go-micro/v4/config/source/file"
)

const limit = 64 << 20

// sized is a file system with one file, which says that it has some bytes and has
// others.
type sized struct {
	says, has int64
	read      int64
}

func (s *sized) Open(string) (fs.File, error) {
	opened, err := fstest.MapFS{"config.json": {}}.Open("config.json")
	return &sizedFile{File: opened, sized: s}, err
}

type sizedFile struct {
	fs.File
	sized *sized
}

func (f *sizedFile) Stat() (fs.FileInfo, error) {
	info, err := f.File.Stat()
	return sizedInfo{info, f.sized.says}, err
}

func (f *sizedFile) Read(p []byte) (int, error) {
	n := int(min(int64(len(p)), f.sized.has-f.sized.read))
	if n == 0 {
		return 0, io.EOF
	}
	f.sized.read += int64(n)
	return n, nil
}

type sizedInfo struct {
	fs.FileInfo
	size int64
}

func (i sizedInfo) Size() int64 { return i.size }

func TestAFileOverTheLimitIsRefusedBeforeItIsRead(t *testing.T) {
	large := &sized{says: limit + 5, has: limit + 5}
	_, err := file.NewSource(file.WithFS(large)).Read()
	if err == nil || !strings.Contains(err.Error(), "config.json: the file has 67108869 bytes, 5 more than the limit of 67108864 bytes") {
		t.Errorf("the error is %v", err)
	}
	if large.read > 0 {
		t.Errorf("%d bytes were read", large.read)
	}
}

func TestNoMoreIsReadThanTheLimitWhateverAFileSaysOfItsSize(t *testing.T) {
	t.Parallel()
	endless := &sized{says: 0, has: 4 * limit}
	_, err := file.NewSource(file.WithFS(endless)).Read()
	if err == nil || !strings.Contains(err.Error(), "config.json: the file goes on after the limit of 67108864 bytes") {
		t.Errorf("the error is %v", err)
	}
	if endless.read > limit+1 {
		t.Errorf("%d bytes were read", endless.read)
	}
}
