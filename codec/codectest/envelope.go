package codectest

import (
	"fmt"

	"github.com/justcy/go-micro/v4/codec"
)

// travel writes a message and returns what is read of it.
func (h Harness) travel(m *codec.Message, v any) (*codec.Message, error) {
	data, err := h.encode(m, v)
	if err != nil {
		return nil, err
	}
	target := h.Target()
	if v == nil {
		target = nil
	}
	return decode(h.New(kinds[0].open(data)), m, target)
}

func idTravels(h Harness) error {
	for _, t := range []codec.MessageType{codec.Request, codec.Response} {
		sent := message(t, 1)
		got, err := h.travel(sent, h.Value(1))
		if err != nil {
			return err
		}
		if got.Id != sent.Id {
			return fmt.Errorf("message type %d: got %q, want %q", t, got.Id, sent.Id)
		}
	}
	return nil
}

func methodTravels(h Harness) error {
	sent := message(codec.Request, 1)
	got, err := h.travel(sent, h.Value(1))
	if err != nil {
		return err
	}
	if got.Method != sent.Method && got.Endpoint != sent.Endpoint {
		return fmt.Errorf("got method %q and endpoint %q, want %q", got.Method, got.Endpoint, sent.Method)
	}
	return nil
}

func errorTravels(h Harness) error {
	const text = `100% "gone"`
	sent := message(codec.Error, 1)
	sent.Error = text
	got, err := h.travel(sent, nil)
	if err != nil {
		return err
	}
	if got.Error != text {
		return fmt.Errorf("got %q, want %q", got.Error, text)
	}
	return nil
}
