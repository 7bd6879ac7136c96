package broker_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/justcy/go-micro/v4/broker"
	"github.com/justcy/go-micro/v4/registry"
)

// receiver is a connected broker with one subscription, and its node.
type receiver struct {
	broker.Broker
	node *registry.Node
}

func newReceiver(t testing.TB, h broker.Handler, opts ...broker.Option) *receiver {
	t.Helper()
	r := registry.NewMemoryRegistry()
	b := connect(t, broker.NewBroker(append([]broker.Option{broker.Registry(r)}, opts...)...))
	subscribe(t, b, "topic", h)
	return &receiver{Broker: b, node: nodes(t, r)[broadcast][0]}
}

// post sends a request as another make of publisher would.
func (r *receiver) post(t testing.TB, method, id, body string) (status int, reply string) {
	t.Helper()
	req, err := http.NewRequest(method, "http://"+r.node.Address+"/?id="+url.QueryEscape(id), strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(text)
}

func encoded(topic, body string) string {
	return fmt.Sprintf(`{"Header":{"Micro-Topic":%q},"Body":%q}`, topic, base64.StdEncoding.EncodeToString([]byte(body)))
}

func TestEveryPostIsAnsweredWithItsStatus(t *testing.T) {
	t.Parallel()
	var got log
	r := newReceiver(t, got.handle, broker.MaxMessageSize(1000))
	for _, c := range []struct {
		name, method, id, body string
		status                 int
		detail                 string
		code                   int32
	}{
		{"a message", "POST", r.node.Id, encoded("topic", "hi"), 200, "", 0},
		{"another method", "GET", r.node.Id, "", 405, "Method not allowed", 400},
		{"garbage", "POST", r.node.Id, "{", 500, "Error parsing request body: ", 500},
		{"nothing", "POST", r.node.Id, "", 500, "Error parsing request body: ", 500},
		{"JSON null", "POST", r.node.Id, " null\n", 500, "Error parsing request body: ", 500},
		{"another JSON type", "POST", r.node.Id, "[1]", 500, "Error parsing request body: ", 500},
		{"no topic", "POST", r.node.Id, `{"Header":null,"Body":null}`, 500, "Topic not found", 500},
		{"unknown id", "POST", "unknown", encoded("topic", "x"), 200, "", 0},
		{"no id", "POST", "", encoded("topic", "x"), 200, "", 0},
		{"unknown topic", "POST", r.node.Id, encoded("other", "x"), 200, "", 0},
		{"too large", "POST", r.node.Id, encoded("topic", strings.Repeat("x", 1000)), 413, "larger than 1000 bytes", 413},
	} {
		t.Run(c.name, func(t *testing.T) {
			status, reply := r.post(t, c.method, c.id, c.body)
			if status != c.status {
				t.Errorf("status %d %s, want %d", status, reply, c.status)
			}
			if c.detail == "" {
				if reply != "" {
					t.Errorf("reply %q, want none", reply)
				}
				return
			}
			var e struct {
				ID, Detail string
				Code       int32
			}
			if err := json.Unmarshal([]byte(reply), &e); err != nil || e.ID != "go.micro.broker" || e.Code != c.code || !strings.Contains(e.Detail, c.detail) {
				t.Errorf("reply %s, want code %d and detail %q", reply, c.code, c.detail)
			}
		})
	}
	eventuallyEqual(t, got.got, []string{"hi"})
}

func TestAPanicOfAHandlerIsAnswered500(t *testing.T) {
	t.Parallel()
	r := newReceiver(t, func(broker.Event) error { panic("on purpose") }, broker.ErrorHandler(func(e broker.Event) error {
		if !strings.Contains(e.Error().Error(), "on purpose") {
			t.Errorf("the error handler got %v", e.Error())
		}
		return nil
	}))
	if status, reply := r.post(t, "POST", r.node.Id, encoded("topic", "x")); status != 500 || !strings.Contains(reply, "on purpose") {
		t.Errorf("reply %d %s", status, reply)
	}
}

func TestHandlerErrorIs200AndReachesTheErrorHandler(t *testing.T) {
	t.Parallel()
	failure := errors.New("on purpose")
	told := make(chan error, 1)
	r := newReceiver(t, func(broker.Event) error { return failure },
		broker.ErrorHandler(func(e broker.Event) error { told <- e.Error(); return nil }))
	if status, reply := r.post(t, "POST", r.node.Id, encoded("topic", "x")); status != 200 || reply != "" {
		t.Errorf("reply %d %q", status, reply)
	}
	if err := <-told; !errors.Is(err, failure) {
		t.Errorf("the error handler got %v", err)
	}
}

func TestExtraHandlersAreServed(t *testing.T) {
	t.Parallel()
	ctx := context.WithValue(context.Background(), "http_handlers", map[string]http.Handler{ //nolint:staticcheck // the key known to programs
		"/health": http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "fine") }),
		"/":       http.NotFoundHandler(), // messages arrive there all the same
	})
	var got log
	r := newReceiver(t, got.handle, func(o *broker.Options) { o.Context = ctx })
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Get("http://" + r.node.Address + "/health")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if text, _ := io.ReadAll(resp.Body); string(text) != "fine" {
		t.Errorf("the extra handler says %q", text)
	}
	if status, reply := r.post(t, "POST", r.node.Id, encoded("topic", "hi")); status != 200 {
		t.Errorf("reply %d %s", status, reply)
	}
}

// batches of this make are taken as a whole, up to the message that fails.
func TestBatchStopsAtTheMessageThatFails(t *testing.T) {
	t.Parallel()
	var got log
	r := newReceiver(t, func(e broker.Event) error {
		if string(e.Message().Body) == "bad" {
			panic("on purpose")
		}
		return got.handle(e)
	}, broker.ErrorHandler(func(broker.Event) error { return nil }))
	post := func(id string, bodies ...string) (int, string) {
		var batch []byte
		for _, body := range bodies {
			batch = broker.AppendToBatch(batch, []byte(encoded("topic", body)))
		}
		return postBatch(t, r, id, batch)
	}
	if status, results := post(r.node.Id, "1", "2", "bad", "3"); status != 200 || results != "++!" {
		t.Errorf("%d %q", status, results)
	}
	if status, results := post("unknown", "1", "2"); status != 200 || results != "?" {
		t.Errorf("unknown id: %d %q", status, results)
	}
	if status, _ := postBatch(t, r, r.node.Id, []byte{0xff}); status != 400 {
		t.Errorf("malformed batch: %d", status)
	}
	eventuallyEqual(t, got.got, []string{"1", "2"})
}

func postBatch(t *testing.T, r *receiver, id string, batch []byte) (int, string) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Post("http://"+r.node.Address+"/?id="+url.QueryEscape(id), broker.BatchContentType, bytes.NewReader(batch))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(text)
}

func TestSlowBatchReportsWhatIsDone(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	first := true
	var got log
	r := newReceiver(t, func(e broker.Event) error {
		if string(e.Message().Body) == "slow" && first {
			first = false
			<-release
		}
		return got.handle(e)
	})
	var batch []byte
	for _, body := range []string{"1", "slow"} {
		batch = broker.AppendToBatch(batch, []byte(encoded("topic", body)))
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Post("http://"+r.node.Address+"/?id="+url.QueryEscape(r.node.Id), broker.BatchContentType, bytes.NewReader(batch))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	one := make([]byte, 1)
	if _, err := io.ReadFull(resp.Body, one); err != nil || one[0] != '+' {
		t.Errorf("while the second handler runs: %q, %v", one, err)
	}
	close(release)
	if rest, _ := io.ReadAll(resp.Body); string(rest) != "+" {
		t.Errorf("the rest is %q", rest)
	}
}

func TestPublisherUsesBatchesOnlyForThoseWhoOfferThem(t *testing.T) {
	t.Parallel()
	r := registry.NewMemoryRegistry()
	b := connect(t, broker.NewBroker(broker.Registry(r)))
	var own log
	subscribe(t, b, "topic", own.handle)
	p := newPeer(t, r, "topic", "queue", nil)
	for n := 0; n < 200; n += 50 { // never more than a lane holds
		publish(t, b, "topic", numbers(n, n+50)...)
		eventuallyEqual(t, own.got, numbers(0, n+50))
		p.wantEventually(t, numbers(0, n+50)...)
	}
}

func FuzzSplitBatch(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{0})
	f.Add([]byte{3, 'a', 'b', 'c', 1, 'd'})
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1})
	f.Fuzz(func(t *testing.T, batch []byte) {
		messages, err := broker.SplitBatch(batch)
		if err != nil {
			return
		}
		var again []byte
		for _, m := range messages {
			again = broker.AppendToBatch(again, m)
		}
		if len(again) > len(batch) {
			t.Errorf("%d bytes became %d", len(batch), len(again))
		}
	})
}

func FuzzReceive(f *testing.F) {
	var got log
	r := newReceiver(f, got.handle)
	f.Add(encoded("topic", "x"))
	f.Add("null")
	f.Add(`{"Header":{"Micro-Topic":"topic"},"Body":null}`)
	f.Add(`{"Header":{"Micro-Topic":1}}`)
	f.Fuzz(func(t *testing.T, body string) {
		if status, reply := r.post(t, "POST", r.node.Id, body); status != 200 && status != 500 {
			t.Errorf("%q got %d %s", body, status, reply)
		}
	})
}
