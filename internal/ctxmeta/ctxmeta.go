// Package ctxmeta is how a context carries the headers of a request: the key
// under which package metadata looks for them, and what a context may have
// there instead of a map.
package ctxmeta

// Key is the key of the metadata in a context.
type Key struct{}

// Source is a value for Key that makes the map when somebody asks for it. Most
// handlers never do.
type Source interface {
	// Metadata returns the map, the same one each time. Nobody changes it
	// afterwards. It may be called concurrently.
	Metadata() map[string]string
}
