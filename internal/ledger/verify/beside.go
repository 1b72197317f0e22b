package verify

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/sparkoo/transfergate/internal/ledger/format"
	"github.com/sparkoo/transfergate/internal/record"
)

// Difference is a file beside the entries that says something else than they do. The
// entries count: whoever changed the file has changed nothing but the file.
type Difference struct {
	File string
	What string // how it differs, and what to do
}

// checkBegun holds the ledger against the note beside its folder, which was read before
// the entries: what it knows of and the folder has not is lost.
func (v *verification) checkBegun(epochs []*verifiedEpoch) error {
	note, path, last := v.begun, format.BegunPath(v.dir), epochs[len(epochs)-1].epoch
	if note.Origin == "" {
		if note.There {
			v.differs(path, "the note beside the folder names no epoch. The gateway writes it anew when it is started")
		}
		return nil
	}
	i := slices.IndexFunc(epochs, func(e *verifiedEpoch) bool { return e.epoch.Origin == note.Origin })
	switch number := note.Number(); {
	case number > last.Number:
		return &format.CorruptError{File: format.EpochDir(v.dir, number), What: fmt.Sprintf(
			"the newest epoch is missing: %s says that %s was begun, and the last one here is %s", path, note.Origin, last.Origin)}
	case i < 0 && number == last.Number:
		return &format.CorruptError{File: format.EpochDir(v.dir, number), What: fmt.Sprintf(
			"it is another ledger's: %s says that %s was begun, and here is %s", path, note.Origin, last.Origin)}
	case i < 0:
		if v.o.From <= number && len(v.deleted[number]) == 0 && len(v.losses) == 0 {
			v.differs(path, "the note beside the folder names "+note.Origin+", which was not found in the ledger. The gateway writes it anew when it is started")
		}
		return nil
	}
	c, some, err := note.Of(epochs[i].epoch)
	if err != nil {
		v.differs(path, "the checkpoint in the note beside the folder is not signed with the ledger's key. The gateway writes it anew when it is started; find out who wrote this one")
	}
	if !some {
		return nil
	}
	if err := epochs[i].tree.Covers(c, path); err != nil && !v.lost(epochs[i].epoch.Number, err) {
		return err
	}
	return nil
}

func (v *verification) differs(file, what string) {
	v.report.Differences = append(v.report.Differences, Difference{file, what})
}

// stands is what entries say of what files beside them say, too.
type stands struct {
	whole     bool // nothing before the entries that were read is missing
	holds     map[string]heldBy
	destroyed map[string]record.ID // keys of the pseudonyms, by period, with the entries that say so
}

// heldBy is a hold with the entry that sets it.
type heldBy struct {
	record.HoldCase
	at record.ID
}

// take brings an entry of an epoch into what stands. The first entries of an epoch say
// again what stood before, or that nothing did: what of earlier ones was lifted in an
// epoch that is lost must not come back.
func (s *stands) take(at record.ID, entry record.Entry) {
	switch e := entry.(type) {
	case *record.Genesis:
		if e.Previous == nil || e.Version != record.Versions()[0] {
			s.holds, s.whole = make(map[string]heldBy), e.Previous == nil || !e.Restates || s.whole
		}
	case *record.Standing:
		s.whole = s.whole || e.Whole
		for _, period := range e.Destroyed { // the entry that said so may be gone
			if _, known := s.destroyed[period]; !known {
				s.destroyed[period] = at
			}
		}
	case *record.HoldChange:
		if delete(s.holds, e.Hold.Ref); e.Type == record.TypeHoldSet {
			s.holds[e.Hold.Ref] = heldBy{e.Hold, at}
		}
	case *record.KeyChange:
		if e.Type == record.TypeKeyDestroyed {
			s.destroyed[e.Period] = at
		}
	}
}

// clone is a copy that shares nothing that take changes.
func (s *stands) clone() *stands {
	return &stands{s.whole, maps.Clone(s.holds), maps.Clone(s.destroyed)}
}

// caches holds the files that say again what entries say against the entries: holds, and
// the keys of the pseudonyms. A writer may be between a file and its entry: only what
// stays so is told.
func (v *verification) caches(last *verifiedEpoch) error {
	for again := range format.Rereads {
		says, err := v.since(last)
		if err != nil {
			return err
		}
		holds, err := v.holds(says)
		if err != nil {
			return err
		}
		keys, err := v.keys(says)
		if err != nil {
			return err
		}
		if all := append(holds, keys...); len(all) == 0 || again+1 == format.Rereads {
			v.report.Differences = append(v.report.Differences, all...)
			return nil
		}
		time.Sleep(settles)
	}
	return nil
}

// since is what stands with the entries that a writer has written since the last epoch
// was read.
func (v *verification) since(last *verifiedEpoch) (*stands, error) {
	says := v.stands.clone()
	numbers, _, err := format.ListEpochs(v.fsys, v.dir)
	if err != nil {
		return nil, err
	}
	for _, number := range numbers {
		from := uint64(0)
		if number == last.epoch.Number {
			from = last.entries
		}
		if number < last.epoch.Number {
			continue
		}
		w, err := format.WalkEpoch(v.fsys, v.dir, number)
		if err != nil {
			continue // it is being begun
		}
		for fr, err := range w.Frames(from) {
			if err != nil {
				break // what is read here is no part of what is verified
			}
			for e := range fr.Entries(from) {
				if e.Index > 0 && !record.IsOf(e.Data, standingTypes...) {
					continue
				}
				if entry, err := record.Parse(bytes.Clone(e.Data)); err == nil {
					says.take(record.ID{Epoch: number, Index: e.Index}, entry)
				}
			}
		}
	}
	return says, nil
}

// holdFile is a hold as its file has it.
type holdFile struct {
	Ref     string    `json:"ref"`
	Because string    `json:"because"`
	By      string    `json:"by"`
	From    time.Time `json:"from"`
	To      time.Time `json:"to"`
}

// is reports whether the file says what the entry says, whose times are of microseconds.
func (f holdFile) is(h record.HoldCase) bool {
	same := func(a, b time.Time) bool { return a.Truncate(time.Microsecond).Equal(b.Truncate(time.Microsecond)) }
	return f.Ref == h.Ref && f.Because == h.Because && f.By == h.By && same(f.From, h.From) && same(f.To, h.To)
}

// anew is what to do about the file of a hold that an entry sets.
const anew = "The entry counts, and the gateway writes the file anew when it is started; find out who changed it"

// holds compares the files of holds with the entries.
func (v *verification) holds(says *stands) (all []Difference, err error) {
	dir := filepath.Join(v.dir, format.HoldsName)
	names, err := v.fsys.Names(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("listing the holds: %w", err)
	}
	differs := func(ref, what string) {
		all = append(all, Difference{filepath.Join(dir, ref+".json"), what})
	}
	for _, ref := range slices.Sorted(maps.Keys(says.holds)) {
		if hold := says.holds[ref]; !slices.Contains(names, ref+".json") {
			differs(ref, fmt.Sprintf("the hold is set, as entry %s says, and its file is missing. %s", hold.at, anew))
		}
	}
	slices.Sort(names)
	for _, name := range names {
		ref, ok := strings.CutSuffix(name, ".json")
		if !ok {
			continue // the rest of a write
		}
		data, err := format.ReadFile(v.fsys, filepath.Join(dir, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue // it was lifted meanwhile
		}
		if err != nil {
			return nil, fmt.Errorf("reading a hold: %w", err)
		}
		var file holdFile
		hold, set := says.holds[ref]
		switch err := json.Unmarshal(data, &file); {
		case set && (err != nil || !file.is(hold.HoldCase)):
			differs(ref, fmt.Sprintf("the file does not say what entry %s says of the hold. %s", hold.at, anew))
		case !set && err != nil:
			differs(ref, "the file is no hold, and while it is there nothing is deleted. Remove it")
		case !set && says.whole:
			differs(ref, "no entry says that this hold is set, or one says that it was lifted. It holds all the same: "+
				"set it again, so that an entry says so, or lift it, by 'transfergate transfer ledger hold'")
		}
	}
	return all, nil
}

// keys makes sure that no key of the pseudonyms is back that an entry says was destroyed.
func (v *verification) keys(says *stands) (all []Difference, err error) {
	dir := filepath.Join(v.dir, format.KeysName)
	names, err := v.fsys.Names(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("listing the pseudonyms' keys: %w", err)
	}
	slices.Sort(names)
	for _, name := range names {
		period, suffix, _ := strings.Cut(name, ".")
		at, destroyed := says.destroyed[period]
		if destroyed && (suffix == "key" || suffix == "pending") {
			all = append(all, Difference{filepath.Join(dir, name), fmt.Sprintf(
				"the key was destroyed, as entry %s says, and its file is there: with it the records of that period can be tied to persons again. "+
					"The gateway never uses it, and destroys it again when it is started; find out where it came from", at)})
		}
	}
	return all, nil
}
