package runtime

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/justcy/go-micro/v4/internal/child"
	"github.com/justcy/go-micro/v4/internal/logfile"
)

const (
	defaultLogSize  = 64 << 20
	defaultLogFiles = 3
	// drainLimit is how long the output of a process is read that has ended, when
	// somebody outside of its group holds it open.
	drainLimit = time.Second
)

// process is a process of a service.
type process struct {
	child    *child.Child
	log      *logfile.File
	output   *output
	temp     string // a folder that is removed when the process has ended; empty for none
	began    time.Time
	stopping bool          // it was told to stop; guarded by service.mu
	finished chan struct{} // its output and its end are recorded
}

// launch starts a process of a service.
func (r *local) launch(s *Service, o CreateOptions) (*process, error) {
	path := r.logPath(o.Namespace, s.Name, s.Version)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	log, err := logfile.Open(path, r.rotation())
	if err != nil {
		return nil, err
	}
	command := o.Command
	if len(command) == 0 {
		command = []string{"go", "run", "."}
	}
	temp, env, err := r.temporary(command[0])
	if err != nil {
		log.Close()
		return nil, err
	}
	c, err := child.Start(child.Spec{
		Path: command[0], Args: slices.Concat(command[1:], o.Args), Dir: s.Source,
		Env: slices.Concat(os.Environ(), env, o.Env), Salvage: path, Grace: r.gracePeriod(),
	})
	if err != nil {
		log.Close()
		_ = os.RemoveAll(temp)
		return nil, err
	}
	return &process{
		child: c, log: log, output: &output{runtime: r, log: log, tee: o.Output, name: s.Name},
		temp: temp, began: time.Now(), finished: make(chan struct{}),
	}, nil
}

// temporary returns the folder, and the variable that names it, in which a go program
// builds what it runs: it leaves that there when it is told to end.
func (r *local) temporary(command string) (folder string, env []string, err error) {
	if filepath.Base(command) != "go" {
		return "", nil, nil
	}
	above := os.Getenv("GOTMPDIR")
	if above == "" {
		above = r.folder
	}
	folder, err = os.MkdirTemp(above, "micro-go-*")
	return folder, []string{"GOTMPDIR=" + folder}, err
}

// wait copies the output of the process and returns how it ended, when nothing of
// it is left.
func (p *process) wait() error {
	var copies sync.WaitGroup
	copies.Go(func() { p.output.copy(p.child.Stdout, p.child.StdoutRest) })
	copies.Go(func() { p.output.copy(p.child.Stderr, p.child.StderrRest) })
	<-p.child.Done()
	limit := time.Now().Add(drainLimit)
	_ = p.child.Stdout.SetReadDeadline(limit)
	_ = p.child.Stderr.SetReadDeadline(limit)
	copies.Wait()
	_ = p.log.Close() // what was written is in the file
	p.child.Release()
	_ = os.RemoveAll(p.temp)
	return p.child.Err()
}

// logs is the folder of the logs.
func (r *local) logs() string { return filepath.Join(r.folder, "micro", "logs") }

// logPath returns the log file of a service. It is called as the service, and for
// versions other than the latest as both; other namespaces than the default one
// have a folder each.
func (r *local) logPath(namespace, name, version string) string {
	file := fileName(name)
	if version != "" && version != "latest" {
		file += "@" + fileName(version)
	}
	folder := r.logs()
	if namespace != defaultNamespace {
		folder = filepath.Join(folder, "@"+fileName(namespace))
	}
	return filepath.Join(folder, file+".log")
}

// fileName makes a name that of a file.
func fileName(name string) string {
	return strings.NewReplacer("/", "-", string(filepath.Separator), "-").Replace(name)
}

func (r *local) rotation() logfile.Rotation {
	o := r.options.Get()
	rotation := logfile.Rotation{Size: o.LogSize, Keep: o.LogFiles}
	if rotation.Size <= 0 {
		rotation.Size = defaultLogSize
	}
	if rotation.Keep == 0 {
		rotation.Keep = defaultLogFiles
	}
	return rotation
}

func (r *local) gracePeriod() time.Duration {
	if d := r.options.Get().GracePeriod; d > 0 {
		return d
	}
	return child.DefaultGrace
}

func (r *local) stableAfter() time.Duration {
	if d := r.options.Get().StableAfter; d > 0 {
		return d
	}
	return time.Minute
}

func (r *local) backoff(failures int) time.Duration {
	if wait := r.options.Get().Backoff; wait != nil {
		return wait(failures)
	}
	const longest = time.Minute
	switch {
	case failures <= 0:
		return 5 * time.Second
	case failures > 6:
		return longest
	default:
		return min(time.Second<<(failures-1), longest)
	}
}
