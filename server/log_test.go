package server_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/justcy/go-micro/v4/logger"
	"github.com/justcy/go-micro/v4/server"
)

func TestLinesOfTheLogNameTheirOwnPlace(t *testing.T) {
	var out bytes.Buffer
	s := newServer(t, server.WithLogger(logger.NewLogger(logger.WithOutput(&out))))
	start(t, s)
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	if text := out.String(); !strings.Contains(text, "file=server/registration.go:") || strings.Contains(text, "errors.go") {
		t.Errorf("the log is\n%s", text)
	}
}
