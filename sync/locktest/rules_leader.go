package locktest

import (
	"errors"
	"fmt"
	"time"

	"github.com/justcy/go-micro/v4/sync"
)

// candidacy is a Leader call under way.
type candidacy struct {
	leader sync.Leader
	done   chan error
}

func (tr *trial) stand(s sync.Sync) *candidacy {
	c := &candidacy{done: make(chan error, 1)}
	go func() {
		var err error
		if c.leader, err = s.Leader(tr.id); err != nil {
			err = fmt.Errorf("leader: %w", err)
		} else if c.leader == nil {
			err = errors.New("neither a leader nor an error")
		}
		c.done <- err
	}()
	return c
}

func (tr *trial) elected() (sync.Leader, error) {
	c := tr.stand(tr.first)
	if err := tr.within("an election without rivals", c.done); err != nil {
		return nil, err
	}
	return c.leader, nil
}

func elects(tr *trial) error {
	l, err := tr.elected()
	if err != nil {
		return err
	}
	return l.Resign()
}

func electsNext(tr *trial) error {
	first, err := tr.elected()
	if err != nil {
		return err
	}
	next := tr.stand(tr.second)
	select {
	case err := <-next.done:
		return errors.Join(errors.New("there are two leaders"), err)
	case <-time.After(briefly):
	}
	if err := first.Resign(); err != nil {
		return fmt.Errorf("resign: %w", err)
	}
	if err := tr.within("the next leader", next.done); err != nil {
		return err
	}
	return next.leader.Resign()
}

func silentStatus(tr *trial) error {
	l, err := tr.elected()
	if err != nil {
		return err
	}
	defer func() { _ = l.Resign() }()
	status := l.Status()
	if status == nil {
		return errors.New("status is nil")
	}
	select {
	case lost := <-status:
		return fmt.Errorf("status gives %v to a leader that leads", lost)
	case <-time.After(briefly):
		return nil
	}
}

func leaderExcludesLock(tr *trial) error {
	l, err := tr.elected()
	if err != nil {
		return err
	}
	if err := isHeld(tr.second, tr.id); err != nil {
		return errors.Join(err, l.Resign())
	}
	return errors.Join(l.Resign(), tr.lock(tr.second, tr.id), unlock(tr.second, tr.id))
}

func growsLeaderTokens(tr *trial) error {
	var last uint64
	for _, s := range []sync.Sync{tr.first, tr.second, tr.first} {
		c := tr.stand(s)
		if err := tr.within("an election without rivals", c.done); err != nil {
			return err
		}
		fenced, ok := c.leader.(sync.Fenced)
		if !ok {
			return fmt.Errorf("%T is no sync.Fenced", c.leader)
		}
		token := fenced.Token()
		if err := c.leader.Resign(); err != nil {
			return fmt.Errorf("resign: %w", err)
		}
		if token <= last {
			return fmt.Errorf("token %d follows %d", token, last)
		}
		last = token
	}
	return nil
}

func resignsWithoutLoss(tr *trial) error {
	l, err := tr.elected()
	if err != nil {
		return err
	}
	status := l.Status()
	if err := l.Resign(); err != nil {
		return fmt.Errorf("resign: %w", err)
	}
	select {
	case lost := <-status:
		if lost {
			return errors.New("status tells a leader that resigned that it lost leadership")
		}
	case <-time.After(briefly):
	}
	return nil
}

func statusTellsLoss(tr *trial) error {
	l, err := tr.elected()
	if err != nil {
		return err
	}
	status := l.Status()
	if err := closing(tr.first); err != nil {
		return err
	}
	select {
	case lost := <-status:
		if !lost {
			return errors.New("status gives false to a leader whose Sync was closed")
		}
		return nil
	case <-time.After(tr.Patience):
		return errors.New("status says nothing to a leader whose Sync was closed")
	}
}
