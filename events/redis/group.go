package stream

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/go-redis/redis/v8"
)

// group is a consumer group of a topic as one of its consumers uses it. Each
// question is one step on the server.
type group struct {
	client   redis.UniversalClient
	key      string // of the topic's stream
	topic    string
	name     string
	consumer string
}

// create makes the group, unless there is one: from the offset on, or for what is
// new. It returns the entry after which the group begins, as far as is known.
func (g group) create(ctx context.Context, offset time.Time) (start string, err error) {
	if offset.Unix() > 0 {
		start = before(offset.Truncate(time.Second))
		return start, g.createAt(ctx, start)
	}
	now, err := g.client.Time(ctx).Result()
	if err != nil {
		return "", err
	}
	return before(now), g.createAt(ctx, "$")
}

// before is the id of the last entry that there could be before a moment.
func before(t time.Time) string {
	return fmt.Sprintf("%d-%s", t.UnixMilli()-1, strconv.FormatUint(math.MaxUint64, 10))
}

// createAt makes the group, and the stream, unless they are there.
func (g group) createAt(ctx context.Context, start string) error {
	err := g.client.XGroupCreateMkStream(ctx, g.key, g.name, start).Err()
	if err != nil && strings.HasPrefix(err.Error(), "BUSYGROUP") {
		return nil
	}
	return err
}

// ack takes entries from the group.
func (g group) ack(ctx context.Context, ids ...string) error {
	return g.client.XAck(ctx, g.key, g.name, ids...).Err()
}

// keepEntries begins the time anew for which entries of the consumer have been left
// alone, and returns which of them are still its own.
var keepEntries = redis.NewScript(`
local claim = {'XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0}
local mine = {}
for i = 3, #ARGV do
  if #redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[i], ARGV[i], 1, ARGV[2]) > 0 then
    claim[#claim + 1] = ARGV[i]
    mine[#mine + 1] = ARGV[i]
  end
end
if #mine > 0 then
  claim[#claim + 1] = 'JUSTID'
  redis.call(unpack(claim))
end
return mine
`)

// keep says that the consumer has these entries, and returns those that it has.
func (g group) keep(ctx context.Context, ids []string) (map[string]bool, error) {
	mine, err := keepEntries.Run(ctx, g.client, []string{g.key}, g.arguments(ids)...).StringSlice()
	if err != nil {
		return nil, err
	}
	set := make(map[string]bool, len(mine))
	for _, id := range mine {
		set[id] = true
	}
	return set, nil
}

// releaseEntries makes entries of the consumer look as if they had been left alone
// for long. Those that it never handed over do not count as delivered.
var releaseEntries = redis.NewScript(`
for i = 5, #ARGV do
  local pending = redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[i], ARGV[i], 1, ARGV[2])[1]
  if pending then
    redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, ARGV[i],
      'IDLE', ARGV[3], 'RETRYCOUNT', math.max(pending[4] - ARGV[4], 0), 'JUSTID')
  end
end
`)

// release makes entries due that are due after idle, if the consumer has them.
func (g group) release(ctx context.Context, ids []string, idle time.Duration, handedOver bool) error {
	uncounted := 1
	if handedOver {
		uncounted = 0
	}
	err := releaseEntries.Run(ctx, g.client, []string{g.key}, g.arguments(ids, idle.Milliseconds(), uncounted)...).Err()
	if errors.Is(err, redis.Nil) {
		return nil
	}
	return err
}

// arguments are those of a script about entries.
func (g group) arguments(ids []string, more ...any) []any {
	args := append([]any{g.name, g.consumer}, more...)
	for _, id := range ids {
		args = append(args, id)
	}
	return args
}

// entry is one that was taken over, having been delivered so many times.
type entry struct {
	message    redis.XMessage
	deliveries int
}

// claimEntries takes over entries that have been left alone, but for some. Those that
// are not in the stream any more, because they were too old, are forgotten.
var claimEntries = redis.NewScript(`
local own = {}
for i = 5, #ARGV do own[ARGV[i]] = true end
local due = redis.call('XPENDING', KEYS[1], ARGV[1], 'IDLE', ARGV[3], '-', '+', ARGV[4])
local taken = {}
for _, pending in ipairs(due) do
  if not own[pending[1]] then
    local entry = redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], ARGV[3], pending[1])[1]
    if entry then
      taken[#taken + 1] = {entry[1], entry[2], pending[4] + 1}
    else
      redis.call('XACK', KEYS[1], ARGV[1], pending[1])
    end
  end
end
return taken
`)

// claim takes over up to n entries that have been left alone for so long. Those that
// the consumer is about to hand over are not among them.
func (g group) claim(ctx context.Context, idle time.Duration, n int, own []string) ([]entry, error) {
	args := g.arguments(own, idle.Milliseconds(), n)
	reply, err := claimEntries.Run(ctx, g.client, []string{g.key}, args...).Slice()
	if isNoGroup(err) {
		return nil, nil // whoever reads makes it anew
	}
	if err != nil {
		return nil, err
	}
	entries := make([]entry, 0, len(reply))
	for _, item := range reply {
		e, err := readEntry(item)
		if err != nil {
			return nil, err
		}
		entries = append(entries, e)
	}
	return entries, nil
}

var errReply = errors.New("the server's reply is not understood")

// readEntry reads id, names and values, and the number of deliveries.
func readEntry(item any) (e entry, err error) {
	parts, ok := item.([]any)
	if !ok || len(parts) != 3 {
		return e, errReply
	}
	id, ok := parts[0].(string)
	fields, fieldsOK := parts[1].([]any)
	deliveries, countOK := parts[2].(int64)
	if !ok || !fieldsOK || !countOK {
		return e, errReply
	}
	e = entry{message: redis.XMessage{ID: id, Values: make(map[string]any, len(fields)/2)}, deliveries: int(deliveries)}
	for i := 0; i+1 < len(fields); i += 2 {
		name, _ := fields[i].(string)
		e.message.Values[name] = fields[i+1]
	}
	return e, nil
}

// leaveGroup removes a consumer that has nothing. What it was given and has not
// acknowledged is not lost: others take it over.
var leaveGroup = redis.NewScript(`
if #redis.call('XPENDING', KEYS[1], ARGV[1], '-', '+', 1, ARGV[2]) == 0 then
  return redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], ARGV[2])
end
return 0
`)

func (g group) leave(ctx context.Context) error {
	err := leaveGroup.Run(ctx, g.client, []string{g.key}, g.name, g.consumer).Err()
	if isNoGroup(err) {
		return nil
	}
	return err
}

// destroy removes the group.
func (g group) destroy(ctx context.Context) error {
	err := g.client.XGroupDestroy(ctx, g.key, g.name).Err()
	if err != nil && strings.Contains(err.Error(), "requires the key to exist") {
		return nil
	}
	return err
}
