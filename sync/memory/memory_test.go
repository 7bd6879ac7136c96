package memory_test

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/sync"
	"github.com/justcy/go-micro/v4/sync/locktest"
	"github.com/justcy/go-micro/v4/sync/memory"
)

func TestMain(m *testing.M) { testkit.Main(m) }

func TestConformance(t *testing.T) {
	locktest.Run(t, locktest.Harness{
		New:        func(_ testing.TB, opts ...sync.Option) sync.Sync { return memory.NewSync(opts...) },
		TTL:        200 * time.Millisecond,
		SessionTTL: 200 * time.Millisecond,
		Simulated:  true,
		NoSharing:  true,
	})
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestUnlockOfAnUnknownLockSucceeds(t *testing.T) {
	must(t, memory.NewSync().Unlock("unknown"))
}

func TestTheEndOfATTLFreesOnlyItsHolder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := memory.NewSync()
		must(t, s.Lock("a", sync.LockTTL(time.Second)))
		must(t, s.Unlock("a"))
		must(t, s.Lock("a"))
		time.Sleep(time.Minute)
		if err := s.Lock("a", sync.LockWait(time.Second)); !errors.Is(err, sync.ErrLockTimeout) {
			t.Errorf("got %v, want sync.ErrLockTimeout", err)
		}
		must(t, s.Unlock("a"))
	})
}

func TestALockEndsWhenItsTTLIsOverAndNotBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := memory.NewSync()
		began := time.Now()
		must(t, s.Lock("a", sync.LockTTL(time.Minute)))
		must(t, s.Lock("a"))
		if took := time.Since(began); took != time.Minute {
			t.Errorf("it was free after %v", took)
		}
		must(t, s.Unlock("a"))
	})
}

func TestThePrefixIsPartOfTheID(t *testing.T) {
	s := memory.NewSync(sync.Prefix("a/"))
	must(t, s.Lock("b"))
	must(t, s.Init(sync.Prefix("")))
	if err := s.Lock("a/b", sync.LockWait(time.Millisecond)); !errors.Is(err, sync.ErrLockTimeout) {
		t.Errorf("locking the same id in other words: %v", err)
	}
	must(t, s.Lock("b"))
}

func TestLockersGetALockInTheOrderInWhichTheyAsk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := memory.NewSync()
		must(t, s.Lock("a"))
		turns := make(chan int, 10)
		for i := range 10 {
			go func() {
				if s.Lock("a") == nil {
					turns <- i
					s.Unlock("a")
				}
			}()
			synctest.Wait()
		}
		must(t, s.Unlock("a"))
		for i := range 10 {
			if got := <-turns; got != i {
				t.Fatalf("locker %d had turn %d", got, i)
			}
		}
	})
}

func ExampleNewSync() {
	s := memory.NewSync()
	fmt.Println(s.Lock("invoices", sync.LockTTL(time.Minute)))
	fmt.Println(s.Lock("invoices", sync.LockWait(time.Millisecond)))
	fmt.Println(s.Unlock("invoices"))
	// Output:
	// <nil>
	// lock timeout
	// <nil>
}
