package child

import "os"

// Pipe is both ends of a pipe.
type Pipe struct{ R, W *os.File }

// Close closes both ends, if there are any.
func (p Pipe) Close() {
	if p.R != nil {
		p.R.Close()
		p.W.Close()
	}
}

// pipes are those of a program, and of its guardian when there is something to
// salvage.
type pipes struct{ stdin, stdout, stderr, stdoutRest, stderrRest Pipe }

func openPipes(salvage bool) (*pipes, error) {
	p := new(pipes)
	wanted := []*Pipe{&p.stdin, &p.stdout, &p.stderr}
	if salvage {
		wanted = append(wanted, &p.stdoutRest, &p.stderrRest)
	}
	for _, one := range wanted {
		r, w, err := os.Pipe()
		if err != nil {
			p.close()
			return nil, err
		}
		*one = Pipe{r, w}
	}
	return p, nil
}

// salvaged are the ends that a guardian reads.
func (p *pipes) salvaged() []*os.File {
	files := []*os.File{p.stdout.R, p.stderr.R}
	if p.stdoutRest.R != nil {
		files = append(files, p.stdoutRest.R, p.stderrRest.R)
	}
	return files
}

// close closes all ends.
func (p *pipes) close() {
	for _, one := range []Pipe{p.stdin, p.stdout, p.stderr, p.stdoutRest, p.stderrRest} {
		one.Close()
	}
}

// handedOver closes the ends that the program has now.
func (p *pipes) handedOver() {
	p.stdin.R.Close()
	p.stdout.W.Close()
	p.stderr.W.Close()
}
