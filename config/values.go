package config

import (
	"github.com/justcy/go-micro/v4/config/reader"
	"github.com/justcy/go-micro/v4/config/reader/json"
	"github.com/justcy/go-micro/v4/config/source"
)

// empty returns values without any.
func empty() reader.Values {
	r := json.NewReader()
	values, err := r.Values(&source.ChangeSet{Data: []byte("{}"), Format: r.String()})
	if err != nil {
		panic(err) // an empty object is JSON
	}
	return values
}

// missing is a value there is not.
var missing = empty().Get("missing")

func (c *dynamic) Get(path ...string) reader.Value {
	if v := c.values.Load(); v != nil {
		return (*v).Get(path...)
	}
	return missing
}

func (c *dynamic) Bytes() []byte {
	if v := c.values.Load(); v != nil {
		return (*v).Bytes()
	}
	return []byte{}
}

func (c *dynamic) Map() map[string]any {
	if v := c.values.Load(); v != nil {
		return (*v).Map()
	}
	return nil
}

func (c *dynamic) Scan(target any) error {
	if v := c.values.Load(); v != nil {
		return (*v).Scan(target)
	}
	return nil
}

func (c *dynamic) Set(val any, path ...string) {
	if c.values.Load() == nil {
		first := empty()
		c.values.CompareAndSwap(nil, &first)
	}
	(*c.values.Load()).Set(val, path...)
}

func (c *dynamic) Del(path ...string) {
	if v := c.values.Load(); v != nil {
		(*v).Del(path...)
	}
}
