package mux

import "slices"

const (
	// inPlace is the shortest body that is written from where it lies when
	// nobody else writes. Waiting for others costs more than a copy unless the
	// body is longer than inPlaceAlways.
	inPlace       = 32 << 10
	inPlaceAlways = maxPending / 2

	// batchFrames is how many frames a large body needs to fill a batch.
	batchFrames = maxPending/(headSize+MaxPayload) + 1
)

// writesInPlace reports whether the body is to be written without a copy. The
// writer's lock is held.
func (t *transfer) writesInPlace(body []byte) bool {
	w := t.socket.c.w
	return w.direct != nil && (len(body) > inPlaceAlways || len(body) >= inPlace && !w.writing)
}

// runInPlace is run for a large body. The sender writes it itself, taking turns
// with others, so that nobody refers to the body when it has returned: what the
// connection does not take at once is copied up to the end of its frame. It is
// called with the writer's lock held and releases it.
func (t *transfer) runInPlace(first, body []byte) error {
	s := t.socket
	w := s.c.w
	for rounds := 1; ; rounds++ {
		if err := t.takeTurn(first); err != nil {
			return err
		}
		body = t.writeBatch(first, body)
		first = nil
		w.mu.Lock()
		if len(body) == 0 {
			s.endTurn()
			return nil
		}
		if s.turn && rounds%maxRounds == 0 && len(w.line) > 0 {
			s.endTurn()
			w.mu.Lock()
		}
	}
}

// takeTurn waits until the socket may write at least one frame, the first of
// its message unless first is nil. It is called with the writer's lock held,
// and releases it if it fails.
func (t *transfer) takeTurn(first []byte) error {
	s := t.socket
	w := s.c.w
	for {
		if err := t.ready(); err != nil {
			s.endTurn()
			return t.failure(err)
		}
		t.needs = 1
		if first != nil {
			t.needs += messageCost + len(first) - headSize
		}
		switch {
		case w.writing && !s.turn:
			w.lineUp(s)
			w.mu.Unlock()
		case s.credit < t.needs:
			s.endTurn()
		default:
			w.writing, s.turn = true, true
			return nil
		}
		err := t.sleep()
		w.mu.Lock()
		if err != nil {
			s.endTurn()
			return err
		}
	}
}

// writeBatch writes what waits and a batch of frames with the next piece of the
// body, and returns what comes after it. The turn ends unless the connection
// took everything at once. It is called with the writer's lock held and
// releases it.
func (t *transfer) writeBatch(first, body []byte) (rest []byte) {
	s := t.socket
	w := s.c.w
	b := batch{body: body}
	if len(w.out) > 0 {
		b.waited = w.swap()
		w.direct.add(b.waited)
	}
	b.fill(t, first)
	w.queued += uint64(b.size)
	w.attempted.Store(w.queued)
	end := w.queued
	begun := b.planned == len(body) && s.unanswered.CompareAndSwap(0, end)
	s.midway = true // for those who close the socket meanwhile
	w.mu.Unlock()

	n, err := w.direct.writeAdded()

	w.mu.Lock()
	missing := b.commit(s, n-len(b.waited))
	s.midway = len(b.body) > 0
	if begun && s.midway {
		s.unanswered.CompareAndSwap(end, 0)
	}
	var left []byte
	if missing > 0 && err == nil {
		left = w.direct.appendLeft(*largeBuffers.Get().(*[]byte), missing)
	}
	w.direct.clear()
	s.turn = missing == 0 && err == nil
	w.mu.Unlock()
	w.giveBack(b.waited)
	switch {
	case err != nil:
		w.broken(err)
	case missing > 0:
		w.spawn(left, 0)
	}
	return b.body
}

// batch is what is written at once: what waited, and frames of one message.
type batch struct {
	waited  []byte
	body    []byte // what is not sent of it
	frames  [batchFrames]piece
	count   int // of frames
	size    int // of all frames
	planned int // bytes of body in the frames
}

// piece is a frame of a batch.
type piece struct {
	size int // with its head
	body int // bytes of the body in it
	cost int // in credit
}

// fill adds frames, as many as there is credit for. The writer's lock is held.
func (b *batch) fill(t *transfer, first []byte) {
	s := t.socket
	w := s.c.w
	credit := s.credit
	for b.size < maxPending && b.planned < len(b.body) {
		h, start, cost := head{kind: kindMessage, socket: s.id}, w.heads[b.count][:], 0
		if first != nil {
			h.flags, h.length = t.flags, len(first)-headSize
			start, first, cost = first, nil, messageCost
			if !s.opened {
				h.flags |= flagOpen
				s.opened = true
			}
		}
		more := min(len(b.body)-b.planned, MaxPayload-h.length, credit-cost-h.length)
		if more <= 0 {
			return
		}
		h.length += more
		appendHead(start[:0], h)
		w.direct.add(start)
		w.direct.add(b.body[b.planned : b.planned+more])
		p := piece{size: len(start) + more, body: more, cost: cost + h.length}
		b.frames[b.count] = p
		b.count++
		b.size += p.size
		b.planned += more
		credit -= p.cost
	}
}

// commit counts those frames as sent of which something was written, n bytes in
// all, and always the first. It returns how many bytes of what was sent, and of
// what waited before that, were not written. The writer's lock is held.
func (b *batch) commit(s *Socket, n int) (missing int) {
	for i, p := range b.frames[:b.count] {
		if i > 0 && n <= 0 {
			break
		}
		n -= p.size
		s.credit -= p.cost
		b.body = b.body[p.body:]
	}
	return -n
}

// lineUp makes the socket one of those that are to write next. The lock is held.
func (w *writer) lineUp(s *Socket) {
	if !slices.Contains(w.line, s) {
		w.line = append(w.line, s)
	}
}

// endTurn lets others write, if the socket has the turn or waits for it. It is
// called with the writer's lock held and releases it.
func (s *Socket) endTurn() {
	w := s.c.w
	w.line = slices.DeleteFunc(w.line, func(other *Socket) bool { return other == s })
	had := s.turn
	s.turn = false
	w.mu.Unlock()
	if had {
		w.flush()
	}
}
