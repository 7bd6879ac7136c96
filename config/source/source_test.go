package source_test

import (
	"testing"

	"github.com/justcy/go-micro/v4/client"
	"github.com/justcy/go-micro/v4/config/encoder/yaml"
	"github.com/justcy/go-micro/v4/config/source"
)

func TestTheSumIsMD5(t *testing.T) {
	if got := (&source.ChangeSet{Data: []byte("hello")}).Sum(); got != "5d41402abc4b2a76b9719d911017c592" {
		t.Errorf("the sum is %s", got)
	}
}

func TestOptionsSetTheirFieldsOverDefaults(t *testing.T) {
	o := source.NewOptions()
	if o.Encoder.String() != "json" || o.Context == nil || o.Client != client.DefaultClient {
		t.Errorf("the defaults are %+v", o)
	}
	c := client.NewClient()
	o = source.NewOptions(source.WithEncoder(yaml.NewEncoder()), source.WithClient(c))
	if o.Encoder.String() != "yaml" || o.Client != c {
		t.Errorf("the options are %+v", o)
	}
}

func TestANoopWatcherCanBeStoppedAgain(t *testing.T) {
	w, err := source.NewNoopWatcher()
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error)
	go func() { _, err := w.Next(); ended <- err }()
	for range 2 {
		if err := w.Stop(); err != nil {
			t.Error(err)
		}
	}
	if err := <-ended; err == nil || err.Error() != "noopWatcher stopped" {
		t.Errorf("Next: %v", err)
	}
}
