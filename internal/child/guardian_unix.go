//go:build unix

package child

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"time"
)

// shell is what runs the guardian.
const shell = "/bin/sh"

// script waits for the end of its input, which is that of this process: nobody
// else has the other end. Then it asks its group to end, appends to the file what is
// left of the outputs (what was taken out of one first), line by line, since there are
// two of them, and kills what is left of the group after the grace period. The outputs
// do not block, so cat fails when there is nothing to read yet. Without /proc it is not
// known who is left in the group: all of it is killed when its outputs are closed, or
// the grace period is over.
const script = `trap '' HUP INT QUIT TERM PIPE
echo
exec >/dev/null 2>&1
while read -r _; do :; done
kill -TERM 0

salvage() {
	{ cat <&"$2"; until cat <&"$3"; do sleep 0.1 || sleep 1; done; } |
		while IFS= read -r line || [ -n "$line" ]; do printf '%s\n' "$line"; done >>"$1"
}
read -r self </proc/$$/cmdline
ours() { read -r line <"/proc/$1/cmdline" && [ "$line" = "$self" ]; }
others() {
	found=1
	for file in /proc/[0-9]*/stat; do
		read -r line <"$file" || continue
		pid=${line%% *}
		set -- "$1" ${line##*)} # and its state, its parent, its group
		[ "$4" = $$ ] && [ "$2" != Z ] && ! ours "$pid" && ! ours "$3" && found=0 && $1 "$pid"
	done
	return $found
}
grace() {
	sleep "$1"
	for _ in 1 2 3 4 5; do others 'kill -KILL' || break; sleep 1; done
	[ -r /proc/$$/cmdline ] && sleep 10 # what they wrote is being salvaged
	kill -KILL 0
}

grace "$1" &
salvage "$2" 5 3 & out=$!
salvage "$2" 6 4 & err=$!
wait $out $err
sleep 1
while others :; do sleep 1; done
kill -KILL 0
`

// guardian is a process that survives this one for as long as it takes to end a
// group.
type guardian struct {
	cmd   *exec.Cmd
	alive *os.File // held open as long as this process lives
}

// startGuardian returns a guardian that is ready, in a group of its own. It
// returns nil where there is no shell.
func startGuardian(spec Spec, p *pipes) (*guardian, error) {
	if _, err := os.Stat(shell); errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	salvage := spec.Salvage
	if salvage == "" {
		salvage = os.DevNull
	}
	seconds := strconv.Itoa(int((spec.Grace + time.Second - 1) / time.Second))
	g := &guardian{cmd: exec.Command(shell, "-c", script, "guardian", seconds, salvage), alive: w}
	g.cmd.Dir = "/"
	g.cmd.Stdin = r
	g.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := g.startWith(p.salvaged()...); err != nil {
		w.Close()
		return nil, fmt.Errorf("start the guardian of %s: %w", spec.Path, err)
	}
	return g, nil
}

// startWith starts the guardian with copies of files. To hand a file over takes
// it out of non-blocking mode, and its copies with it; so they are put back.
func (g *guardian) startWith(files ...*os.File) error {
	for _, f := range files {
		d, err := duplicate(f)
		if err != nil {
			return err
		}
		defer d.Close()
		g.cmd.ExtraFiles = append(g.cmd.ExtraFiles, d)
	}
	if err := g.start(); err != nil {
		return err
	}
	for _, f := range files {
		if err := control(f, func(fd int) error { return syscall.SetNonblock(fd, true) }); err != nil {
			g.dismiss()
			return err
		}
	}
	return nil
}

func duplicate(f *os.File) (d *os.File, err error) {
	err = control(f, func(fd int) error {
		syscall.ForkLock.RLock()
		defer syscall.ForkLock.RUnlock()
		copied, err := syscall.Dup(fd)
		if err != nil {
			return os.NewSyscallError("dup", err)
		}
		syscall.CloseOnExec(copied)
		d = os.NewFile(uintptr(copied), f.Name())
		return nil
	})
	return d, err
}

// control calls use with the descriptor of f, which stays in its mode.
func control(f *os.File, use func(fd int) error) error {
	conn, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = conn.Control(func(fd uintptr) { failed = use(int(fd)) })
	return errors.Join(err, failed)
}

// start returns when the guardian ignores the signals that its group gets.
func (g *guardian) start() error {
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	defer r.Close()
	g.cmd.Stdout = w
	err = g.cmd.Start()
	w.Close()
	if err != nil {
		return err
	}
	if _, err := io.ReadFull(r, make([]byte, 1)); err != nil {
		_ = g.cmd.Process.Kill()
		return errors.Join(err, g.cmd.Wait())
	}
	return nil
}

// dismiss ends the guardian. It is killed before its input ends, so that it does
// not take that for the end of this process.
func (g *guardian) dismiss() {
	_ = g.cmd.Process.Kill()
	_ = g.cmd.Wait() // that it was killed
	g.alive.Close()
}
