package stats_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/justcy/go-micro/v4/debug/stats"
)

func read(t *testing.T, s stats.Stats) []*stats.Stat {
	t.Helper()
	records, err := s.Read()
	if err != nil || len(records) == 0 {
		t.Fatalf("Read returned %v, %v", records, err)
	}
	return records
}

func TestRecordCountsRequestsAndErrors(t *testing.T) {
	s := stats.NewStats()
	var wg sync.WaitGroup
	for i := range 10 {
		wg.Go(func() {
			var err error
			if i%5 == 0 {
				err = errors.New("failed")
			}
			if err := s.Record(err); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got := read(t, s)[0]; got.Requests != 10 || got.Errors != 2 {
		t.Errorf("got %d requests and %d errors", got.Requests, got.Errors)
	}
}

func TestTheSnapshotIsOfNow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		started := time.Now().Unix()
		s := stats.NewStats()
		time.Sleep(90 * time.Second)
		got := read(t, s)[0]
		if got.Started != started || got.Timestamp != started+90 || got.Uptime != 90 {
			t.Errorf("got %+v", *got)
		}
		if got.Memory == 0 || got.Threads == 0 {
			t.Errorf("memory and goroutines are missing: %+v", *got)
		}
	})
}

func TestTheLast60RecordsAreReadOldestFirstBeforeTheSnapshot(t *testing.T) {
	s := stats.NewStats()
	for i := range 70 {
		if err := s.Write(&stats.Stat{Uptime: int64(i)}); err != nil {
			t.Fatal(err)
		}
	}
	records := read(t, s)
	if len(records) != 61 {
		t.Fatalf("got %d records", len(records))
	}
	for i, record := range records[:60] {
		if record.Uptime != int64(10+i) {
			t.Fatalf("record %d was written as number %d", i, record.Uptime)
		}
	}
	if records[60].Started == 0 {
		t.Error("the last record is no snapshot")
	}
}

func TestRecordsAreCopies(t *testing.T) {
	s := stats.NewStats()
	written := &stats.Stat{Requests: 1}
	if err := s.Write(written); err != nil {
		t.Fatal(err)
	}
	written.Requests = 2
	read(t, s)[0].Requests = 3
	if got := read(t, s)[0].Requests; got != 1 {
		t.Errorf("the stored record was changed to %d", got)
	}
}

func ExampleNewStats() {
	s := stats.NewStats()
	s.Record(nil)
	s.Record(errors.New("boom"))

	records, _ := s.Read()
	now := records[len(records)-1]
	fmt.Println(now.Requests, "requests,", now.Errors, "failed")
	// Output: 2 requests, 1 failed
}
