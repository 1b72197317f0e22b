package fleet

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/sparkoo/transfergate/internal/suggest"
)

// Object is what is put under a name.
type Object struct {
	Name string
	Data []byte
	// RetainUntil is until when nobody can delete or change it, where the store locks.
	RetainUntil time.Time
	// Beside puts it also where the name is taken, as one more version.
	Beside bool
}

// Putter takes objects. Any number of goroutines may use it.
type Putter interface {
	// Put puts an object. When it returns nil, the object is durable and locked. The
	// error is [ErrTaken] if there was one of that name, which stays as it was. After any
	// other error nobody knows whether the object is there. The data is not kept.
	Put(ctx context.Context, o Object) error
}

// ErrTaken: an object of that name was there already, and no other was put.
var ErrTaken = errors.New("an object of that name is there already")

// Version is one of the things that lie under one name.
type Version struct {
	Name   string
	ID     string
	Marker bool   // it says that the object is deleted, and has no data
	Sum    string // other data has another sum; empty of a marker
	Size   int64
	Put    time.Time // by the store's clock
}

// Store is all that a collector needs. Any number of goroutines may use it.
type Store interface {
	Putter

	// List yields all versions of the objects whose names begin with a prefix. Of those
	// of one name that are no markers, the oldest comes last; else the order is the
	// store's. An error is yielded last.
	List(ctx context.Context, prefix string) iter.Seq2[Version, error]

	// Get returns the data of a version that is no marker, which is not longer than
	// MaxObject bytes. The error is [ErrGone] if it is not there.
	Get(ctx context.Context, v Version) ([]byte, error)
}

// ErrGone: the store has no such version.
var ErrGone = errors.New("the object is not there")

// MaxObject bounds an object in bytes. A sealed segment has some 10 MB.
const MaxObject = 1 << 30

// Config says where a store is. Not all kinds need all of it.
type Config struct {
	URL, Bucket    string
	Prefix         string // begins the names of all objects
	Region         string
	Access, Secret string         // credentials
	Authorities    *x509.CertPool // who vouches for the store's name; nil for the system's
	Unlocked       bool           // objects are not locked
}

var (
	kindsMu sync.Mutex // guards kinds
	kinds   = make(map[string]func(Config) (Store, error))
)

// Register makes a kind of store known, as "s3". Whoever has its client does so when the
// program starts.
func Register(kind string, open func(Config) (Store, error)) {
	kindsMu.Lock()
	defer kindsMu.Unlock()
	kinds[kind] = open
}

// Open returns a store of a kind. It asks nobody.
func Open(kind string, c Config) (Store, error) {
	kindsMu.Lock()
	open, known := kinds[kind], slices.Sorted(maps.Keys(kinds))
	kindsMu.Unlock()
	switch {
	case open != nil:
		return open(c)
	case len(known) == 0:
		return nil, fmt.Errorf("this program has no client for a store '%s': build it with caddyplugin/fleet", kind)
	}
	return nil, fmt.Errorf("there is no kind of store '%s'; %s", kind, suggest.For(kind, known))
}
