package signal

import (
	"context"
	"os"
	"os/signal"
)

// Next returns a context that is done when the next signal arrives on signals,
// a channel given to os/signal's Notify. The signals after that do again what
// they do by default: they end the process, if it does not end by itself. The
// caller calls release when it needs the context no longer.
func Next(ctx context.Context, signals chan os.Signal) (next context.Context, release func()) {
	next, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		select {
		case <-signals:
			signal.Stop(signals)
			cancel()
		case <-next.Done():
		}
	}()
	return next, func() {
		cancel()
		<-ended
	}
}
