package transport

import (
	"sync"

	"github.com/justcy/go-micro/v4/logger"
)

// settings are a transport's options, changed by Init while others dial.
type settings struct {
	mu   sync.RWMutex
	opts Options // guarded by mu
}

func (s *settings) init(opts []Option) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.opts
	for _, opt := range opts {
		if opt != nil {
			opt(&o)
		}
	}
	if o.Logger == nil {
		o.Logger = logger.DefaultLogger
	}
	if o.BuffSizeH2 < 1 {
		o.BuffSizeH2 = DefaultBufSizeH2
	}
	o.Context = contextOrBackground(o.Context)
	s.opts = o
}

func (s *settings) get() Options {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.opts
}
