package logger_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/debug/log"
	"github.com/justcy/go-micro/v4/logger"
	"github.com/justcy/go-micro/v4/metadata"
)

// recorder counts the Writes it gets.
type recorder struct {
	bytes.Buffer
	writes int
}

func (r *recorder) Write(p []byte) (int, error) {
	r.writes++
	return r.Buffer.Write(p)
}

// useDefault makes l the DefaultLogger for the test.
func useDefault(t *testing.T, l logger.Logger) {
	old := logger.DefaultLogger
	logger.DefaultLogger = l
	t.Cleanup(func() { logger.DefaultLogger = old })
}

func TestLevelsHaveNamesInAnyCase(t *testing.T) {
	names := map[string]logger.Level{"trace": -2, "debug": -1, "info": 0, "warn": 1, "error": 2, "fatal": 3}
	for name, level := range names {
		if got, err := logger.GetLevel(name); got != level || err != nil || level.String() != name {
			t.Errorf("%s: got %d, %v, %s", name, got, err, level)
		}
	}
	for name, level := range map[string]logger.Level{"DEBUG": logger.DebugLevel, "Warn": logger.WarnLevel} {
		if got, err := logger.GetLevel(name); got != level || err != nil {
			t.Errorf("%s: got %v, %v", name, got, err)
		}
	}
	for _, name := range []string{"", "warning", "loud", "1"} {
		got, err := logger.GetLevel(name)
		if got != logger.InfoLevel || err == nil || !strings.Contains(err.Error(), fmt.Sprintf("%q", name)) {
			t.Errorf("%q: got %v, %v", name, got, err)
		}
	}
	if logger.Level(9).String() != "" {
		t.Error("an unknown level has a name")
	}
	if !logger.InfoLevel.Enabled(logger.InfoLevel) || logger.InfoLevel.Enabled(logger.DebugLevel) || !logger.InfoLevel.Enabled(logger.WarnLevel) {
		t.Error("Enabled is not its own level and worse")
	}
}

func TestALineHasTimeFieldsLevelAndMessage(t *testing.T) {
	out := new(recorder)
	l := logger.NewLogger(logger.WithOutput(out), logger.WithFields(map[string]any{"b": 1, "a": errors.New("x")}))
	logger.NewHelper(l).Infof("%d%%", 100)
	want := `^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d  a=x b=1 file=logger/logger_test\.go:\d+ level=info 100%\n$`
	if !regexp.MustCompile(want).MatchString(out.String()) {
		t.Errorf("got %q", out)
	}
}

func TestLogPrintsLikeSprint(t *testing.T) {
	out := new(recorder)
	logger.NewHelper(logger.NewLogger(logger.WithOutput(out))).Info("a", 1, 2, "b")
	if !strings.HasSuffix(out.String(), " level=info "+fmt.Sprint("a", 1, 2, "b")+"\n") {
		t.Errorf("got %q", out)
	}
}

func TestCallerIsTheLineOfTheCall(t *testing.T) {
	out := new(recorder)
	useDefault(t, logger.NewLogger(logger.WithOutput(out), logger.WithLevel(logger.TraceLevel)))
	h := logger.NewHelper(logger.DefaultLogger)
	for name, call := range map[string]func(){
		"Info":                func() { logger.Info("x") },
		"Warnf":               func() { logger.Warnf("x") },
		"Log":                 func() { logger.Log(logger.ErrorLevel, "x") },
		"Helper.Debug":        func() { h.Debug("x") },
		"Helper.Logf":         func() { h.Logf(logger.InfoLevel, "x") },
		"DefaultHelper.Error": func() { logger.DefaultHelper.Error("x") },
		"Logger.Log":          func() { logger.DefaultLogger.Log(logger.InfoLevel, "x") },
		"Logger.Logf":         func() { logger.DefaultLogger.Logf(logger.InfoLevel, "x") },
		"Fields.Log":          func() { logger.Fields(map[string]any{"a": 1}).Log(logger.InfoLevel, "x") },
		"Logger.Fields.Logf":  func() { logger.DefaultLogger.Fields(nil).Logf(logger.InfoLevel, "x") },
		"WithFields.Warn":     func() { h.WithFields(map[string]any{"a": 1}).WithError(errors.New("x")).Warn("x") },
		"Extract.Info":        func() { logger.Extract(h.Inject(context.Background())).Info("x") },
		"a lower count": func() {
			logger.NewLogger(logger.WithOutput(out), logger.WithCallerSkipCount(0)).Log(logger.InfoLevel, "x")
		},
	} {
		out.Reset()
		_, _, before, _ := runtime.Caller(0)
		call()
		match := regexp.MustCompile(`file=logger/logger_test\.go:(\d+)`).FindStringSubmatch(out.String())
		if match == nil {
			t.Errorf("%s: %q", name, out)
			continue
		}
		if line, _ := strconv.Atoi(match[1]); line >= before || line < before-40 {
			t.Errorf("%s: the line is %d, want the one of the call, shortly before %d", name, line, before)
		}
	}
}

// say logs for its callers.
func say(l logger.Logger) { l.Logf(logger.InfoLevel, "x") }

func TestAHigherSkipCountNamesTheCallerOfAFunction(t *testing.T) {
	out := new(recorder)
	for count, want := range map[int]int{2: -3, 3: 0} {
		out.Reset()
		l := logger.NewLogger(logger.WithOutput(out), logger.WithCallerSkipCount(count))
		say(l)
		_, _, line, _ := runtime.Caller(0)
		if want == 0 && !strings.Contains(out.String(), fmt.Sprintf("file=logger/logger_test.go:%d ", line-1)) {
			t.Errorf("skipping %d: %q, want line %d", count, out, line-1)
		}
		if want != 0 && strings.Contains(out.String(), fmt.Sprintf(":%d ", line-1)) {
			t.Errorf("skipping %d: %q, want the line in the function", count, out)
		}
	}
}

func TestLinesGoToTheOutputThatWasSet(t *testing.T) {
	out := new(recorder)
	l := logger.NewLogger(logger.WithOutput(out))
	l.Log(logger.InfoLevel, "one")
	l.Fields(map[string]any{"k": "v"}).Log(logger.InfoLevel, "two")
	if lines := strings.Count(out.String(), "\n"); lines != 2 || out.writes != 2 {
		t.Errorf("%d lines in %d writes", lines, out.writes)
	}
	other := new(recorder)
	_ = l.Init(logger.WithOutput(other))
	l.Log(logger.InfoLevel, "three")
	if other.writes != 1 || out.writes != 2 {
		t.Errorf("%d writes to the new output, %d to the old one", other.writes, out.writes)
	}
}

func TestRecordsAreKeptInDebugLog(t *testing.T) {
	old := log.DefaultLog
	log.DefaultLog = log.NewLog()
	defer func() { log.DefaultLog = old }()

	l := logger.NewLogger(logger.WithOutput(new(recorder)), logger.WithFields(map[string]any{"n": 7}))
	l.Log(logger.DebugLevel, "hidden")
	l.Logf(logger.WarnLevel, "shown %d", 1)
	records, err := log.DefaultLog.Read()
	if err != nil || len(records) != 1 {
		t.Fatalf("got %v, %v", records, err)
	}
	r := records[0]
	if r.Message != "shown 1" || r.Metadata["n"] != "7" || r.Metadata["level"] != "warn" || r.Timestamp.IsZero() {
		t.Errorf("got %+v", r)
	}
}

func TestInitChangesOnlyTheOptionsGiven(t *testing.T) {
	type key struct{}
	l := logger.NewLogger()
	o := l.Options()
	if o.Level != logger.InfoLevel || o.Out != os.Stderr || o.CallerSkipCount != 2 || len(o.Fields) != 0 || o.Context == nil || l.String() != "default" {
		t.Errorf("the defaults are %+v", o)
	}
	_ = l.Init(logger.WithLevel(logger.ErrorLevel), logger.WithCallerSkipCount(5), logger.SetOption(key{}, "v"))
	o = l.Options()
	if o.Level != logger.ErrorLevel || o.CallerSkipCount != 5 || o.Out != os.Stderr || o.Context.Value(key{}) != "v" {
		t.Errorf("after Init they are %+v", o)
	}
}

func TestGivenFieldsMapIsCopied(t *testing.T) {
	given := map[string]any{"a": 1}
	l := logger.NewLogger(logger.WithFields(given))
	more := map[string]any{"b": 2}
	child := l.Fields(more)
	given["a"], more["b"] = "changed", "changed"
	l.Options().Fields["a"] = "changed"
	fields := child.Options().Fields
	if fields["a"] != 1 || fields["b"] != 2 || l.Options().Fields["a"] != 1 {
		t.Errorf("got %v from %v", fields, l.Options().Fields)
	}
	if _, leaked := l.Options().Fields["b"]; leaked {
		t.Error("the parent got the child's field")
	}
}

func TestDefaultHelperFollowsDefaultLogger(t *testing.T) {
	out := new(recorder)
	useDefault(t, logger.NewLogger(logger.WithOutput(out)))
	logger.DefaultHelper.Info("one")
	logger.HelperOrDefault(nil).Info("two")
	logger.Extract(context.Background()).WithError(errors.New("broken")).Info("three")
	if got := strings.Count(out.String(), "\n"); got != 3 || !strings.Contains(out.String(), "error=broken") {
		t.Errorf("got %q", out)
	}
	if logger.LoggerOrDefault(nil) != logger.DefaultLogger {
		t.Error("LoggerOrDefault(nil) is another logger")
	}
}

func TestALoggerTravelsInAContext(t *testing.T) {
	l := logger.NewLogger(logger.WithOutput(new(recorder)))
	ctx := logger.NewHelper(l).Inject(context.Background())
	if got, ok := logger.FromContext(ctx); !ok || got != l {
		t.Errorf("got %v, %v", got, ok)
	}
	if got := logger.Extract(ctx).Inject(context.Background()); got == nil {
		t.Error("no context")
	}
	if _, ok := logger.FromContext(context.Background()); ok {
		t.Error("found a logger in an empty context")
	}
}

// foreign is another log library, which knows its level by Options alone.
type foreign struct {
	logger.Logger
	level logger.Level
	logs  int
}

func (f *foreign) Options() logger.Options                   { return logger.Options{Level: f.level} }
func (f *foreign) Log(logger.Level, ...any)                  { f.logs++ }
func (f *foreign) Logf(logger.Level, string, ...interface{}) { f.logs++ }

func TestTheLevelOfAnotherImplementationIsRespected(t *testing.T) {
	f := &foreign{level: logger.WarnLevel}
	if logger.V(logger.InfoLevel, f) || !logger.V(logger.WarnLevel, f) {
		t.Error("V does not ask for its level")
	}
	h := logger.NewHelper(f)
	h.Info("x")
	h.Errorf("x")
	if f.logs != 1 {
		t.Errorf("%d records", f.logs)
	}
	if useDefault(t, f); logger.V(logger.InfoLevel, nil) {
		t.Error("V(nil) does not ask DefaultLogger")
	}
}

// costly counts how often it is formatted.
type costly struct{ formatted int }

func (c *costly) String() string { c.formatted++; return "" }

func TestDisabledLevelFormatsNothing(t *testing.T) {
	c := new(costly)
	useDefault(t, logger.NewLogger(logger.WithOutput(new(recorder)), logger.WithFields(map[string]any{"c": c})))
	if n := testing.AllocsPerRun(100, func() { logger.Debugf("%v", c); logger.DefaultHelper.Debug(c) }); n > 0 || c.formatted > 0 {
		t.Errorf("%v allocations, formatted %d times", n, c.formatted)
	}
}

func TestInitFieldsAndLevelChecksMayBeConcurrent(t *testing.T) {
	l := logger.NewLogger(logger.WithOutput(new(recorder)))
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for range 50 {
				_ = l.Init(logger.WithFields(map[string]any{"i": i}))
				l.Fields(map[string]any{"j": i}).Log(logger.InfoLevel, "x")
				l.Logf(logger.WarnLevel, "%d", i)
				logger.V(logger.InfoLevel, l)
				l.Options()
			}
		})
	}
	wg.Wait()
}

// TestProgram is a program of its own when the environment says which one.
func TestProgram(t *testing.T) {
	switch os.Getenv("LOGGER_TEST_PROGRAM") {
	case "fatal":
		logger.Fatalf("over %d", 1)
	case "helper":
		logger.DefaultHelper.Fatal("over 1")
	case "level":
		fmt.Println("level is", logger.DefaultLogger.Options().Level)
	case "use":
		logger.Debug("x")
		logger.Fields(map[string]any{"a": 1}).Log(logger.TraceLevel, "x")
		logger.DefaultHelper.Debug("x")
	}
}

func run(program, level string) (string, error) {
	cmd := exec.Command(os.Args[0], "-test.run=^TestProgram$")
	cmd.Env = append(os.Environ(), "LOGGER_TEST_PROGRAM="+program, "MICRO_LOG_LEVEL="+level,
		"GORACE=atexit_sleep_ms=0") // or the race detector has it sleep for a second
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func TestFatalLogsAndExits(t *testing.T) {
	for _, program := range []string{"fatal", "helper"} {
		out, err := run(program, "")
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != 1 || !strings.Contains(out, "level=fatal over 1") {
			t.Errorf("%s: %v with %q", program, err, out)
		}
	}
}

func TestTheEnvironmentSetsTheLevel(t *testing.T) {
	for value, want := range map[string]string{"": "info", "loud": "info", "debug": "debug", "error": "error", "DEBUG": "debug", "Warn": "warn"} {
		if out, err := run("level", value); err != nil || !strings.Contains(out, "level is "+want) {
			t.Errorf("%q: %v with %q", value, err, out)
		}
	}
}

func TestAnUnknownLevelOfTheEnvironmentIsToldOnce(t *testing.T) {
	out, err := run("use", "loud")
	if err != nil || strings.Count(out, "MICRO_LOG_LEVEL") != 1 || !strings.Contains(out, `"loud"`) || !strings.Contains(out, "trace, debug") {
		t.Errorf("%v with %q", err, out)
	}
	if out, err := run("use", ""); err != nil || strings.Contains(out, "MICRO_LOG_LEVEL") {
		t.Errorf("without a level: %v with %q", err, out)
	}
}

func TestRecordsOfARequestTellServiceEndpointAndTrace(t *testing.T) {
	out := new(recorder)
	l := logger.NewLogger(logger.WithOutput(out))
	for name, tt := range map[string]struct {
		md   metadata.Metadata
		want string
	}{
		"call":          {metadata.Metadata{"Micro-Service": "shop", "micro-endpoint": "Shop.Sell", "Micro-Trace-Id": "t1"}, "endpoint=Shop.Sell file=F level=info service=shop trace=t1 sold 3"},
		"event":         {metadata.Metadata{"Micro-Topic": "orders"}, "endpoint=orders file=F level=info sold 3"},
		"trace context": {metadata.Metadata{"Traceparent": "00-0123456789abcdef0123456789abcdef-0123456789abcdef-01"}, "file=F level=info trace=0123456789abcdef0123456789abcdef sold 3"},
		"garbage":       {metadata.Metadata{"Traceparent": "00-\x00<script>-----------------------------------"}, "file=F level=info sold 3"},
		"short garbage": {metadata.Metadata{"Traceparent": "00-"}, "file=F level=info sold 3"},
		"forged line":   {metadata.Metadata{"Micro-Trace-Id": "t\n2024-01-01 00:00:00  level=info all is well"}, `file=F level=info trace="t\n2024-01-01 00:00:00  level=info all is well" sold 3`},
		"long":          {metadata.Metadata{"Micro-Topic": strings.Repeat("x", 60_000)}, `endpoint="` + strings.Repeat("x", 256) + `…" file=F level=info sold 3`},
		"nothing":       {nil, "file=F level=info sold 3"},
	} {
		out.Reset()
		ctx := metadata.NewContext(logger.NewContext(t.Context(), l), tt.md)
		logger.For(ctx).Infof("sold %d", 3)
		got := regexp.MustCompile(`^\S+ \S+  |\n|logger/logger_test.go:\d+`).ReplaceAllStringFunc(out.String(), func(s string) string {
			if strings.HasPrefix(s, "logger/") {
				return "F"
			}
			return ""
		})
		if got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}

func TestALevelThatIsNotShownAllocatesNothing(t *testing.T) {
	l := logger.NewLogger(logger.WithOutput(io.Discard))
	useDefault(t, l)
	h, ctx, n := logger.NewHelper(l), t.Context(), 1000
	for name, write := range map[string]func(){
		"function": func() { logger.Debugf("x %d", n) },
		"helper":   func() { h.Debug("x", n) },
		"context":  func() { logger.For(ctx).Debugf("x %d", n) },
	} {
		if allocs := testing.AllocsPerRun(100, write); allocs != 0 {
			t.Errorf("%s: %v allocations", name, allocs)
		}
	}
}

func TestRecordsMadeElsewhereKeepTheirTimeAndFields(t *testing.T) {
	out := new(recorder)
	l := logger.NewLogger(logger.WithOutput(out), logger.WithFields(map[string]any{"own": 1})).(logger.Recorder)
	l.Record(logger.DebugLevel, log.Record{Message: "hidden"})
	at := time.Date(2024, 2, 29, 1, 2, 3, 0, time.Local)
	l.Record(logger.WarnLevel, log.Record{Timestamp: at, Message: "shown", Metadata: map[string]string{"k": "v"}})
	if got, want := out.String(), "2024-02-29 01:02:03  k=v level=warn own=1 shown\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func BenchmarkShown(b *testing.B) {
	l := logger.NewLogger(logger.WithOutput(io.Discard))
	b.ReportAllocs()
	for b.Loop() {
		l.Logf(logger.InfoLevel, "x %d", 1)
	}
}

func BenchmarkDisabled(b *testing.B) {
	l := logger.NewLogger()
	h := logger.NewHelper(l)
	ctx := b.Context()
	n := 1000
	for name, write := range map[string]func(){
		"function": func() { logger.Debugf("x %d", n) },
		"helper":   func() { h.Debugf("x %d", n) },
		"context":  func() { logger.For(ctx).Debugf("x %d", n) },
		"logger":   func() { l.Logf(logger.DebugLevel, "x %d", n) }, // whose arguments escape
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				write()
			}
		})
	}
}

func Example() {
	l := logger.NewLogger(logger.WithOutput(printer{}), logger.WithLevel(logger.WarnLevel))
	h := logger.NewHelper(l).WithFields(map[string]any{"topic": "news"})
	h.Info("not shown")
	h.Warn("slow subscriber")
	// Output: topic=news slow subscriber
}

// printer prints the parts of a line that do not change from run to run.
type printer struct{}

func (printer) Write(p []byte) (int, error) {
	line := regexp.MustCompile(`^\S+ \S+  file=\S+ level=\S+ (\S+) (.*)\n`).ReplaceAll(p, []byte("$1 $2"))
	fmt.Println(string(line))
	return len(p), nil
}
