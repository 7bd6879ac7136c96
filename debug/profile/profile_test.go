package profile_test

import (
	"testing"

	"github.com/justcy/go-micro/v4/debug/profile"
)

func TestTheDefaultProfileDoesNothing(t *testing.T) {
	p := profile.DefaultProfile
	if p.String() != "noop" {
		t.Errorf("it is %q", p)
	}
	if err := p.Start(); err != nil {
		t.Error(err)
	}
	if err := p.Stop(); err != nil {
		t.Error(err)
	}
}
