package transport

import (
	"slices"
	"sync/atomic"

	"github.com/justcy/go-micro/v4/internal/options"
	"github.com/justcy/go-micro/v4/logger"
)

// settings are a transport's options, changed by Init while others dial. The
// zero value has none and cannot be read.
type settings struct{ opts atomic.Pointer[Options] }

// init applies options, which may themselves ask for those in force. When
// another init comes in between they are applied once more.
func (s *settings) init(opts []Option) {
	for {
		old := s.opts.Load()
		var o Options
		if old != nil {
			o = *old
		}
		options.To(&o, opts)
		o.setDefaults()
		if s.opts.CompareAndSwap(old, &o) {
			return
		}
	}
}

func (o *Options) setDefaults() {
	if o.Logger == nil {
		o.Logger = logger.DefaultLogger
	}
	if o.BuffSizeH2 < 1 {
		o.BuffSizeH2 = DefaultBufSizeH2
	}
	o.Context = contextOrBackground(o.Context)
}

// get returns the options, with a slice of the caller's own.
func (s *settings) get() Options {
	o := *s.opts.Load()
	o.Addrs = slices.Clone(o.Addrs)
	return o
}
