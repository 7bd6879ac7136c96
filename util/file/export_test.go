package file

// Sessions returns how many sessions a client remembers.
func Sessions(f File) int {
	c := f.(*fileClient)
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.nodes)
}
