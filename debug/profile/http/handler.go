package http

import (
	"bufio"
	"bytes"
	"fmt"
	"html"
	"io"
	"net/http"
	"os"
	"runtime"
	"runtime/pprof"
	"runtime/trace"
	"slices"
	"strconv"
	"strings"
	"time"
)

// root is where the profiles are served. Tools know the paths below it.
const root = "/debug/pprof/"

const (
	defaultCPUSeconds   = 30
	defaultTraceSeconds = 1
	maxSeconds          = 600 // the longest anything is recorded for one request
	maxSymbols          = 1 << 20
)

// handler serves what net/http/pprof does. That package is not imported, as
// doing so adds its handlers to http.DefaultServeMux, which belongs to the
// program and may be served to anybody.
func handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc(root, index)
	mux.HandleFunc(root+"cmdline", cmdline)
	mux.HandleFunc(root+"profile", cpu)
	mux.HandleFunc(root+"symbol", symbol)
	mux.HandleFunc(root+"trace", execution)
	mux.HandleFunc(root+"{name}", named)
	return harmless(mux)
}

// harmless keeps browsers from guessing that an answer is a page.
func harmless(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Content-Type-Options", "nosniff")
		h.ServeHTTP(w, r)
	})
}

// descriptions of the profiles there are in every process.
var descriptions = map[string]string{
	"allocs":       "where memory was allocated, since the start",
	"block":        "where goroutines wait for channels and locks",
	"cmdline":      "the command line",
	"goroutine":    "the stacks of all goroutines; debug=2 in the format of a crash",
	"heap":         "where the memory in use was allocated; gc=1 collects garbage first",
	"mutex":        "who holds the locks that others wait for",
	"profile":      "where the CPU spends its time, recorded for seconds=30",
	"symbol":       "the functions at addresses",
	"threadcreate": "what created the threads of the operating system",
	"trace":        "what the scheduler does, recorded for seconds=1; for go tool trace",
}

// index lists the profiles.
func index(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != root {
		http.NotFound(w, r)
		return
	}
	names := []string{"cmdline", "profile", "symbol", "trace"}
	for _, p := range pprof.Profiles() {
		names = append(names, p.Name())
	}
	slices.Sort(names)

	var page bytes.Buffer
	page.WriteString("<!doctype html><html><head><title>" + root + "</title></head><body>\n<h1>" + root + "</h1>\n<table>\n<tr><th>Count</th><th>Profile</th><th></th></tr>\n")
	for _, name := range names {
		link, count := html.EscapeString(name), ""
		if p := pprof.Lookup(name); p != nil {
			link, count = link+"?debug=1", strconv.Itoa(p.Count())
		}
		fmt.Fprintf(&page, "<tr><td>%s</td><td><a href=%q>%s</a></td><td>%s</td></tr>\n", count, link, html.EscapeString(name), descriptions[name])
	}
	page.WriteString("</table>\n</body></html>\n")
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write(page.Bytes())
}

// named serves the profile in the path: as text with debug=1 or more, and for
// go tool pprof without.
func named(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	p := pprof.Lookup(name)
	if p == nil {
		fail(w, http.StatusNotFound, "unknown profile "+strconv.Quote(name))
		return
	}
	if r.FormValue("seconds") != "" {
		fail(w, http.StatusBadRequest, "seconds is for the profiles profile and trace: fetch "+name+" twice, and compare with go tool pprof -base")
		return
	}
	if collect, _ := strconv.Atoi(r.FormValue("gc")); collect > 0 && name == "heap" {
		runtime.GC()
	}
	debug, _ := strconv.Atoi(r.FormValue("debug"))
	if debug > 0 {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	} else {
		attach(w, name)
	}
	_ = p.WriteTo(w, debug) // the client is gone, or will see that the profile is cut short
}

func attach(w http.ResponseWriter, name string) {
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Disposition", `attachment; filename="`+name+`"`)
}

func fail(w http.ResponseWriter, status int, text string) {
	w.Header().Set("X-Go-Pprof", "1") // go tool pprof then shows the text
	w.Header().Del("Content-Disposition")
	http.Error(w, text, status)
}

// cmdline serves the arguments of the process, separated by NUL.
func cmdline(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = io.WriteString(w, strings.Join(os.Args, "\x00"))
}

// cpu records and serves a CPU profile.
func cpu(w http.ResponseWriter, r *http.Request) {
	record(w, r, "profile", defaultCPUSeconds, pprof.StartCPUProfile, pprof.StopCPUProfile)
}

// execution records and serves an execution trace.
func execution(w http.ResponseWriter, r *http.Request) {
	record(w, r, "trace", defaultTraceSeconds, trace.Start, trace.Stop)
}

// record has start write to the client for as long as the request says, or
// until the client is gone.
func record(w http.ResponseWriter, r *http.Request, name string, standard float64, start func(io.Writer) error, stop func()) {
	duration, err := seconds(r, standard)
	if err != nil {
		fail(w, http.StatusBadRequest, err.Error())
		return
	}
	attach(w, name)
	if err := start(w); err != nil { // another one is being recorded
		fail(w, http.StatusInternalServerError, "record "+name+": "+err.Error())
		return
	}
	defer stop()
	timer := time.NewTimer(duration)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-r.Context().Done():
	}
}

func seconds(r *http.Request, standard float64) (time.Duration, error) {
	text := r.FormValue("seconds")
	if text == "" {
		return time.Duration(standard * float64(time.Second)), nil
	}
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || !(n > 0 && n <= maxSeconds) {
		return 0, fmt.Errorf("seconds is %q, want a number above 0 and up to %d", text, maxSeconds)
	}
	return time.Duration(n * float64(time.Second)), nil
}

// symbol serves the names of the functions at the addresses in the query of a
// GET, or in the body of a POST: hexadecimal, joined by plus signs.
func symbol(w http.ResponseWriter, r *http.Request) {
	var in io.Reader = strings.NewReader(r.URL.RawQuery)
	if r.Method == http.MethodPost {
		in = http.MaxBytesReader(w, r.Body, maxSymbols)
	}
	out := []byte("num_symbols: 1\n") // anything but 0 says that there are symbols
	for addresses := bufio.NewReader(in); ; {
		address, err := addresses.ReadString('+')
		pc, _ := strconv.ParseUint(strings.TrimSuffix(address, "+"), 0, 64)
		if f := runtime.FuncForPC(uintptr(pc)); pc != 0 && f != nil {
			out = fmt.Appendf(out, "%#x %s\n", pc, f.Name())
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			fail(w, http.StatusBadRequest, "read the addresses: "+err.Error())
			return
		}
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write(out)
}
