package stream_test

import (
	"fmt"
	"io"
	"log"
	"strings"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/events"
	stream "github.com/justcy/go-micro/v4/events/redis"
	"github.com/justcy/go-micro/v4/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

func TestAServerThatIsNotThereIsToldByNewStream(t *testing.T) {
	for _, addr := range []string{fmt.Sprintf("redis://ada:secret@127.0.0.1:%d", testkit.FreePort(t)), "http://127.0.0.1"} {
		_, err := stream.NewStream(stream.Address(addr))
		if err == nil || !strings.Contains(err.Error(), "redis") || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", addr, err)
		}
	}
}

func TestARetentionOfTheEnvironmentMustBeADuration(t *testing.T) {
	for _, value := range []string{"5 days", "-1h", "0"} {
		t.Setenv("MICRO_REDIS_TRIM_DURATION", value)
		_, err := stream.NewStream()
		if err == nil || !strings.Contains(err.Error(), "MICRO_REDIS_TRIM_DURATION") {
			t.Errorf("%s: %v", value, err)
		}
	}
}

func ExampleNewStream() {
	s, err := stream.NewStream(stream.Address("redis://10.0.0.1:6379"), stream.Password("secret"))
	if err != nil {
		log.Fatal(err) // Redis is not there, or does not let us in
	}
	defer s.(io.Closer).Close()
	orders, err := s.Consume("orders", events.WithGroup("billing"), events.WithAutoAck(false, time.Minute))
	if err != nil {
		log.Fatal(err)
	}
	for order := range orders {
		fmt.Printf("%s\n", order.Payload)
		if err := order.Ack(); err != nil {
			log.Print(err) // it comes again
		}
	}
}
