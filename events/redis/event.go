package stream

import (
	"errors"
	"strconv"

	"github.com/go-redis/redis/v8"

	"github.com/justcy/go-micro/v4/events"
	"github.com/justcy/go-micro/v4/events/internal/eventjson"
)

var errNoEvent = errors.New("it has no field " + eventField)

// decode returns the event of an entry and the attempt it is: go-micro v4 counts
// there how often it has put an event back.
func decode(m redis.XMessage) (event events.Event, attempt int, err error) {
	encoded, ok := m.Values[eventField].(string)
	if !ok {
		return event, 0, errNoEvent
	}
	if err := eventjson.Decode([]byte(encoded), &event); err != nil {
		return event, 0, err
	}
	text, _ := m.Values[attemptField].(string)
	if attempt, err = strconv.Atoi(text); err != nil || attempt < 1 {
		attempt = 1
	}
	return event, attempt, nil
}
