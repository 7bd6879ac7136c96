package natsjs_test

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nkeys"

	"github.com/justcy/go-micro/v4/events/natsjs"
	"github.com/justcy/go-micro/v4/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

func TestAServerThatIsNotThereIsAnErrorOfTheConstructor(t *testing.T) {
	address := fmt.Sprintf("127.0.0.1:%d", testkit.FreePort(t))
	_, err := natsjs.NewStream(natsjs.Address(address), natsjs.ClusterID("billing"), natsjs.Timeout(time.Second))
	if err == nil || !strings.Contains(err.Error(), "error connecting to nats cluster billing: ") || !strings.Contains(err.Error(), address) {
		t.Errorf("got %v", err)
	}
}

func TestErrorsDoNotTellPasswords(t *testing.T) {
	_, err := natsjs.NewStream(natsjs.Address(fmt.Sprintf("nats://anna:secret@127.0.0.1:%d", testkit.FreePort(t))))
	if err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("got %v", err)
	}
}

func TestAnNkeyThatIsNoneIsRefused(t *testing.T) {
	pair, err := nkeys.CreateUser()
	if err != nil {
		t.Fatal(err)
	}
	public, err := pair.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	empty := filepath.Join(t.TempDir(), "seed")
	if err := os.WriteFile(empty, []byte("nothing"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, config := range []string{public, "SUNONSENSE", empty, filepath.Join(t.TempDir(), "none")} {
		if _, err := natsjs.NewStream(natsjs.NkeyConfig(config)); err == nil || !strings.Contains(err.Error(), "NkeyConfig") && !strings.Contains(err.Error(), "seed") {
			t.Errorf("%q: got %v", config, err)
		}
	}
}

func TestAMistypedSeedIsNotShown(t *testing.T) {
	for _, config := range []string{`"SUAKYRHVIOREXV7EUZTBHUHL7NUMHPMAS7QMDU3GTIUWEI5LDNOXD43IZY"`, "sUAKYRHVIOREXV7EUZTBHUHL7NUMHPMAS7QMDU3GTIUWEI5LDNOXD43IZY"} {
		if _, err := natsjs.NewStream(natsjs.NkeyConfig(config)); err == nil || strings.Contains(err.Error(), "KYRHVIOREXV7") {
			t.Errorf("got %v", err)
		}
	}
}

func TestServersThatHangAreToldWithinTheTimeoutHoweverManyThereAre(t *testing.T) {
	var addresses []string
	for range 5 {
		l, err := net.Listen("tcp", "127.0.0.1:0") // which nobody accepts from
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		addresses = append(addresses, l.Addr().String())
	}
	const timeout = 2 * time.Second
	begun := time.Now()
	_, err := natsjs.NewStream(natsjs.Address(strings.Join(addresses, ",")), natsjs.Timeout(timeout))
	if took := time.Since(begun); err == nil || took > 3*timeout {
		t.Errorf("%v after %v", err, took)
	}
}
