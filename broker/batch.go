package broker

import (
	"encoding/binary"
	"errors"
	"net/http"
	"sync"
	"time"
)

// A batch is several messages for one subscriber in one request, in order. A
// receiver offers to take them by a header of its replies to single messages,
// so that peers which know nothing of batches never see one.
//
// The request body is the messages, each behind its length as a varint. The
// reply, always 200, has one byte for each message that was looked at: the
// receiver stops at the first that it could not deliver, so that the sender
// can keep the order. Results are flushed while a handler takes long; when the
// connection breaks, the sender knows what need not be sent again.
const (
	batchContentType = "application/x-micro-broker-batch"

	maxBatch      = 64      // messages
	maxBatchBytes = 1 << 20 // of encoded messages, unless it is a single one
	batchOverhead = binary.MaxVarintLen64

	// batchBudget is how long a receiver goes on starting messages of a batch.
	batchBudget = time.Second
	// batchFlush is how long results may wait while a handler is running.
	batchFlush = 200 * time.Millisecond
)

// Results of the messages of a batch.
const (
	batchDone    = '+' // handled
	batchUnknown = '?' // nobody here has that id
	batchFailed  = '!' // undecodable, or a handler panicked
	batchTooBig  = '>' // over the receiver's message size
)

var errBadBatch = errors.New("malformed batch")

func appendToBatch(batch, message []byte) []byte {
	batch = binary.AppendUvarint(batch, uint64(len(message)))
	return append(batch, message...)
}

func batchOf(messages [][]byte) []byte {
	size := 0
	for _, m := range messages {
		size += len(m) + batchOverhead
	}
	batch := make([]byte, 0, size)
	for _, m := range messages {
		batch = appendToBatch(batch, m)
	}
	return batch
}

// splitBatch returns the messages of a batch, which share its memory.
func splitBatch(batch []byte) ([][]byte, error) {
	var messages [][]byte
	for len(batch) > 0 {
		size, n := binary.Uvarint(batch)
		if n <= 0 || size > uint64(len(batch)-n) || len(messages) == maxBatch {
			return nil, errBadBatch
		}
		end := n + int(size)
		messages = append(messages, batch[n:end:end])
		batch = batch[end:]
	}
	return messages, nil
}

// receiveBatch handles the messages of a batch in order, as far as it gets.
func (b *httpBroker) receiveBatch(w http.ResponseWriter, r *http.Request, body []byte) {
	messages, err := splitBatch(body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	id, limit := r.URL.Query().Get("id"), b.settings().maxMessageSize
	w.Header().Set("Content-Type", batchContentType)
	results := newBatchResults(w)
	defer results.close()
	started := time.Now()
	for _, m := range messages {
		result := byte(batchTooBig)
		if len(m) <= limit {
			result = batchResult(b.dispatch(id, m))
		}
		results.add(result)
		if result != batchDone || time.Since(started) > batchBudget {
			return
		}
	}
}

func batchResult(known bool, err error) byte {
	switch {
	case err != nil:
		return batchFailed
	case !known:
		return batchUnknown
	}
	return batchDone
}

// batchResults writes results, and flushes them from time to time while there
// is no next one.
type batchResults struct {
	mu     sync.Mutex // guards all below, as the timer writes too
	w      http.ResponseWriter
	fresh  bool // results were written since the last flush
	closed bool
	timer  *time.Timer
}

func newBatchResults(w http.ResponseWriter) *batchResults {
	r := &batchResults{w: w}
	r.mu.Lock() // flush, which uses the timer, may run before it is assigned
	defer r.mu.Unlock()
	r.timer = time.AfterFunc(batchFlush, r.flush)
	return r
}

func (r *batchResults) add(result byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, _ = r.w.Write([]byte{result})
	r.fresh = true
}

func (r *batchResults) flush() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return
	}
	if r.fresh {
		_ = http.NewResponseController(r.w).Flush()
		r.fresh = false
	}
	r.timer.Reset(batchFlush)
}

func (r *batchResults) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	r.timer.Stop()
}
