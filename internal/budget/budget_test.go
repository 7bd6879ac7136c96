package budget_test

import (
	"sync"
	"testing"

	"github.com/justcy/go-micro/v4/internal/budget"
)

func TestNoMoreIsHeldThanTheLimit(t *testing.T) {
	b := budget.New(100)
	if !b.Take(60) || b.Take(41) || !b.Take(40) {
		t.Error("the limit is not kept")
	}
	b.Give(40)
	if b.Held() != 60 || !b.Take(1) {
		t.Errorf("%d are held", b.Held())
	}
}

func TestConcurrentClaimsStayWithinTheLimit(t *testing.T) {
	b := budget.New(50)
	var all sync.WaitGroup
	for range 100 {
		all.Go(func() {
			for range 100 {
				if b.Take(7) {
					b.Give(7)
				}
			}
		})
	}
	all.Wait()
	if b.Held() != 0 {
		t.Errorf("%d are held by nobody", b.Held())
	}
}

func TestNoBudgetHasNoLimit(t *testing.T) {
	var b *budget.Budget
	if !b.Take(1 << 40) {
		t.Error("refused")
	}
	b.Give(1 << 40)
}
