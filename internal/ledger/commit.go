package ledger

import (
	"errors"
	"fmt"
	"time"

	"github.com/sparkoo/transfergate/internal/ledger/format"
)

// commit makes a batch durable, in several frames if a segment ends within it
// or it is very large. It stops at the first failure.
func (l *Log) commit(b *batch) {
	b.epoch, b.first = l.epoch.Number, l.next
	buf := b.buf // from a frame's header on
	for b.durable < b.count {
		if b.err = l.roll(); b.err != nil {
			return
		}
		room := l.epoch.SegmentEntries - l.next%l.epoch.SegmentEntries
		count, length := split(buf[format.HeaderSize:], b.count-b.durable, room)
		path, offset, first := l.segment.path, l.segment.size, l.next
		if b.err = l.writeFrame(buf[:format.HeaderSize+length], count); b.err != nil {
			return
		}
		b.place = format.Place{Path: path, Offset: offset, First: first}
		b.durable += count
		b.frames++
		buf = buf[length:] // the next header goes over bytes already written
	}
}

// split says how many of the payload's entries, and how many bytes, go into one
// frame of a segment that has room for so many entries.
func split(payload []byte, count int, room uint64) (entries, length int) {
	if uint64(count) <= room && len(payload) <= format.MaxPayload {
		return count, len(payload)
	}
	rest := payload
	for uint64(entries) < min(uint64(count), room) {
		_, after, ok := format.CutEntry(rest)
		if !ok || len(payload)-len(after) > format.MaxPayload {
			break
		}
		entries, rest = entries+1, after
	}
	return entries, len(payload) - len(rest)
}

// writeFrame writes a frame, whose payload stands in buf after the room for its
// header, and returns when it is durable.
func (l *Log) writeFrame(buf []byte, count int) error {
	s := l.segment
	format.Header{
		Kind: format.KindEntries, Epoch: l.epoch.Number, Count: uint32(count), First: l.next, Synced: s.size,
		Length: uint32(len(buf) - format.HeaderSize), CRC: format.Checksum(buf[format.HeaderSize:]),
	}.Put(buf)
	if err := l.write(buf, s.size); err != nil {
		return err
	}
	size, next := s.size+int64(len(buf)), l.next+uint64(count)
	full := l.epoch.Full(next)
	if full { // the seal is written with the last frame and synced with it
		if err := l.write(l.mark(format.KindSeal, next), size); err != nil {
			return err
		}
		size += format.HeaderSize
	}
	if err := s.zeroAhead(size); err != nil {
		l.counters.fail(opWrite)
		l.o.Logger.Warn("the ledger goes on without zeros ahead", "error", err)
	}
	if err := l.sync(count); err != nil {
		return err
	}
	s.size, s.marked = size, false
	l.next = next
	l.counters.commit(count, len(buf), next)
	l.progress.reach(next)
	if full {
		l.retire()
	}
	return nil
}

// mark is a frame without entries. A seal promises only what was durable before
// the frame it is written with.
func (l *Log) mark(k format.Kind, next uint64) []byte {
	b := make([]byte, format.HeaderSize)
	format.Header{Kind: k, Epoch: l.epoch.Number, First: next, Synced: l.segment.size}.Put(b)
	return b
}

// writeMark writes a frame without entries and syncs it.
func (l *Log) writeMark(k format.Kind) error {
	if err := l.write(l.mark(k, l.next), l.segment.size); err != nil {
		return err
	}
	if err := l.sync(0); err != nil {
		return err
	}
	l.segment.size += format.HeaderSize
	l.segment.marked = true
	return nil
}

// write writes b at offset. After a failure the segment ends again where it was
// durable last; if that cannot be had, or the volume is not merely full, the
// segment is given up.
func (l *Log) write(b []byte, offset int64) error {
	s := l.segment
	_, err := s.file.WriteAt(b, offset)
	if err == nil {
		return nil
	}
	l.counters.fail(opWrite)
	full := format.IsFull(err)
	err = fmt.Errorf("writing %s: %w", s.path, err)
	if !full {
		return l.giveUp(err)
	}
	err = fmt.Errorf("%w: %w", ErrFull, err)
	s.reserved = 0
	if e := s.file.Truncate(s.size); e != nil {
		l.counters.fail(opTruncate)
		return l.giveUp(fmt.Errorf("%w; cutting %s back: %w", err, s.path, e))
	}
	return err
}

// sync makes the segment durable. It is never tried again on a file after it
// failed: the kernel may have dropped what it could not write.
func (l *Log) sync(entries int) error {
	start := time.Now()
	err := l.segment.file.Sync()
	took := time.Since(start)
	if err != nil {
		l.counters.fail(opSync)
		return l.giveUp(fmt.Errorf("syncing %s: %w", l.segment.path, err))
	}
	l.counters.syncs.Add(1)
	l.counters.syncTime.Add(int64(took))
	l.strikes = 0
	if l.o.OnSync != nil {
		l.o.OnSync(took, entries)
	}
	return nil
}

// giveUp ends the segment where it was durable last, so that the next batch
// goes to a new one, which says by its first index where this one ended. When
// the new one fails too before anything was synced, the log stays closed.
func (l *Log) giveUp(cause error) error {
	s := l.segment
	l.segment = nil
	l.strikes++
	l.o.Logger.Error("the ledger gives up a segment", "file", s.path, "offset", s.size, "entry", l.next, "error", cause)
	if err := s.trim(); err != nil {
		l.counters.fail(opTruncate)
		l.o.Logger.Warn("the given-up segment keeps bytes that do not count", "file", s.path, "offset", s.size, "error", err)
	}
	if err := s.file.Close(); err != nil {
		l.counters.fail(opTruncate)
		l.o.Logger.Warn("closing the given-up segment", "file", s.path, "error", err)
	}
	if l.strikes < 2 {
		return cause
	}
	cause = fmt.Errorf("%w: %w", ErrBroken, cause)
	l.Refuse(cause)
	return cause
}

// prepared is a segment made ahead of its time, or why it could not be made.
type prepared struct {
	segment *segment
	err     error
}

// prepare makes the next segment in the background: reserving its space can
// take long.
func (l *Log) prepare() {
	number := l.number
	l.number++
	l.preparing.Go(func() {
		s, err := l.createSegment(number)
		l.prepared <- prepared{s, err}
	})
}

func (l *Log) createSegment(number int) (*segment, error) {
	reserve := int64(l.epoch.SegmentEntries) * reservedPerEntry
	if free, err := l.free(); err != nil || free < uint64(reserve)+2*l.o.MinFree {
		reserve = 0 // what is free should rather be left to all
	}
	s, err := createSegment(l.o.FS, format.SegmentPath(l.epochDir, number), number, reserve)
	if err != nil {
		l.counters.fail(opCreate)
		if format.IsFull(err) {
			err = fmt.Errorf("%w: %w", ErrFull, err)
		}
	}
	return s, err
}

// roll sees to it that there is a segment to write to.
func (l *Log) roll() error {
	if l.strikes >= 2 {
		return ErrBroken
	}
	if l.segment != nil {
		return nil
	}
	p := <-l.prepared
	if p.err != nil { // perhaps long ago
		p.segment, p.err = l.createSegment(l.number - 1)
	}
	if p.err != nil {
		l.prepared <- p
		return p.err
	}
	p.segment.first = l.next
	l.segment = p.segment
	l.prepare()
	return nil
}

// unprepare takes back the segment that was prepared in vain.
func (l *Log) unprepare() error {
	l.preparing.Wait()
	select {
	case p := <-l.prepared:
		if p.err != nil {
			return nil // was counted; nobody needed it
		}
		return discard(l.o.FS, p.segment.file, p.segment.path)
	default:
		return nil
	}
}

// retire lets go of a segment that is full. Its reserved space is given back in
// the background; if the process ends before, the next one does it.
func (l *Log) retire() {
	s := l.segment
	l.segment = nil
	l.preparing.Go(func() {
		if err := errors.Join(s.trim(), s.file.Close()); err != nil {
			l.counters.fail(opTruncate)
			l.o.Logger.Warn("giving back the reserved space of a full segment", "file", s.path, "error", err)
		}
	})
}

// sealIfFull writes the seal that a crash kept from the last segment.
func (l *Log) sealIfFull() error {
	if l.segment == nil || !l.epoch.Full(l.next) || l.next == l.segment.first {
		return nil
	}
	if err := l.writeMark(format.KindSeal); err != nil {
		return err
	}
	l.retire()
	return nil
}
