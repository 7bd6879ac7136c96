package integration_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/google/uuid"

	"github.com/justcy/go-micro/v4/integration/internal/eventdrivers"
	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/store"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// unique returns a name that begins so and that no other test has.
func unique(prefix string) string { return fmt.Sprintf("%s%.8s", prefix, uuid.NewString()) }

func eventuallyNotFound(t testing.TB, s store.Store, key string) {
	t.Helper()
	testkit.Eventually(t, key+" is gone", func() bool {
		_, err := s.Read(key)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			t.Fatal(err)
		}
		return err != nil
	})
}

// eventuallyListed waits until the keys of the table are these.
func eventuallyListed(t testing.TB, s store.Store, want ...string) {
	t.Helper()
	testkit.Eventually(t, fmt.Sprintf("the keys are %q", want), func() bool {
		keys, err := s.List()
		must(t, err)
		return slices.Equal(keys, want)
	})
}

// eachEventDriver tests the drivers of event streams side by side.
func eachEventDriver(t *testing.T, test func(*testing.T, eventdrivers.Driver)) {
	for _, d := range eventdrivers.All {
		t.Run(d.Name, func(t *testing.T) {
			t.Parallel()
			test(t, d)
		})
	}
}
