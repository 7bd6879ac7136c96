//go:build unix

package mdns_test

import (
	"context"
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/internal/mdns"
)

// processorTime is the time this process has computed.
func processorTime(b *testing.B) time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// realNode is a node whose records have the size of a real service's.
func realNode(n int) mdns.Instance {
	i := node("greeter", fmt.Sprintf("greeter-6f1b2c3d-%04d", n), "a")
	for range 3 {
		i.Text = append(i.Text, fmt.Sprintf("%0250d", n))
	}
	return i
}

// BenchmarkAnnounce measures how 500 nodes of one process find their way into the
// cache of another engine: the seconds until all are known, and the share of a
// core that both ends, here in one process, use in the first 3 seconds.
func BenchmarkAnnounce(b *testing.B) {
	for b.Loop() {
		domain := ownDomain()
		server, client := realEngine(b, domain), realEngine(b, domain)
		lookup(b, client, "greeter")
		start, busy := time.Now(), processorTime(b)
		for n := range 500 {
			publishReal(b, server, realNode(n))
		}
		known := 0
		for known < 500 {
			time.Sleep(5 * time.Millisecond)
			entries, err := client.Lookup(context.Background(), "greeter", 0)
			if err != nil {
				b.Fatal(err)
			}
			known = len(entries)
		}
		b.ReportMetric(time.Since(start).Seconds(), "s/500nodes")
		time.Sleep(time.Until(start.Add(3 * time.Second)))
		b.ReportMetric(100*float64(processorTime(b)-busy)/float64(time.Since(start)), "%core")
		server.Close()
		client.Close()
	}
}

// BenchmarkIdle measures the share of a core that an engine with 500 nodes uses
// once they have been announced.
func BenchmarkIdle(b *testing.B) {
	server := realEngine(b, ownDomain())
	for n := range 500 {
		publishReal(b, server, realNode(n))
	}
	time.Sleep(4 * time.Second)
	for b.Loop() {
		start, busy := time.Now(), processorTime(b)
		time.Sleep(3 * time.Second)
		b.ReportMetric(100*float64(processorTime(b)-busy)/float64(time.Since(start)), "%core")
	}
}

// BenchmarkLookup measures a lookup that is answered from memory.
func BenchmarkLookup(b *testing.B) {
	e := new(wire).host().engine(b)
	for n := range 100 {
		publish(b, e, node("greeter", fmt.Sprint("n", n), "a"))
	}
	lookup(b, e, "greeter")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := e.Lookup(context.Background(), "greeter", 0); err != nil {
			b.Fatal(err)
		}
	}
}
