package exchange

import (
	"net/http"
	"time"
)

// Write answers with a status and a body, which HEAD leaves out, and gives up a
// client that does not take it. A trailer may follow.
func Write(w http.ResponseWriter, r *http.Request, status int, body []byte) {
	limit := grace + time.Duration(len(body))*time.Second/rate
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(limit)) // what has no deadlines is no connection
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(body) // a client that is gone need not be told
	}
}

// Pace returns a response, for one that is written bit by bit and flushed after each,
// that gives up a client that does not take them.
func Pace(w http.ResponseWriter) http.ResponseWriter {
	return &pacedResponse{w, http.NewResponseController(w)}
}

type pacedResponse struct {
	http.ResponseWriter
	conn *http.ResponseController
}

func (p *pacedResponse) Write(b []byte) (int, error) {
	_ = p.conn.SetWriteDeadline(time.Now().Add(grace)) // what has no deadlines is no connection
	return p.ResponseWriter.Write(b)
}

// FlushError is for http.ResponseController. The next bit may take its time.
func (p *pacedResponse) FlushError() error {
	_ = p.conn.SetWriteDeadline(time.Now().Add(grace))
	err := p.conn.Flush()
	_ = p.conn.SetWriteDeadline(time.Time{})
	return err
}

// Unwrap is for http.ResponseController.
func (p *pacedResponse) Unwrap() http.ResponseWriter { return p.ResponseWriter }
