package main

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestATableComparesPeersWithTheTargets(t *testing.T) {
	var out strings.Builder
	if err := writeText(&out, sampleGroup()); err != nil {
		t.Fatal(err)
	}
	want := `unary, 1 caller, 128 B
          peer  calls/s  ± rounds  MB/s  p50 µs  p99 µs  allocs  bytes  CPU s/10k  × best  × grpc-go
         micro   30,000        5%  3.84    50.0     100    20.0  4,000      0.500    1.50       3.00
  micro-before   60,000        5%  7.68    25.0    50.0    20.0  4,000      0.250    3.00       6.00
       grpc-go   10,000        5%  1.28     200     400    20.0  4,000      2.000    0.50       1.00
          drpc   20,000        5%  2.56    40.0    80.0    20.0  4,000      1.000    1.00       2.00
      tcp-echo   90,000        5%  11.5    5.00    10.0    20.0  4,000      0.100    4.50       9.00
  allocations 20.0 (target ≤ 9, short)
  throughput 1.50 × best peer drpc (target ≥ 1.5, reached)
`
	if got, _, _ := strings.Cut(out.String(), "  CPU 0.50"); got != want {
		t.Errorf("table:\n%s\nwant:\n%s", got, want)
	}
}

func TestMarkdownTableHasEveryColumn(t *testing.T) {
	var out strings.Builder
	if err := writeMarkdown(&out, sampleGroup()); err != nil {
		t.Fatal(err)
	}
	rows := 0
	for line := range strings.Lines(out.String()) {
		if !strings.HasPrefix(line, "|") {
			continue
		}
		rows++
		if got := strings.Count(line, "|"); got != len(columns)+1 {
			t.Errorf("%d bars in %q", got, line)
		}
	}
	if rows != 7 || !strings.Contains(out.String(), "| **micro** | 30,000 |") {
		t.Errorf("%d rows:\n%s", rows, out.String())
	}
}

func TestJSONHasOneObjectARow(t *testing.T) {
	var out bytes.Buffer
	if err := (jsonReport{&out}).add(sampleGroup()); err != nil {
		t.Fatal(err)
	}
	decoder, rows := json.NewDecoder(&out), 0
	for {
		var row map[string]any
		err := decoder.Decode(&row)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		rows++
		for _, key := range []string{"peer", "case", "processes", "callers", "size", "rps", "p50_us", "p99_us", "allocs", "bytes", "cpu_seconds_per_10k"} {
			if row[key] == nil {
				t.Errorf("row %d has no %q", rows, key)
			}
		}
	}
	if rows != 5 {
		t.Errorf("%d rows, want 5", rows)
	}
}

func TestChartIsWellFormedAndHasABarForEachFramework(t *testing.T) {
	g := sampleGroup()
	g.results[2].Peer = `<&">`
	var out bytes.Buffer
	if err := writeChart(&out, []group{g, {scenario: g.scenario, results: []result{{Peer: "silent"}}}}); err != nil {
		t.Fatal(err)
	}
	decoder, bars := xml.NewDecoder(&out), 0
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if start, ok := token.(xml.StartElement); ok && start.Name.Local == "rect" {
			bars++
		}
	}
	if bars != 5 {
		t.Errorf("%d bars, want 5", bars)
	}
}

func TestAReportIsATableAndAChart(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "report")
	r := &fileReport{folder: folder}
	if err := errors.Join(r.add(sampleGroup()), r.end()); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{markdownFile, chartFile} {
		if content, err := os.ReadFile(filepath.Join(folder, name)); err != nil || !bytes.Contains(content, []byte("grpc-go")) {
			t.Errorf("%s: %v\n%s", name, err, content)
		}
	}
}

func TestNumbersHaveThreeDigits(t *testing.T) {
	for v, want := range map[float64]string{
		0: "0.00", 0.125: "0.12", 9.99: "9.99", 12.34: "12.3", 999.6: "1,000", 1234567: "1,234,567",
	} {
		if got := number(v); got != want {
			t.Errorf("number(%v) = %q, want %q", v, got, want)
		}
	}
}
