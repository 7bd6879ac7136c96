package store

type noopStore struct{}

// NewNoopStore returns a store that keeps nothing: writes succeed, reads and
// lists are empty. Options are ignored.
func NewNoopStore(...Option) Store { return noopStore{} }

func (noopStore) Init(...Option) error                          { return nil }
func (noopStore) Options() Options                              { return Options{} }
func (noopStore) Read(string, ...ReadOption) ([]*Record, error) { return []*Record{}, nil }
func (noopStore) Write(*Record, ...WriteOption) error           { return nil }
func (noopStore) Delete(string, ...DeleteOption) error          { return nil }
func (noopStore) List(...ListOption) ([]string, error)          { return []string{}, nil }
func (noopStore) Close() error                                  { return nil }
func (noopStore) String() string                                { return "noop" }
