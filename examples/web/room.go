package main

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/coder/websocket"

	"github.com/justcy/go-micro/v4/web"
)

const (
	maxMessage   = 4 << 10          // bytes of what somebody says
	maxWaiting   = 16               // messages for somebody who does not read
	writeTimeout = 10 * time.Second // for one of them
)

// room is a chat: what one says all hear.
type room struct {
	mu     sync.Mutex
	people map[chan []byte]bool
}

func newRoom() *room { return &room{people: map[chan []byte]bool{}} }

func (c *room) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	conn, err := websocket.Accept(w, r, nil)
	if err != nil {
		return // it has been answered
	}
	defer conn.CloseNow() //nolint:errcheck // there is nobody left to tell
	conn.SetReadLimit(maxMessage)
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	heard := c.enter()
	defer c.leave(heard)
	var group sync.WaitGroup
	defer group.Wait()
	group.Go(func() {
		defer cancel()
		listen(ctx, conn, heard, web.Draining(r.Context()))
	})
	for {
		_, said, err := conn.Read(ctx)
		if err != nil {
			cancel()
			return
		}
		c.say(said)
	}
}

// listen sends somebody what is said.
func listen(ctx context.Context, conn *websocket.Conn, heard <-chan []byte, draining <-chan struct{}) {
	for {
		select {
		case message := <-heard:
			limited, cancel := context.WithTimeout(ctx, writeTimeout)
			err := conn.Write(limited, websocket.MessageText, message)
			cancel()
			if err != nil {
				return
			}
		case <-draining:
			_ = conn.Close(websocket.StatusGoingAway, "the chat is being stopped") // who is gone need not be told
			return
		case <-ctx.Done():
			return
		}
	}
}

func (c *room) enter() chan []byte {
	heard := make(chan []byte, maxWaiting)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.people[heard] = true
	return heard
}

func (c *room) leave(heard chan []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.people, heard)
}

// say tells everybody. Who does not read misses it.
func (c *room) say(message []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for heard := range c.people {
		select {
		case heard <- message:
		default:
		}
	}
}
