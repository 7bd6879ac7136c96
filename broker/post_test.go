package broker

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/justcy/go-micro/v4/registry"
)

// posted is what one delivery comes to when the node answers as it is told to.
func posted(t *testing.T, p *poster, messages int, answer http.HandlerFunc) sent {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		answer(w, r)
	}))
	defer server.Close()
	n := &registry.Node{Id: "id", Address: strings.TrimPrefix(server.URL, "http://")}
	return p.deliver(context.Background(), n, make([][]byte, messages))
}

func newTestPoster(t *testing.T) *poster {
	p := newPoster(NewOptions(), DefaultPath)
	t.Cleanup(p.client.Close)
	return p
}

func status(code int, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(code)
		_, _ = io.WriteString(w, "the reply")
	}
}

// breaks answers as a process does that ends: not at all.
func breaks(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

func TestTheReplyToAMessageTellsWhatBecameOfIt(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		answer http.HandlerFunc
		done   int
		kind   failureKind
		says   string
	}{
		{"200", status(200), 1, 0, ""},
		{"204", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) }, 1, 0, ""},
		{"nobody has that id", status(200, resultHeader, resultUnknown), 0, unknown, "no such subscription"},
		{"500", status(500), 0, failed, "500 Internal Server Error: the reply"},
		{"404", status(404), 0, failed, "404"},
		{"413", status(413), 0, refused, "413"},
		{"502", status(502), 0, unreachable, "502"},
		{"503", status(503), 0, unreachable, "503"},
		{"504", status(504), 0, unreachable, "504"},
		{"the end of the connection", breaks, 0, broken, "did not reply"},
	} {
		got := posted(t, newTestPoster(t), 1, c.answer)
		if got.done != c.done || got.kind != c.kind || (got.err != nil) != (c.done == 0) {
			t.Errorf("%s: %+v", c.name, got)
		}
		if got.err != nil && !strings.Contains(got.err.Error(), c.says) {
			t.Errorf("%s: the error is %v", c.name, got.err)
		}
	}
}

func TestTheReplyToABatchTellsWhatBecameOfEachMessage(t *testing.T) {
	t.Parallel()
	batch := func(results string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", batchContentType)
			_, _ = io.WriteString(w, results)
		}
	}
	for _, c := range []struct {
		name   string
		answer http.HandlerFunc
		done   int
		kind   failureKind
		again  bool // the node is sent batches from then on
	}{
		{"all are done", batch("+++"), 3, 0, true},
		{"two are done", batch("++!"), 2, 0, true},
		{"nobody has that id", batch("?"), 0, unknown, true},
		{"the first is too large", batch(">"), 0, refused, true},
		{"the first failed", batch("!"), 0, failed, false},
		{"it is no batch to the node", status(400), 0, unreachable, false},
		{"the connection ends after one", func(w http.ResponseWriter, r *http.Request) {
			batch("+")(w, r)
			_ = http.NewResponseController(w).Flush()
			breaks(w, r)
		}, 1, broken, true},
		{"the connection ends", breaks, 0, broken, true},
	} {
		p := newTestPoster(t)
		var address string
		got := posted(t, p, 3, func(w http.ResponseWriter, r *http.Request) {
			address = r.Host
			p.setTakesBatches(address, true)
			c.answer(w, r)
		})
		if got.done != c.done || got.kind != c.kind {
			t.Errorf("%s: %+v", c.name, got)
		}
		if again := p.atOnce(&registry.Node{Address: address}) > 1; again != c.again {
			t.Errorf("%s: batches from then on: %v", c.name, again)
		}
	}
}

func TestANodeThatIsNotThereWasSentNothing(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(nil)
	server.Close()
	n := &registry.Node{Id: "id", Address: strings.TrimPrefix(server.URL, "http://")}
	if got := newTestPoster(t).deliver(context.Background(), n, make([][]byte, 1)); got.done != 0 || got.kind != unreachable {
		t.Errorf("%+v", got)
	}
}

func TestADeliveryThatTakesTooLongIsNotBlamedOnTheMessage(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		release <- struct{}{}
		<-release
	}))
	defer server.Close()
	defer close(release)
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		<-release // the node has it
		cancel()
	}()
	n := &registry.Node{Id: "id", Address: strings.TrimPrefix(server.URL, "http://")}
	if got := newTestPoster(t).deliver(ctx, n, make([][]byte, 1)); got.done != 0 || got.kind != unreachable {
		t.Errorf("%+v", got)
	}
}
