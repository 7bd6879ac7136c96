package mdns_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/justcy/go-micro/v4/internal/mdns"
)

// crowd publishes that many services on a few machines.
func crowd(t *testing.T, w *wire, services int) {
	var machines []*mdns.Engine
	for range min(5, services) {
		machines = append(machines, w.host().engine(t))
	}
	for i := range services {
		publish(t, machines[i%len(machines)], node(fmt.Sprint("s", i), fmt.Sprint("n", i), "x"))
	}
	time.Sleep(time.Minute)
}

// lookUpAll looks that many services up at once and returns how many are found.
func lookUpAll(t *testing.T, e *mdns.Engine, services int) (found int) {
	var count atomic.Int32
	var wg sync.WaitGroup
	for i := range services {
		wg.Go(func() {
			if lookup(t, e, fmt.Sprint("s", i)) != "" {
				count.Add(1)
			}
		})
	}
	wg.Wait()
	return int(count.Load())
}

func TestLookupsGoOnWhileOthersAreAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const services = 50
		w := new(wire)
		crowd(t, w, services)
		replies := 0
		w.setFilter(func(s sent, _ *host) (bool, time.Duration) {
			if s.how != "reply" {
				return false, 0
			}
			replies++ // one after the other, as a busy machine sends them
			return false, time.Duration(replies) * 20 * time.Millisecond
		})
		e := w.host().engine(t)
		if found := lookUpAll(t, e, services); found != services {
			t.Errorf("found %d of %d services", found, services)
		}
	})
}

func TestAListGoesOnWhileAnswersArrive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const services = 50
		w := new(wire)
		crowd(t, w, services)
		replies := 0
		w.setFilter(func(s sent, _ *host) (bool, time.Duration) {
			if s.how != "reply" {
				return false, 0
			}
			replies++
			return false, time.Duration(replies) * 20 * time.Millisecond
		})
		names, err := w.host().engine(t).Services(t.Context(), 0)
		if err != nil || len(names) != services {
			t.Errorf("%d of %d services are listed: %v", len(names), services, err)
		}
	})
}

func TestALookupOfNobodyEndsAlthoughOthersAreAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := new(wire)
		server := w.host().engine(t)
		e := w.host().engine(t)
		stop := make(chan struct{})
		var others sync.WaitGroup
		others.Go(func() { // is always being answered
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				case <-time.After(50 * time.Millisecond):
				}
				name := fmt.Sprint("other", i)
				publish(t, server, node(name, "n", "x"))
				lookup(t, e, name)
			}
		})
		elapsed := took(func() {
			if got := lookup(t, e, "nobody"); got != "" {
				t.Errorf("found %q", got)
			}
		})
		close(stop)
		others.Wait()
		if elapsed > 4*time.Second {
			t.Errorf("took %v", elapsed)
		}
	})
}

func TestTheTimeToAnswerBeginsWhenTheQuestionIsSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := new(wire)
		crowd(t, w, 1)
		h := w.host()
		h.sendTakes = 2 * time.Second
		if got := lookup(t, h.engine(t), "s0"); got != "n0" {
			t.Errorf("found %q", got)
		}
	})
}

func TestQuestionsThatWaitTravelTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const services = 64
		w := new(wire)
		crowd(t, w, services)
		before := len(w.messages(asks))
		h := w.host()
		h.sendTakes = 10 * time.Millisecond
		e := h.engine(t)
		if found := lookUpAll(t, e, services); found != services {
			t.Errorf("found %d of %d services", found, services)
		}
		messages := w.messages(asks)[before:]
		if len(messages) > services/4 {
			t.Errorf("%d questions take %d messages", services, len(messages))
		}
		for _, m := range messages {
			if len(m.msg.Questions) > 16 {
				t.Errorf("a message has %d questions, others answer 16 of them", len(m.msg.Questions))
			}
		}
	})
}

func TestAReplyRepeatsTheQuestionThatItAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := new(wire)
		crowd(t, w, 3)
		lookUpAll(t, w.host().engine(t), 3)
		for _, m := range w.messages(func(s sent) bool { return s.how == "reply" }) {
			if len(m.msg.Questions) != 1 || m.msg.Answers[0].Name != m.msg.Questions[0].Name {
				t.Errorf("the reply %+v has the questions %+v", m.msg.Answers, m.msg.Questions)
			}
		}
	})
}
