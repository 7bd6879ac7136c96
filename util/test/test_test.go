package test_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/justcy/go-micro/v4/util/test"
)

func TestDataHasThreeVersionsOfFoo(t *testing.T) {
	want := []string{
		"foo 1.0.0 foo-1.0.0-123 localhost:9999",
		"foo 1.0.0 foo-1.0.0-321 localhost:9999",
		"foo 1.0.1 foo-1.0.1-321 localhost:6666",
		"foo 1.0.3 foo-1.0.3-345 localhost:8888",
	}
	var got []string
	for _, s := range test.Data["foo"] {
		for _, n := range s.Nodes {
			got = append(got, fmt.Sprint(s.Name, " ", s.Version, " ", n.Id, " ", n.Address))
		}
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("Data holds\n%v, want\n%v", got, want)
	}
}

func TestEmptyChannelReturnsErrorsUntilThereAreNone(t *testing.T) {
	c := make(chan error, 2)
	first, second := errors.New("first"), errors.New("second")
	c <- first
	c <- second
	for _, want := range []error{first, second, nil, nil} {
		if got := test.EmptyChannel(c); got != want {
			t.Errorf("EmptyChannel = %v, want %v", got, want)
		}
	}
}
