package scan

import (
	"bytes"
	"errors"
	"slices"

	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/query"
	"github.com/sparkoo/transfergate/internal/query/columns"
	"github.com/sparkoo/transfergate/internal/record"
)

// part is a stretch of entries by columns: those of a sealed segment in a file, or those
// after them in memory.
type part interface {
	query.Segment
	Span() (low, high int64)
	Odd() []int
	Ends() []query.Ended
	Later(of record.ID, end query.Ended)
	Ended(row int) (query.Ended, error)
	Close() error
}

// segments are those of an epoch that have columns.
type segments struct {
	left []ledger.Sealed // that are not looked at yet, oldest first

	open    part // the one that rows are fetched of; nil if none is
	answers []query.Answer
	next    int // row that is fetched next, and then those before it
	step    int // how many are fetched at most, if they are not read bundle by bundle
}

func (s *segments) close() error {
	if s.open == nil {
		return nil
	}
	err := s.open.Close()
	s.open = nil
	return err
}

// end is where the newest of them ends.
func (s *segments) end() uint64 {
	if len(s.left) == 0 {
		return 0
	}
	last := s.left[len(s.left)-1]
	return last.First.Index + last.Entries
}

// indexed are the segments of an epoch that have a file of columns; none if that cannot
// be known, as then they are read.
func (b *backward) indexed(epoch uint32) (s segments) {
	if b.whole {
		return s
	}
	all, err := b.dir.Sealed(epoch)
	if err != nil {
		return s
	}
	s.left = slices.DeleteFunc(all, func(one ledger.Sealed) bool { return !columns.There(one) })
	return s
}

// columns answers by the columns of the segment that ends at b.high, and tells whether
// it has any that can be used: otherwise the segment is read.
func (b *backward) columns() bool {
	s := &b.segments
	for len(s.left) > 0 && s.end() > b.high { // the epoch has less than a segment of it
		s.left = s.left[:len(s.left)-1]
	}
	if s.end() != b.high {
		return false
	}
	segment := s.left[len(s.left)-1]
	s.left = s.left[:len(s.left)-1]
	file, err := columns.Open(b.dir.Class, segment)
	if err != nil {
		return false
	}
	if err := b.answer(file, 0); err != nil {
		_ = file.Close() // it was read only, and what it holds is read as it stands
		return false
	}
	b.high = segment.First.Index
	return true
}

// answer finds the rows of a segment, and counts what can be counted. Nothing is changed
// if there is an error. step is how many rows are fetched at first.
func (b *backward) answer(file part, step int) error {
	for id, end := range b.ends {
		file.Later(id, end)
	}
	answers, err := b.find(file)
	if err != nil {
		return err
	}
	columnar := false
	if b.counter != nil {
		if columnar, err = b.counter.Columnar(file); err != nil {
			return err
		}
	}
	if slices.ContainsFunc(answers, func(a query.Answer) bool { return a == query.Maybe || a == query.Yes && !columnar }) {
		if _, err := file.Ended(0); err != nil { // the rows that are fetched need it
			return err
		}
	}
	if b.counter != nil {
		if err := b.countBy(file, answers, columnar); err != nil {
			return err
		}
	}
	for _, end := range file.Ends() {
		id, err := record.ParseID(end.Get("record"))
		if err == nil && b.ends[id] == nil {
			b.ends[id] = end
		}
	}
	for id := range b.ends {
		if id.Compare(file.First()) >= 0 {
			delete(b.ends, id)
		}
	}
	b.segments.open, b.segments.answers, b.segments.next, b.segments.step = file, answers, len(answers)-1, step
	return nil
}

// find tells which rows of a segment are asked for. What has no values is looked at.
func (b *backward) find(file part) ([]query.Answer, error) {
	answers := make([]query.Answer, file.Len())
	if file.First().Compare(b.before) >= 0 {
		return answers, nil
	}
	if b.matcher.Between(file.Span()) {
		var err error
		if answers, err = b.matcher.Select(file); err != nil {
			return nil, err
		}
	}
	for _, i := range file.Odd() {
		answers[i] = query.Maybe
	}
	return b.cutOff(file, answers), nil
}

// cutOff drops the rows that do not lie before the place that rows are before.
func (b *backward) cutOff(file part, answers []query.Answer) []query.Answer {
	first := file.First()
	if n := len(answers); (record.ID{Epoch: first.Epoch, Index: first.Index + uint64(n) - 1}).Compare(b.before) >= 0 {
		for i := range answers {
			if (record.ID{Epoch: first.Epoch, Index: first.Index + uint64(i)}).Compare(b.before) >= 0 { // not negative
				answers[i] = query.No
			}
		}
	}
	return answers
}

// countBy counts the rows of which the columns tell all, and takes them off the answers.
func (b *backward) countBy(file part, answers []query.Answer, columnar bool) error {
	denials, err := b.denials(file)
	if err != nil {
		return err
	}
	if columnar {
		if err := b.counter.AddSegment(file, answers); err != nil {
			return err
		}
		for i, answer := range answers {
			if answer == query.Yes {
				answers[i] = query.No
			}
		}
	}
	for _, e := range denials {
		b.count(e)
	}
	return nil
}

// denials are the entries that count denials without a record of their own, and may be
// asked for. There are few.
func (b *backward) denials(file part) (all []ledger.Entry, err error) {
	if b.matcher.Wants(record.TypeCounted) || !b.matcher.Between(file.Span()) || file.First().Compare(b.before) >= 0 {
		return nil, nil
	}
	answers, err := b.matcher.SelectUncounted(file)
	if err != nil {
		return nil, err
	}
	answers = b.cutOff(file, answers)
	maybe := func(answer query.Answer) bool { return answer != query.No }
	if _, sealed := file.(*columns.File); !sealed {
		return b.several(file, answers, slices.IndexFunc(answers, maybe))
	}
	for i, answer := range answers {
		if answer == query.No {
			continue
		}
		e, err := b.dir.Entry(idOf(file, i))
		if err != nil {
			return nil, err // reading the segment tells of it
		}
		all = append(all, e)
	}
	return all, nil
}

// several are the entries from a row on that are asked for, read in one go.
func (b *backward) several(file part, answers []query.Answer, row int) (all []ledger.Entry, err error) {
	if row < 0 {
		return nil, nil
	}
	for e, err := range b.dir.Entries(idOf(file, row)) {
		if err != nil {
			return nil, err
		}
		if answers[row] != query.No {
			all = append(all, ledger.Entry{ID: e.ID, Data: bytes.Clone(e.Data)})
		}
		if row++; row == len(answers) {
			break
		}
	}
	return all, nil
}

// idOf is the number of the entry of a row.
func idOf(file part, row int) record.ID {
	first := file.First()
	return record.ID{Epoch: first.Epoch, Index: first.Index + uint64(row)} // not negative
}

// bundle is how many entries are compressed together, and so read at once.
const bundle = 256

// fetch reads the newest rows that are left of a segment, those of one bundle.
func (b *backward) fetch() error {
	s := &b.segments
	for s.next >= 0 && s.answers[s.next] == query.No {
		s.next--
	}
	if s.next < 0 {
		return s.close()
	}
	first := s.open.First()
	from := s.next / bundle * bundle
	if s.step > 0 { // each time what is before is passed over again, so that fewer times are better
		from = max(0, s.next+1-s.step)
		s.step *= 4
	}
	for s.answers[from] == query.No {
		from++
	}
	last := s.next
	s.next = from - 1
	at := func(i int) record.ID { return record.ID{Epoch: first.Epoch, Index: first.Index + uint64(i)} } // not negative
	var cut *ledger.CorruptError
	i := from
	for e, err := range b.dir.Entries(at(from)) {
		if errors.As(err, &cut) {
			break
		}
		if err != nil {
			return err
		}
		if e.ID != at(i) {
			break
		}
		if s.answers[i] != query.No {
			if err := b.fetched(e, i); err != nil {
				return err
			}
		}
		if i++; i > last {
			break // the next may be damaged, which is none of these
		}
	}
	if cut != nil {
		b.cut(at(min(i, last)), cut)
	}
	slices.SortStableFunc(b.rows, func(x, y query.Row) int { return x.Name.ID.Compare(y.Name.ID) })
	return nil
}

// fetched makes a row of an entry that the columns found, if it is asked for.
func (b *backward) fetched(e ledger.Entry, i int) error {
	kind := record.TypeOf(e.Data)
	row := query.NewRow(b.node, b.dir.Class, e.ID, e.Data)
	if kind == record.TypeOutcome {
		if row.Damage == nil {
			row.Damage = query.ReadOutcomes(e.Data, func(record.ID, query.Ended) {})
		}
		if row.Damage != nil {
			b.damaged(e.ID, row.Damage)
			return nil
		}
	}
	if !b.asked(kind) {
		return nil
	}
	if kind == record.TypeAccepted { // nothing else ends
		var err error
		if row.Ended, err = b.segments.open.Ended(i); err != nil {
			return err
		}
	}
	if b.matcher.Match(&row) {
		row.Data = bytes.Clone(row.Data)
		b.rows = append(b.rows, row)
	}
	return nil
}

// asked reports whether entries of a type are looked at.
func (b *backward) asked(kind string) bool { return b.matcher.Wants(kind) || !known(kind) }
