package recorder

import (
	"cmp"
	"slices"
	"strings"
	"sync"
	"time"
)

// Status is how the ledgers of a configuration are, all classes together.
type Status struct {
	// Records counts the entries written since the ledgers were opened, and Pending
	// those that wait for the disk.
	Records uint64 `json:"records"`
	Pending int    `json:"pending"`
	// FreeBytes are free on the volume, and below ReserveBytes what is left belongs to
	// transfers. FreeFiles is absent where the volume sets no limit.
	FreeBytes    uint64  `json:"free_bytes"`
	ReserveBytes uint64  `json:"reserve_bytes"`
	FreeFiles    *uint64 `json:"free_files,omitempty"`
	// Signed is when the last checkpoint was signed that does not cover everything, or
	// the last of all. Behind says that there are entries it does not cover.
	Signed time.Time `json:"signed,omitzero"`
	Behind bool      `json:"behind,omitempty"`
	// Errors counts failed operations, by operation; those without failures are left out.
	Errors map[string]uint64 `json:"errors,omitempty"`
	// Places are the witnesses and copies, by name, once a checkpoint was brought there.
	Places []PlaceStatus `json:"places,omitempty"`
}

// PlaceStatus is how a witness or a copy is.
type PlaceStatus struct {
	Place string `json:"place"`
	// Entries lay under the last checkpoint that it took, at Taken; zero for none.
	Entries int64     `json:"entries"`
	Taken   time.Time `json:"taken,omitzero"`
	// Failing is since when each try has failed; zero if the last one did not.
	Failing time.Time `json:"failing,omitzero"`
}

// Status is how the ledgers are now.
func (r *Recorder) Status() Status {
	stats := r.stats()
	s := Status{
		Records: stats.Appended, Pending: stats.Pending, FreeBytes: stats.Free, ReserveBytes: r.reserve(),
		Signed: stats.SignedAt.UTC(), Errors: map[string]uint64{},
	}
	if stats.FilesKnown {
		s.FreeFiles = &stats.FreeFiles
	}
	for op, n := range stats.Errors {
		if n > 0 {
			s.Errors[op] = n
		}
	}
	for _, c := range r.classes {
		own := c.shared.log.Stats()
		s.Behind = s.Behind || own.Signed < own.Next
		if o := c.shared.outside.Load(); o != nil {
			s.Places = append(s.Places, o.states.all()...)
		}
	}
	slices.SortFunc(s.Places, func(a, b PlaceStatus) int { return strings.Compare(a.Place, b.Place) })
	return s
}

// reserve is how many free bytes belong to transfers.
func (r *Recorder) reserve() uint64 { return cmp.Or(r.settings.Reserve, defaultReserve) }

// placeStates remember how the places outside are. The zero placeStates know none.
type placeStates struct {
	mu    sync.Mutex
	known map[string]PlaceStatus
}

// pushed notes a try to bring a checkpoint to a place.
func (p *placeStates) pushed(place string, size int64, err error, at time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.known == nil {
		p.known = make(map[string]PlaceStatus)
	}
	s := p.known[place]
	s.Place = place
	switch {
	case err == nil:
		s.Entries, s.Taken, s.Failing = size, at.UTC(), time.Time{}
	case s.Failing.IsZero():
		s.Failing = at.UTC()
	}
	p.known[place] = s
}

func (p *placeStates) all() (all []PlaceStatus) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, s := range p.known {
		all = append(all, s)
	}
	return all
}
