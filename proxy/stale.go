package proxy

// stale.go: which databases a reading of the catalog has to read: a schema change through this Serval is of one or two of
// perhaps many.

import "sync"

// staleDatabases are noted by those who ask for a reading, and taken by the one who reads.
type staleDatabases struct {
	mu    sync.Mutex
	every bool
	names map[string]bool
}

// all notes that any may have changed.
func (s *staleDatabases) all() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.every = true
}

// add notes that these have changed.
func (s *staleDatabases) add(names []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.names == nil {
		s.names = map[string]bool{}
	}
	for _, name := range names {
		s.names[name] = true
	}
}

// take gives what was noted and forgets it; nil is all.
func (s *staleDatabases) take() map[string]bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	names, every := s.names, s.every
	s.names, s.every = nil, false
	if every || names == nil {
		return nil
	}
	return names
}
