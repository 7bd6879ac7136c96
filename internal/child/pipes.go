package child

import "os"

// pipe is both ends of a pipe.
type pipe struct{ r, w *os.File }

func (p pipe) close() {
	if p.r != nil {
		p.r.Close()
		p.w.Close()
	}
}

// pipes are those of a program.
type pipes struct{ stdin, stdout, stderr pipe }

func openPipes() (*pipes, error) {
	p := new(pipes)
	for _, one := range []*pipe{&p.stdin, &p.stdout, &p.stderr} {
		r, w, err := os.Pipe()
		if err != nil {
			p.close()
			return nil, err
		}
		*one = pipe{r, w}
	}
	return p, nil
}

// close closes all ends.
func (p *pipes) close() {
	p.stdin.close()
	p.stdout.close()
	p.stderr.close()
}

// handedOver closes the ends that the program has now.
func (p *pipes) handedOver() {
	p.stdin.r.Close()
	p.stdout.w.Close()
	p.stderr.w.Close()
}
