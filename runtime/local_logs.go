package runtime

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/justcy/go-micro/v4/internal/logfile"
	"github.com/justcy/go-micro/v4/internal/options"
)

// Logs returns the last lines that a service wrote, and with LogsStream those it
// writes from now on. It need not run, nor be one of this runtime's. Without a
// version it is the one that wrote last. The stream ends with LogsContext.
func (r *local) Logs(s *Service, opts ...LogsOption) (LogStream, error) {
	o := options.Of(opts)
	if s == nil || !validName(s.Name) {
		return nil, fmt.Errorf("logs of service %q: %w", nameOf(s), errNoName)
	}
	path := r.newestLog(orDefault(o.Namespace), s)
	in, err := logfile.NewReader(path, o.Count)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("Log file %s does not exists", path) //nolint:staticcheck // the text is go-micro v4's
	}
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(orBackground(o.Context))
	l := &logStream{records: make(chan LogRecord), cancel: cancel, ended: make(chan struct{})}
	go l.copy(ctx, in, o.Stream)
	return l, nil
}

// newestLog returns the log of a service, that of the version that wrote last when
// it names none.
func (r *local) newestLog(namespace string, s *Service) string {
	path := r.logPath(namespace, s.Name, s.Version)
	if s.Version != "" {
		return path
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		return path
	}
	var newest time.Time
	if info, err := os.Stat(path); err == nil {
		newest = info.ModTime()
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), fileName(s.Name)+"@") || !strings.HasSuffix(e.Name(), ".log") {
			continue
		}
		if info, err := e.Info(); err == nil && info.ModTime().After(newest) {
			newest, path = info.ModTime(), filepath.Join(filepath.Dir(path), e.Name())
		}
	}
	return path
}

// logStream reads a log file.
type logStream struct {
	records chan LogRecord
	cancel  context.CancelFunc
	ended   chan struct{} // the channel is closed, too

	mu  sync.Mutex
	err error
}

// copy sends lines until the log or ctx ends. It owns the channel.
func (l *logStream) copy(ctx context.Context, in *logfile.Reader, follow bool) {
	defer close(l.ended)
	defer close(l.records)
	defer l.cancel()
	defer in.Close()
	for {
		line, err := in.Next(ctx, follow)
		if err == nil {
			select {
			case l.records <- LogRecord{Message: line}:
				continue
			case <-ctx.Done():
				return
			}
		}
		if err != io.EOF && ctx.Err() == nil {
			l.mu.Lock()
			l.err = err
			l.mu.Unlock()
		}
		return
	}
}

func (l *logStream) Chan() chan LogRecord { return l.records }

func (l *logStream) Error() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err
}

func (l *logStream) Stop() error {
	l.cancel()
	<-l.ended
	return nil
}
