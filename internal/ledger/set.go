package ledger

import (
	"errors"
	"fmt"
	"iter"
)

// Member is one open ledger of a Set.
type Member struct {
	// Class names what it keeps.
	Class string
	Log   *Log
	// Acquire is called before the set uses the log, and Release afterwards, if the
	// log is shared with others who may close it; Acquire reports whether it is still
	// open. Default: the log is the set's alone
	Acquire func() bool
	Release func()
}

// Set is the open ledgers of a gateway, one for each class, the default class's
// first. What is asked of a set is done to all of them, or to the class that is
// named. It owns no log: whoever opened them closes them. It does not change, and
// its methods may be called by any number of goroutines.
type Set struct{ members []Member }

// NewSet is the set of these ledgers, whose classes differ.
func NewSet(members ...Member) *Set { return &Set{members: members} }

// All yields the classes with their logs, without acquiring them.
func (s *Set) All() iter.Seq2[string, *Log] {
	return func(yield func(string, *Log) bool) {
		for _, m := range s.members {
			if !yield(m.Class, m.Log) {
				return
			}
		}
	}
}

// Log is the log of a class; nil if there is none.
func (s *Set) Log(class string) *Log {
	for name, l := range s.All() {
		if name == class {
			return l
		}
	}
	return nil
}

// Each calls f with the log of the class of that name, of each if it is empty. It
// stops at the first error and names the class. ErrClosed if a log is not open any
// more.
func (s *Set) Each(class string, f func(*Log) error) error {
	found := class == ""
	for _, m := range s.members {
		if class != "" && class != m.Class {
			continue
		}
		found = true
		if err := m.use(f); err != nil {
			return fmt.Errorf("class %s: %w", m.Class, err)
		}
	}
	if !found {
		return fmt.Errorf("the ledger has no class '%s'", class)
	}
	return nil
}

func (m Member) use(f func(*Log) error) error {
	if m.Acquire != nil && !m.Acquire() {
		return ErrClosed
	}
	if m.Release != nil {
		defer m.Release()
	}
	return f(m.Log)
}

// any is Each, where missing is no error unless it is every log's.
func (s *Set) any(class string, missing error, f func(*Log) error) error {
	found := false
	err := s.Each(class, func(l *Log) error {
		err := f(l)
		if errors.Is(err, missing) {
			return nil // it is another class's
		}
		found = found || err == nil
		return err
	})
	if err == nil && !found {
		return missing
	}
	return err
}

// SetHold sets a hold on the class it names, on all if it names none.
func (s *Set) SetHold(h ClassHold) error {
	return s.Each(h.Class, func(l *Log) error { return l.SetHold(h.Hold) })
}

// LiftHold ends a hold on the class it names, on all that have it if it names none;
// By and Because say who wants it and why. ErrNoHold if none has it.
func (s *Set) LiftHold(h ClassHold) error {
	return s.any(h.Class, ErrNoHold, func(l *Log) error { return l.LiftHold(h.Ref, h.By, h.Because) })
}

// Holds are the holds on all classes, by class and reference.
func (s *Set) Holds() ([]ClassHold, error) {
	var all []ClassHold
	for class, l := range s.All() {
		holds, err := l.Dir().Holds()
		if err != nil {
			return nil, err
		}
		for _, h := range holds {
			all = append(all, ClassHold{h, class})
		}
	}
	return all, nil
}

// ClassKey is a key of the pseudonyms and the class of the records that name persons
// by it; empty where that goes without saying.
type ClassKey struct {
	KeyInfo
	Class string `json:"class,omitempty"`
}

// Keys are the keys of all classes, oldest first in each.
func (s *Set) Keys() []ClassKey {
	var all []ClassKey
	for class, l := range s.All() {
		for _, key := range l.Keys() {
			all = append(all, ClassKey{key, class})
		}
	}
	return all
}

// RotateKeys makes a new key for each class.
func (s *Set) RotateKeys() error {
	return s.Each("", func(l *Log) error {
		_, err := l.RotateKey()
		return err
	})
}

// DestroyKey destroys the key of a period for good, in the class that has it.
// ErrNoKey if none has.
func (s *Set) DestroyKey(period string) error {
	return s.any("", ErrNoKey, func(l *Log) error { return l.DestroyKey(period) })
}

// Subjects are the account's pseudonyms under every key of every class.
func (s *Set) Subjects(account, salt string) (all []string) {
	for _, l := range s.All() {
		all = append(all, l.Subjects(account, salt)...)
	}
	return all
}

// Ready tells why one of the ledgers should get no more work, or nil.
func (s *Set) Ready() error {
	for _, l := range s.All() {
		if err := l.Ready(); err != nil {
			return err
		}
	}
	return nil
}
