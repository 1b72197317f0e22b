// Package fleettest is a store in memory for tests: it fails, forgets and lies when it is
// told to, and always in the same way.
package fleettest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sparkoo/transfergate/internal/fleet"
)

// Fault is what happens to one request.
type Fault int

// The faults.
const (
	None  Fault = iota
	Lost        // the request does not arrive
	NoAck       // it is served, and the answer does not arrive
	Lie         // it is not served, and the answer says it was
)

// Store is a store in memory. The zero value is empty and works.
type Store struct {
	// Fault says what happens to the n-th put under a name, from 0. Default: nothing
	Fault func(name string, n int) Fault
	// Now is the store's clock. Default: the zero time
	Now func() time.Time
	// Unconditional has it take what comes: it knows no condition.
	Unconditional bool

	mu      sync.Mutex // guards what follows
	objects map[string][]stored
	puts    map[string]int
	last    int
}

type stored struct {
	fleet.Version
	data []byte
}

// ErrNet is the error of a request that failed on its way.
var ErrNet = errors.New("the network failed")

// Put implements [fleet.Putter].
func (s *Store) Put(ctx context.Context, o fleet.Object) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.puts == nil {
		s.puts = make(map[string]int)
	}
	n := s.puts[o.Name]
	s.puts[o.Name]++
	fault := None
	if s.Fault != nil {
		fault = s.Fault(o.Name, n)
	}
	switch fault {
	case Lost:
		return ErrNet
	case Lie:
		return nil
	case None, NoAck:
	}
	if len(s.objects[o.Name]) > 0 && !o.Beside && !s.Unconditional {
		if fault == NoAck {
			return ErrNet
		}
		return fleet.ErrTaken
	}
	s.add(o.Name, o.Data, false)
	if fault == NoAck {
		return ErrNet
	}
	return nil
}

// add adds a version. Its caller holds mu.
func (s *Store) add(name string, data []byte, marker bool) {
	if s.objects == nil {
		s.objects = make(map[string][]stored)
	}
	s.last++
	v := fleet.Version{Name: name, ID: fmt.Sprintf("v%06d", s.last), Marker: marker, Size: int64(len(data))}
	if s.Now != nil {
		v.Put = s.Now()
	}
	if !marker {
		sum := sha256.Sum256(data)
		v.Sum = hex.EncodeToString(sum[:])
	}
	s.objects[name] = append(s.objects[name], stored{v, slices.Clone(data)})
}

// List implements [fleet.Store].
func (s *Store) List(_ context.Context, prefix string) iter.Seq2[fleet.Version, error] {
	return func(yield func(fleet.Version, error) bool) {
		for _, name := range s.Names(prefix) {
			s.mu.Lock()
			versions := slices.Clone(s.objects[name])
			s.mu.Unlock()
			for _, v := range slices.Backward(versions) {
				if !yield(v.Version, nil) {
					return
				}
			}
		}
	}
}

// Get implements [fleet.Store].
func (s *Store) Get(_ context.Context, v fleet.Version) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, known := range s.objects[v.Name] {
		if known.ID == v.ID && !known.Marker {
			return slices.Clone(known.data), nil
		}
	}
	return nil, fleet.ErrGone
}

// Names are the names that begin with a prefix, sorted.
func (s *Store) Names(prefix string) (names []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for name := range s.objects {
		if strings.HasPrefix(name, prefix) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// Puts is how often somebody tried to put something under a name.
func (s *Store) Puts(name string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.puts[name]
}

// Replace puts a version that nobody asked for, as the store's administrator can.
func (s *Store) Replace(name string, data []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.add(name, data, false)
}

// Delete puts a marker, as anybody with leave to delete can under a lock.
func (s *Store) Delete(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.add(name, nil, true)
}

// Lose forgets all that begins with a prefix, with every trace of it.
func (s *Store) Lose(prefix string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for name := range s.objects {
		if strings.HasPrefix(name, prefix) {
			delete(s.objects, name)
		}
	}
}

// Kept is a state of the store, see [Store.Keep].
type Kept map[string][]stored

// Keep returns what the store holds now, for Restore.
func (s *Store) Keep() Kept {
	s.mu.Lock()
	defer s.mu.Unlock()
	kept := make(Kept)
	for name, versions := range s.objects {
		kept[name] = slices.Clone(versions)
	}
	return kept
}

// Restore rolls the store back.
func (s *Store) Restore(kept Kept) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.objects = make(map[string][]stored)
	for name, versions := range kept {
		s.objects[name] = slices.Clone(versions)
	}
}

var _ fleet.Store = (*Store)(nil)
