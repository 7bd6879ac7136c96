package mdns

import (
	"container/heap"
	"time"
)

// agenda is what an engine has to do and when. It is not safe for concurrent use.
type agenda struct{ items appointments }

type appointment struct {
	at time.Time
	do func(now time.Time)
}

// add plans do for at.
func (a *agenda) add(at time.Time, do func(now time.Time)) {
	heap.Push(&a.items, appointment{at, do})
}

// run does everything that is due, including what that plans for now.
func (a *agenda) run(now time.Time) {
	for len(a.items) > 0 && !a.items[0].at.After(now) {
		heap.Pop(&a.items).(appointment).do(now)
	}
}

// next returns the time of the earliest appointment, false when there is none.
func (a *agenda) next() (time.Time, bool) {
	if len(a.items) == 0 {
		return time.Time{}, false
	}
	return a.items[0].at, true
}

type appointments []appointment

func (a appointments) Len() int           { return len(a) }
func (a appointments) Less(i, j int) bool { return a[i].at.Before(a[j].at) }
func (a appointments) Swap(i, j int)      { a[i], a[j] = a[j], a[i] }
func (a *appointments) Push(x any)        { *a = append(*a, x.(appointment)) }
func (a *appointments) Pop() any {
	old := *a
	last := old[len(old)-1]
	old[len(old)-1] = appointment{}
	*a = old[:len(old)-1]
	return last
}
