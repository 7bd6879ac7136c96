package broker

// BatchContentType marks batches.
const BatchContentType = batchContentType

// AppendToBatch adds a message to a batch.
func AppendToBatch(batch, message []byte) []byte { return appendToBatch(batch, message) }

// SplitBatch returns the messages of a batch.
func SplitBatch(batch []byte) ([][]byte, error) { return splitBatch(batch) }

// LimitConns sets how many connections the http broker listens to at once.
func LimitConns(b Broker, n int) { b.(*httpBroker).conns = n }
