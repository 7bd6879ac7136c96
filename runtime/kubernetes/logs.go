package kubernetes

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"sync"

	"github.com/justcy/go-micro/v4/internal/options"
	"github.com/justcy/go-micro/v4/runtime"
	"github.com/justcy/go-micro/v4/util/kubernetes/client"
)

// maxLine is how many bytes a line is read with; a longer one comes in parts.
const maxLine = 1 << 20

// Logs returns what the pods of a service write, each record with the pod in its
// metadata. Without LogsCount it is all that they have written.
func (k *kubernetes) Logs(s *runtime.Service, opts ...runtime.LogsOption) (runtime.LogStream, error) {
	o := options.Of(opts)
	l, err := k.logs(s, o)
	return l, explain("logs of", s, err)
}

func (k *kubernetes) logs(s *runtime.Service, o runtime.LogsOptions) (runtime.LogStream, error) {
	t, err := targetOf(s, o.Namespace)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(orBackground(o.Context))
	pods := new(client.PodList)
	err = k.client.Get(&client.Resource{Kind: "pod", Value: pods}, client.GetNamespace(t.namespace),
		client.GetLabels(map[string]string{"name": t.name}), client.GetContext(ctx))
	if err == nil && len(pods.Items) == 0 {
		err = fmt.Errorf("it has no pods in namespace %s", t.namespace)
	}
	if err != nil {
		cancel()
		return nil, err
	}
	params := make(map[string]string)
	if o.Count > 0 {
		params["tailLines"] = strconv.FormatInt(o.Count, 10)
	}
	if o.Stream {
		params["follow"] = "true"
	}
	l := &logStream{records: make(chan runtime.LogRecord), cancel: cancel, ended: make(chan struct{})}
	for i := range pods.Items {
		if m := pods.Items[i].Metadata; m != nil {
			l.pods.Go(func() { l.read(ctx, k.client, t.namespace, m.Name, params) })
		}
	}
	go l.end()
	return l, nil
}

// logStream reads the logs of pods.
type logStream struct {
	records chan runtime.LogRecord
	cancel  context.CancelFunc
	pods    sync.WaitGroup // the ones that are read
	ended   chan struct{}

	mu  sync.Mutex
	err error
}

// end closes the channel when all pods are read.
func (l *logStream) end() {
	l.pods.Wait()
	l.cancel()
	close(l.records)
	close(l.ended)
}

// read sends the lines of a pod.
func (l *logStream) read(ctx context.Context, c client.Client, namespace, pod string, params map[string]string) {
	body, err := c.Log(&client.Resource{Kind: "pod", Name: pod}, client.LogNamespace(namespace), client.LogParams(params), client.LogContext(ctx))
	if err == nil {
		err = l.copy(ctx, body, pod)
		_ = body.Close()
	}
	if err != nil && ctx.Err() == nil {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.err = errors.Join(l.err, fmt.Errorf("pod %s: %w", pod, err))
	}
}

func (l *logStream) copy(ctx context.Context, body io.Reader, pod string) error {
	in := bufio.NewReaderSize(body, 64<<10)
	var line []byte
	for {
		part, err := in.ReadSlice('\n')
		line = append(line, part...)
		switch {
		case errors.Is(err, bufio.ErrBufferFull) && len(line) < maxLine:
			continue
		case err != nil && !errors.Is(err, bufio.ErrBufferFull) && len(line) == 0:
			if err == io.EOF {
				return nil
			}
			return err
		}
		select {
		case l.records <- runtime.LogRecord{Message: string(bytes.TrimRight(line, "\r\n")), Metadata: map[string]string{"pod": pod}}:
			line = line[:0]
		case <-ctx.Done():
			return nil
		}
	}
}

func (l *logStream) Chan() chan runtime.LogRecord { return l.records }

func (l *logStream) Error() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err
}

func (l *logStream) Stop() error {
	l.cancel()
	<-l.ended
	return nil
}
