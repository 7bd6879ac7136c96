package runtime_test

import (
	"strings"
	"testing"

	"github.com/justcy/go-micro/v4/runtime"
)

func TestTheDefaultRuntimeSaysThatNoneIsLinked(t *testing.T) {
	r := runtime.NewDefault()
	if err := r.Start(); err != nil || r.String() != "local" {
		t.Fatal(err, r)
	}
	s := &runtime.Service{Name: "greeter"}
	_, logs := r.Logs(s)
	for _, err := range []error{r.Create(s), r.Update(s), logs} {
		if err == nil || !strings.Contains(err.Error(), "greeter") || !strings.Contains(err.Error(), `import _ "github.com/justcy/go-micro/v4/runtime/local"`) {
			t.Errorf("got %v", err)
		}
	}
	if services, err := r.Read(); err != nil || len(services) != 0 {
		t.Errorf("Read returned %v, %v", services, err)
	}
	for _, err := range []error{r.Delete(s), r.Init(nil), r.Stop(), r.Stop()} {
		if err != nil {
			t.Error(err)
		}
	}
}
