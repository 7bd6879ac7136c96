package client_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/justcy/go-micro/v4/internal/kubetest"
	"github.com/justcy/go-micro/v4/util/kubernetes/client"
)

// half is an answer that is cut.
func half(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "1000")
		_, _ = io.WriteString(w, text)
	}
}

func refuse(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { kubetest.Refuse(w, code, "", "") }
}

// Whatever a server answers for a while, a watch goes on when it is itself again.
func TestAWatchOutlastsTheTroublesOfItsServer(t *testing.T) {
	for name, troubles := range map[string][]http.HandlerFunc{
		"busy":        {refuse(http.StatusTooManyRequests), refuse(http.StatusConflict), refuse(http.StatusServiceUnavailable)},
		"restarted":   {refuse(http.StatusUnauthorized), refuse(http.StatusInternalServerError), refuse(http.StatusBadGateway)},
		"half events": {half(""), half(`{"type":"ADDED","object":{"metadata":{"name":"half`), half(`{"type":"ERROR","object":{"code":500}}` + "\n")},
		// What is forgotten is asked for in a list, which may be cut as well.
		"forgetful": {refuse(http.StatusGone), half(`{"items":[{"metadata":{"name"`), refuse(http.StatusInternalServerError)},
	} {
		t.Run(name, func(t *testing.T) { outlast(t, troubles) })
	}
}

func outlast(t *testing.T, troubles []http.HandlerFunc) {
	server := kubetest.New(t)
	server.Put(pods+"before", `{}`)
	w, err := client.NewLocalClient(server.URL).Watch(&client.Resource{Kind: "pod"}, client.WatchResume())
	if err != nil {
		t.Fatal(err)
	}
	defer w.Stop()
	if got := happened(t, <-w.Chan()); got != "ADDED before 2" {
		t.Fatalf("got %s", got)
	}
	var next atomic.Int32
	server.Fault(func(w http.ResponseWriter, r *http.Request) bool {
		i := int(next.Add(1)) - 1
		if i < len(troubles) {
			troubles[i](w, r)
		}
		return i < len(troubles)
	})
	server.CloseClientConnections()
	server.Put(pods+"meanwhile", `{}`)
	if got := happened(t, <-w.Chan()); got != "ADDED meanwhile 3" || int(next.Load()) < len(troubles) {
		t.Errorf("got %s after %d requests", got, next.Load())
	}
}

func TestAWatchGoesOnWithARenewedToken(t *testing.T) {
	server := kubetest.NewTLS(t)
	dir := account(t, server)
	c := client.NewClientOf(dir)
	defer client.CloseIdle(c)
	w, err := c.Watch(&client.Resource{Kind: "pod"}, client.WatchResume())
	if err != nil {
		t.Fatal(err)
	}
	defer w.Stop()
	refused := make(chan bool, 1)
	server.Fault(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Header.Get("Authorization") == "Bearer second" {
			return false
		}
		kubetest.Refuse(w, http.StatusUnauthorized, "Unauthorized", "")
		select {
		case refused <- true:
		default:
		}
		return true
	})
	server.CloseClientConnections()
	<-refused
	server.Put(pods+"a", `{}`)
	if err := os.WriteFile(filepath.Join(dir, "token"), []byte("second"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := happened(t, <-w.Chan()); got != "ADDED a 2" {
		t.Errorf("got %s", got)
	}
}

func TestTheTokenIsForTheClusterAlone(t *testing.T) {
	asked := make(chan http.Header, 1)
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { asked <- r.Header }))
	defer elsewhere.Close()
	server := kubetest.NewTLS(t)
	server.Fault(func(w http.ResponseWriter, r *http.Request) bool {
		http.Redirect(w, r, elsewhere.URL, http.StatusFound)
		return true
	})
	c := client.NewClientOf(account(t, server))
	defer client.CloseIdle(c)
	if err := c.Get(&client.Resource{Kind: "pod", Value: new(client.PodList)}); err == nil {
		t.Error("another server was believed")
	}
	if header := <-asked; header.Get("Authorization") != "" {
		t.Error("another server got the token")
	}
}

// way is what becomes of requests.
type way func(*http.Request) (*http.Response, error)

func (w way) RoundTrip(r *http.Request) (*http.Response, error) { return w(r) }

func TestAServerThatEndsEveryStreamIsAskedMoreAndMoreSeldom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		c := client.NewClientVia(way(func(r *http.Request) (*http.Response, error) {
			asked++
			return &http.Response{StatusCode: http.StatusOK, Request: r,
				Body: io.NopCloser(strings.NewReader(fmt.Sprintf(`{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"%d"}}}`+"\n", asked)))}, nil
		}))
		w, err := c.Watch(&client.Resource{Kind: "pod"}, client.WatchResume())
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		w.Stop()
		if asked < 5 || asked > 20 {
			t.Errorf("asked %d times in a minute", asked)
		}
	})
}

func TestAStreamThatNobodyAnswersIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := client.NewClientVia(way(func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, context.Cause(r.Context())
		}))
		_, logs := c.Log(&client.Resource{Name: "a"})
		_, watch := c.Watch(&client.Resource{Kind: "pod"})
		for _, err := range []error{logs, watch} {
			if err == nil || !strings.Contains(err.Error(), "http://server/") || !strings.Contains(err.Error(), "did not answer within 30s") {
				t.Errorf("got %v", err)
			}
		}
	})
}
