package server

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	bytebudget "github.com/justcy/go-micro/v4/internal/budget"
)

func TestInboxKeepsOrderAndForgetsWhatWasTaken(t *testing.T) {
	q := newInbox(new(held))
	ctx := context.Background()
	next := byte(0)
	for i := range 1000 {
		if q.put(inbound{incoming: incoming{body: []byte{byte(i)}}}) != taken {
			t.Fatal("not taken")
		}
		if i%3 != 0 {
			continue
		}
		m, err := q.take(ctx)
		if err != nil || m.body[0] != next {
			t.Fatalf("got %v, %v, want %d", m.body, err, next)
		}
		next++
	}
	end := errors.New("end")
	q.close(end)
	for {
		m, err := q.take(ctx)
		if err != nil {
			if err != end || q.size != 0 {
				t.Errorf("%v with %d bytes", err, q.size)
			}
			return
		}
		if m.body[0] != next {
			t.Fatalf("got %v, want %d", m.body, next)
		}
		next++
	}
}

func TestInboxWaitsForRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newInbox(new(held))
		big := inbound{incoming: incoming{body: make([]byte, inboxBudget)}}
		if q.put(big) != taken || q.put(inbound{}) != full {
			t.Fatal("the budget is not kept")
		}
		if q.putWithin(time.Second, inbound{}) != full {
			t.Error("there was no room")
		}
		go func() {
			time.Sleep(time.Second)
			q.take(context.Background())
		}()
		if q.putWithin(time.Minute, inbound{}) != taken {
			t.Error("there was room")
		}
	})
}

func TestInboxesOfAConnectionShareABudget(t *testing.T) {
	var total held
	body := make([]byte, inboxBudget-messageCost)
	var all []*inbox
	for range connBudget / inboxBudget {
		q := newInbox(&total)
		if q.put(inbound{incoming: incoming{body: body}}) != taken {
			t.Fatal("there was room")
		}
		all = append(all, q)
	}
	late := newInbox(&total)
	if late.put(inbound{incoming: incoming{body: body}}) != starved {
		t.Error("the budget of the connection is not kept")
	}
	all[0].abort(errRequestOver)
	if late.put(inbound{incoming: incoming{body: body}}) != taken {
		t.Error("a finished stream keeps its part of the budget")
	}
	for _, q := range append(all, late) {
		q.isUnary()
	}
	if n := total.bytes.Load(); n != 0 {
		t.Errorf("%d bytes are left", n)
	}
}

// The stream of a queue that has room is not to blame for what others hold.
func TestAStreamWaitsForTheRoomThatOthersHold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		total := held{all: bytebudget.New(connBudget)} // which other connections use, too
		fill := func() *inbox {
			q := newInbox(&total)
			if q.put(inbound{incoming: incoming{body: make([]byte, inboxBudget-messageCost)}}) != taken {
				t.Fatal("there was room")
			}
			return q
		}
		var all []*inbox
		for range connBudget / inboxBudget {
			all = append(all, fill())
		}
		one := inbound{incoming: incoming{body: []byte("x")}}
		late := newInbox(&total)
		if v := late.putWithin(time.Second, one); v != starved {
			t.Errorf("no room for as long as it waits: %v", v)
		}
		go func() {
			time.Sleep(10 * time.Second)
			all[0].take(t.Context())
		}()
		if v := late.putWithin(time.Second, one); v != taken {
			t.Errorf("another stream made room: %v", v)
		}
		other := connBudget - total.all.Held()
		total.all.Force(other)
		go func() {
			time.Sleep(10 * time.Second)
			total.all.Give(other)
		}()
		if v := late.putWithin(time.Second, one); v != taken {
			t.Errorf("another connection made room: %v", v)
		}
	})
}
