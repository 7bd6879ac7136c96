package broker

import "time"

// SetStallAfter sets how long a delivery may take before publishers stop waiting
// for room, for tests in which a machine that is too busy must not look like a
// receiver that hangs. It comes before the first Publish.
func SetStallAfter(b Broker, d time.Duration) { b.(*httpBroker).outbox.stallAfter = d }

// BatchContentType marks batches.
const BatchContentType = batchContentType

// AppendToBatch adds a message to a batch.
func AppendToBatch(batch, message []byte) []byte { return appendToBatch(batch, message) }

// SplitBatch returns the messages of a batch.
func SplitBatch(batch []byte) ([][]byte, error) { return splitBatch(batch) }

// LaneFailing tells whether the last attempt of an http broker to deliver
// messages of a topic to a queue failed.
func LaneFailing(b Broker, topic, queue string) bool {
	o := b.(*httpBroker).outbox
	o.mu.Lock()
	defer o.mu.Unlock()
	l := o.lanes[laneKey{topic: topic, version: queue}]
	return l != nil && l.failing
}
