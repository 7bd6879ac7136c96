package registry

import "maps"

// Clone returns a deep copy; nil stays nil.
func (s *Service) Clone() *Service {
	if s == nil {
		return nil
	}
	c := *s
	c.Metadata = maps.Clone(s.Metadata)
	c.Endpoints = cloneAll(s.Endpoints)
	c.Nodes = cloneAll(s.Nodes)
	return &c
}

// Clone returns a deep copy; nil stays nil.
func (n *Node) Clone() *Node {
	if n == nil {
		return nil
	}
	c := *n
	c.Metadata = maps.Clone(n.Metadata)
	return &c
}

// Clone returns a deep copy; nil stays nil.
func (e *Endpoint) Clone() *Endpoint {
	if e == nil {
		return nil
	}
	c := *e
	c.Metadata = maps.Clone(e.Metadata)
	c.Request = e.Request.Clone()
	c.Response = e.Response.Clone()
	return &c
}

// Clone returns a deep copy; nil stays nil.
func (v *Value) Clone() *Value {
	if v == nil {
		return nil
	}
	c := *v
	c.Values = cloneAll(v.Values)
	return &c
}

func cloneAll[T interface{ Clone() T }](list []T) []T {
	if list == nil {
		return nil
	}
	out := make([]T, len(list))
	for i, v := range list {
		out[i] = v.Clone()
	}
	return out
}
