package slogbridge_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/slogtest"
	"time"

	"github.com/justcy/go-micro/v4/debug/log"
	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/logger"
	"github.com/justcy/go-micro/v4/logger/slogbridge"
	"github.com/justcy/go-micro/v4/metadata"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// line is what a JSON handler writes.
type line struct {
	Level  string
	Msg    string
	Source struct {
		File string
		Line int
	}
	K string
	N int
}

// newLogger returns a logger on a JSON handler, and how to read its last line.
func newLogger(t *testing.T, level slog.Leveler, opts ...logger.Option) (logger.Logger, func() line) {
	t.Helper()
	var out bytes.Buffer
	h := slog.NewJSONHandler(&out, &slog.HandlerOptions{AddSource: true, Level: level})
	return slogbridge.NewLogger(h, opts...), func() line {
		t.Helper()
		var l line
		if out.Len() > 0 {
			if err := json.Unmarshal(out.Bytes(), &l); err != nil {
				t.Fatalf("%v: %s", err, out.Bytes())
			}
		}
		out.Reset()
		return l
	}
}

func TestRecordsNameTheLineThatLogs(t *testing.T) {
	l, last := newLogger(t, nil)
	old := logger.DefaultLogger
	logger.DefaultLogger = l
	defer func() { logger.DefaultLogger = old }()
	h := logger.NewHelper(l)
	for range 2 { // the second time the places are known
		for name, write := range map[string]func() int{
			"Log":     func() int { l.Log(logger.InfoLevel, "x"); return here() },
			"Logf":    func() int { l.Logf(logger.InfoLevel, "x"); return here() },
			"Fields":  func() int { l.Fields(map[string]any{"k": "v"}).Log(logger.InfoLevel, "x"); return here() },
			"helper":  func() int { h.Infof("%s", "x"); return here() },
			"package": func() int { logger.Info("x"); return here() },
			"For":     func() int { logger.For(t.Context()).Info("x"); return here() },
		} {
			want := write()
			if got := last(); got.Source.Line != want || !strings.HasSuffix(got.Source.File, "slogbridge_test.go") || got.Msg != "x" {
				t.Errorf("%s: %+v, want line %d", name, got, want)
			}
		}
	}
}

// here is the line of its caller.
func here() int {
	_, _, n, _ := runtime.Caller(1)
	return n
}

func say(l logger.Logger) { l.Log(logger.InfoLevel, "x") }

func TestAHigherSkipCountNamesTheCallerOfAFunction(t *testing.T) {
	l, last := newLogger(t, nil, logger.WithCallerSkipCount(3))
	say(l)
	if want := here() - 1; last().Source.Line != want {
		t.Errorf("want line %d", want)
	}
}

func TestLevelsCorrespondByName(t *testing.T) {
	l, last := newLogger(t, slog.Level(-100))
	for level, want := range map[logger.Level]string{
		logger.TraceLevel: "DEBUG-4", logger.DebugLevel: "DEBUG", logger.InfoLevel: "INFO",
		logger.WarnLevel: "WARN", logger.ErrorLevel: "ERROR", logger.FatalLevel: "ERROR+4",
	} {
		l.Log(level, "x")
		if got := last(); got.Level != want {
			t.Errorf("%v is %q, want %q", level, got.Level, want)
		}
	}
}

func TestTheHandlerDecidesWhichLevelsAreShown(t *testing.T) {
	l, last := newLogger(t, slog.LevelWarn)
	if l.Log(logger.InfoLevel, "x"); last().Msg != "" || logger.V(logger.InfoLevel, l) {
		t.Error("a level that the handler does not show")
	}
	if l.Log(logger.WarnLevel, "x"); last().Msg != "x" || !logger.V(logger.WarnLevel, l) {
		t.Error("a level that the handler shows")
	}
	if err := l.Init(logger.WithLevel(logger.ErrorLevel)); err != nil {
		t.Fatal(err)
	}
	if l.Log(logger.WarnLevel, "x"); last().Msg != "" {
		t.Error("a level that the logger does not show")
	}
}

func TestFieldsAreAttributes(t *testing.T) {
	given := map[string]any{"k": "v"}
	l, last := newLogger(t, nil, logger.WithFields(given))
	child := l.Fields(map[string]any{"n": 7})
	given["k"] = "changed"
	child.Logf(logger.InfoLevel, "100%%")
	if got := last(); got.K != "v" || got.N != 7 || got.Msg != "100%" {
		t.Errorf("child: %+v", got)
	}
	l.Log(logger.InfoLevel, 1, 2, "x")
	if got := last(); got.K != "v" || got.N != 0 || got.Msg != "1 2x" && got.Msg != fmt.Sprint(1, 2, "x") {
		t.Errorf("parent: %+v", got)
	}
	if o := child.Options(); o.Fields["n"] != 7 || l.String() != "slog" {
		t.Errorf("options %+v", o)
	}
}

// kept is a Recorder.
type kept struct {
	logger.Logger
	mu      sync.Mutex
	records []log.Record
}

func (k *kept) Record(_ logger.Level, r log.Record) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.records = append(k.records, r)
}

func TestTheHandlerKeepsTheRulesOfSlog(t *testing.T) {
	k := &kept{Logger: logger.NewLogger(logger.WithOutput(io.Discard))}
	err := slogtest.TestHandler(slogbridge.NewHandler(k), func() (results []map[string]any) {
		for _, r := range k.records {
			m := map[string]any{slog.MessageKey: r.Message, slog.LevelKey: "INFO"}
			if !r.Timestamp.IsZero() {
				m[slog.TimeKey] = r.Timestamp
			}
			for name, v := range r.Metadata {
				nest(m, strings.Split(name, "."), v)
			}
			results = append(results, m)
		}
		return results
	})
	if err != nil {
		t.Error(err)
	}
}

// nest puts v into m, with a map for each name but the last.
func nest(m map[string]any, names []string, v any) {
	if len(names) == 1 {
		m[names[0]] = v
		return
	}
	inner, ok := m[names[0]].(map[string]any)
	if !ok {
		inner = map[string]any{}
		m[names[0]] = inner
	}
	nest(inner, names[1:], v)
}

func TestSlogRecordsTellRequestAndLine(t *testing.T) {
	k := &kept{Logger: logger.NewLogger(logger.WithOutput(io.Discard))}
	ctx := metadata.NewContext(t.Context(), metadata.Metadata{
		"Micro-Service": "shop", "Micro-Endpoint": "Shop.Sell", "Micro-Trace-Id": "t1",
	})
	slog.New(slogbridge.NewHandler(k)).With("k", "v").WithGroup("g").InfoContext(ctx, "sold", "n", 3, "at", time.Unix(0, 0).UTC())
	file := fmt.Sprintf("slogbridge/slogbridge_test.go:%d", here()-1)
	want := map[string]string{"service": "shop", "endpoint": "Shop.Sell", "trace": "t1", "k": "v", "g.n": "3", "g.at": "1970-01-01T00:00:00Z", "file": file}
	got := k.records[0]
	if fmt.Sprint(got.Metadata) != fmt.Sprint(want) || got.Message != "sold" {
		t.Errorf("got  %v\nwant %v", got.Metadata, want)
	}
}

func TestTheDefaultLoggerShowsSlogRecords(t *testing.T) {
	var out bytes.Buffer
	old := log.DefaultLog
	log.DefaultLog = log.NewLog()
	defer func() { log.DefaultLog = old }()
	l := logger.NewLogger(logger.WithOutput(&out), logger.WithFields(map[string]any{"own": 1}))
	s := slog.New(slogbridge.NewHandler(l))
	s.Debug("hidden")
	s.Warn("slow", "k", "v")
	text := out.String()
	want := fmt.Sprintf("  file=slogbridge/slogbridge_test.go:%d k=v level=warn own=1 slow\n", here()-2)
	if !strings.HasSuffix(text, want) || strings.Count(text, "\n") != 1 {
		t.Errorf("got %q, want %q", text, want)
	}
	if records, err := log.DefaultLog.Read(); err != nil || len(records) != 1 || records[0].Metadata["k"] != "v" {
		t.Errorf("kept %v, %v", records, err)
	}
}

// plain is a logger that is no Recorder.
type plain struct {
	logger.Logger
	fields map[string]any
	shown  *[]string
}

func (p plain) Fields(f map[string]any) logger.Logger { p.fields = f; return p }

func (p plain) Log(level logger.Level, v ...any) {
	*p.shown = append(*p.shown, fmt.Sprint(level, " ", p.fields["k"], " ", fmt.Sprint(v...)))
}

func TestOtherLoggersGetFieldsAndMessage(t *testing.T) {
	var shown []string
	p := plain{Logger: logger.NewLogger(), shown: &shown}
	s := slog.New(slogbridge.NewHandler(p))
	s.Error("broken", "k", "v")
	s.Log(t.Context(), 100, "worse", "k", "w")
	s.Log(t.Context(), 1, "notice", "k", "x")
	s.Log(t.Context(), -100, "hidden")
	if want := "[error v broken fatal w worse info x notice]"; fmt.Sprint(shown) != want {
		t.Errorf("got %v, want %s", shown, want)
	}
}

func TestRecordsOfSlogAreKeptForTheDebugHandler(t *testing.T) {
	l := log.NewLog()
	var out bytes.Buffer
	h := slog.NewMultiHandler(slog.NewTextHandler(&out, nil), slogbridge.NewLogHandler(l))
	slogbridge.NewLogger(h).Fields(map[string]any{"k": "v"}).Log(logger.DebugLevel, "hello")
	records, err := l.Read()
	if err != nil || len(records) != 1 {
		t.Fatalf("%v, %v", records, err)
	}
	if r := records[0]; r.Message != "hello" || r.Metadata["k"] != "v" || r.Metadata["level"] != "debug" || out.Len() != 0 {
		t.Errorf("%+v, and %q", r, &out)
	}
}

func TestInitAndLoggingMayBeConcurrent(t *testing.T) {
	l := slogbridge.NewLogger(slog.NewTextHandler(io.Discard, nil))
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for range 200 {
				_ = l.Init(logger.WithFields(map[string]any{"i": i}))
				l.Log(logger.InfoLevel, "x")
				l.Fields(map[string]any{"k": i}).Logf(logger.InfoLevel, "y %d", i)
			}
		})
	}
	wg.Wait()
}

// BenchmarkRecord compares a record through the bridge with one of slog itself.
func BenchmarkRecord(b *testing.B) {
	h := slog.NewJSONHandler(io.Discard, nil)
	raw, bridged := slog.New(h), slogbridge.NewLogger(h)
	b.Run("slog", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			raw.Info("a message of usual length")
		}
	})
	b.Run("bridge", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			bridged.Log(logger.InfoLevel, "a message of usual length")
		}
	})
	b.Run("helper", func(b *testing.B) {
		helper := logger.NewHelper(bridged)
		b.ReportAllocs()
		for b.Loop() {
			helper.Info("a message of usual length")
		}
	})
}

func ExampleNewLogger() {
	h := slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		},
	})
	l := slogbridge.NewLogger(h)
	l.Fields(map[string]any{"topic": "news"}).Logf(logger.WarnLevel, "%d messages behind", 3)
	// Output: level=WARN msg="3 messages behind" topic=news
}
