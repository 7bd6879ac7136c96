package server_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	microerrors "github.com/justcy/go-micro/v4/errors"
	"github.com/justcy/go-micro/v4/server"
	"github.com/justcy/go-micro/v4/transport"
)

// Faulty fails in the way that its request says.
type Faulty struct{}

func (Faulty) Do(_ context.Context, req *Text, rsp *Text) error {
	switch req.Text {
	case "coded":
		return microerrors.NotFound("shop", "no such order")
	case "plain":
		return errors.New("it broke")
	case "odd":
		return microerrors.New("shop", "fine, really", 200)
	}
	rsp.Text = req.Text
	return nil
}

func startFaulty(t *testing.T, opts ...server.Option) string {
	s := newServer(t, append(opts, server.Transport(transport.NewHTTPTransport()))...)
	handle(t, s, Faulty{})
	subscribe(t, s, "news", func(context.Context, *Text) error { return microerrors.Conflict("shop", "sold") })
	start(t, s)
	return "http://" + s.Options().Address + "/"
}

// curl posts a body as curl does, with headers by pairs.
func curl(t *testing.T, url, body string, pairs ...string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(pairs); i += 2 {
		r.Header.Set(pairs[i], pairs[i+1])
	}
	rsp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer rsp.Body.Close()
	b, err := io.ReadAll(rsp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return rsp, string(b)
}

func TestARequestWithoutAnIdThatFailsGetsTheStatusAndTheError(t *testing.T) {
	url := startFaulty(t)
	for name, test := range map[string]struct {
		endpoint, body, contentType string
		status                      int
		detail                      []string
	}{
		"a handler's error":      {"Faulty.Do", `{"text":"coded"}`, "application/json", 404, []string{"no such order"}},
		"a plain error":          {"Faulty.Do", `{"text":"plain"}`, "application/json", 500, []string{"it broke"}},
		"a code that is none":    {"Faulty.Do", `{"text":"odd"}`, "application/json", 500, []string{"fine, really"}},
		"an unknown method":      {"Faulty.Dont", `{}`, "application/json", 404, []string{"Faulty.Dont", `"test"`}},
		"an unknown handler":     {"Nobody.Do", `{}`, "application/json", 404, []string{"Nobody.Do", `"test"`}},
		"an undecodable body":    {"Faulty.Do", `{"text":`, "application/json", 400, []string{"Faulty.Do", `"test"`}},
		"an unknown format":      {"Faulty.Do", `{}`, "application/x-unknown", 415, []string{"application/x-unknown"}},
		"undecodable protobuf":   {"Faulty.Do", "\xff", "application/protobuf", 400, nil},
		"an endpoint of no form": {"Faulty", `{}`, "application/json", 400, []string{"Type.Method"}},
	} {
		t.Run(name, func(t *testing.T) {
			rsp, body := curl(t, url, test.body, "Content-Type", test.contentType, "Micro-Service", "test", "Micro-Endpoint", test.endpoint)
			var e microerrors.Error
			if err := json.Unmarshal([]byte(body), &e); err != nil {
				t.Fatalf("status %d, body %q: %v", rsp.StatusCode, body, err)
			}
			if rsp.StatusCode != test.status || rsp.Header.Get("Content-Type") != "application/json" || e.Id == "" {
				t.Errorf("status %d, want %d; %s %+v", rsp.StatusCode, test.status, rsp.Header.Get("Content-Type"), &e)
			}
			for _, part := range test.detail {
				if !strings.Contains(e.Detail, part) {
					t.Errorf("the detail is %q, want one with %q", e.Detail, part)
				}
			}
		})
	}
}

func TestAnErrorNamesTheServiceThoughTheRequestDoesNot(t *testing.T) {
	for endpoint, body := range map[string]string{"Faulty.Do": `{"text":`, "Faulty.Dont": `{}`, "Nobody.Do": `{}`} {
		_, got := curl(t, startFaulty(t), body, "Content-Type", "application/json", "Micro-Endpoint", endpoint)
		if !strings.Contains(got, endpoint) || !strings.Contains(got, `service \"test\"`) {
			t.Errorf("%s: the error is %s", endpoint, got)
		}
	}
}

func TestHTTP2ClientsWithoutAnIdGetTheStatusAndTheError(t *testing.T) {
	url := startFaulty(t)
	only := new(http.Protocols)
	only.SetUnencryptedHTTP2(true)
	tr := &http.Transport{Protocols: only}
	defer tr.CloseIdleConnections()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(`{"text":"coded"}`))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Micro-Endpoint", "Faulty.Do")
	rsp, err := (&http.Client{Transport: tr}).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer rsp.Body.Close()
	body, err := io.ReadAll(rsp.Body)
	if err != nil || rsp.ProtoMajor != 2 || rsp.StatusCode != 404 || !strings.Contains(string(body), "no such order") {
		t.Errorf("%s %s, body %q, %v", rsp.Proto, rsp.Status, body, err)
	}
}

func TestARequestWithoutAnIdThatSucceedsGetsItsReply(t *testing.T) {
	rsp, body := curl(t, startFaulty(t), `{"text":"x"}`, "Content-Type", "application/json", "Micro-Service", "test", "Micro-Endpoint", "Faulty.Do")
	if rsp.StatusCode != 200 || strings.TrimSpace(body) != `{"text":"x"}` {
		t.Errorf("status %d, body %q", rsp.StatusCode, body)
	}
}

func TestAMessageThatFailsIsAnsweredAsInV4(t *testing.T) {
	rsp, body := curl(t, startFaulty(t), `{}`, "Content-Type", "application/json", "Micro-Topic", "news")
	if rsp.StatusCode != 200 || body != "" || !strings.Contains(rsp.Header.Get("Micro-Error"), "sold") {
		t.Errorf("status %d, body %q, header %v", rsp.StatusCode, body, rsp.Header)
	}
}

func TestClientsOfTheFrameworkGetErrorsAsInV4(t *testing.T) {
	rsp, body := curl(t, startFaulty(t), `{"text":"coded"}`, "Content-Type", "application/json", "Micro-Service", "test", "Micro-Endpoint", "Faulty.Do", "Micro-Id", "7")
	if rsp.StatusCode != 200 || body != "" || !strings.Contains(rsp.Header.Get("Micro-Error"), `"code":404`) || rsp.Header.Get("Micro-Id") != "7" {
		t.Errorf("status %d, body %q, header %v", rsp.StatusCode, body, rsp.Header)
	}
}
