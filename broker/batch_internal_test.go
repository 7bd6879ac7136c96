package broker

import (
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"
)

// The race detector sees whether the timer's function is kept from the timer
// until that is assigned, however long it takes to run.
func TestResultsAreFlushedWhileTheFirstHandlerRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reply := httptest.NewRecorder()
		r := newBatchResults(reply)
		time.Sleep(3*batchFlush + batchFlush/2)
		if reply.Flushed {
			t.Error("something was flushed before there was a result")
		}
		r.add(batchDone)
		time.Sleep(batchFlush)
		r.mu.Lock()
		flushed, body := reply.Flushed, reply.Body.String()
		r.mu.Unlock()
		if !flushed || body != string(batchDone) {
			t.Errorf("flushed %v, %q, want the result", flushed, body)
		}
		r.close()
		r.flush() // one that was about to run
	})
}
