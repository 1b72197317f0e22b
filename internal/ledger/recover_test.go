package ledger_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/ledger/format"
)

const firstSegment = "/l/epoch-000001/seg/000000.log"

// memLedger is a ledger in memory with n entries, "entry 1" and so on, after
// the genesis entry, each in a frame of its own. It is closed, or left as the
// end of the process leaves it. Its full segments are not sealed.
func memLedger(t testing.TB, n, segment int, closed bool) *memFS {
	t.Helper()
	m := newMemFS()
	m.hook = func(op, name string) error {
		if op != "names" && strings.Contains(name, "/sealed") {
			return pathError(op, name, syscall.EIO)
		}
		return nil
	}
	defer m.setHook(nil)
	l := ledger.New("/l", ledger.Options{FS: m, SegmentEntries: segment})
	if err := l.Open(); err != nil {
		t.Fatal(err)
	}
	for i := range n {
		add(t, l, fmt.Sprint("entry ", i+1))
	}
	if !closed {
		m = m.clone()
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return m
}

// reopen opens the ledger at /l, appends an entry and closes it.
func reopen(t testing.TB, m *memFS) (before []string) {
	t.Helper()
	return slices.Concat(reopenEpochs(t, m)...)
}

// reopenEpochs is reopen, epoch by epoch.
func reopenEpochs(t testing.TB, m *memFS) (before [][]string) {
	t.Helper()
	l := ledger.New("/l", ledger.Options{FS: m})
	if err := l.Open(); err != nil {
		t.Fatal(err)
	}
	before = inEpochs(t, m)
	id, err := l.Append([]byte("after"))
	if err != nil || int(id.Epoch) != len(before) || id.Index != uint64(len(before[len(before)-1])) {
		t.Fatalf("id %v after %d entries in %d epochs, %v", id, len(before[len(before)-1]), len(before), err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	report, err := verifyFS(m, "/l")
	// An older epoch keeps what was given up behind its last entry.
	torn := report.Torn && strings.Contains(report.Tail, fmt.Sprintf("/epoch-%06d/", report.Epoch))
	if err != nil || torn || report.Entries != uint64(len(slices.Concat(before...)))+1 {
		t.Fatalf("verify: %+v, %v", report, err)
	}
	return before
}

// ends lists the offsets at which the frames of a segment end.
func ends(data []byte) (all []int) {
	for at := 0; at+format.HeaderSize <= len(data) && data[at] == 0xf7; {
		at += format.HeaderSize + int(data[at+34])<<8 + int(data[at+35])
		all = append(all, at)
	}
	return all
}

// However much of the end is missing: the entries whose frames are whole stay,
// the rest is in the quarantine, and the ledger says so.
func TestTruncationAtEveryByte(t *testing.T) {
	for _, closed := range []bool{false, true} {
		base := memLedger(t, 5, 100, closed)
		data := base.get(firstSegment)
		whole := ends(data)
		for size := range whole[len(whole)-1] {
			m := base.clone()
			m.set(firstSegment, data[:size])
			// The checkpoint knows of the first entry, and when it was closed of all six.
			if size < whole[0] || closed && size < whole[5] {
				checkRefused(t, m, "/l/epoch-000001/checkpoint")
				continue
			}
			kept := slices.IndexFunc(whole, func(end int) bool { return end > size })
			cut := size
			if kept > 0 {
				cut -= whole[kept-1]
			}
			// Zeros at the very end are taken for reserved space.
			checkCut(t, m, reopen(t, m), kept, bytes.TrimRight(data[size-cut:size], "\x00"))
			if t.Failed() {
				t.Fatalf("closed %v, %d bytes left", closed, size)
			}
		}
	}
}

// checkRefused checks that a ledger is refused because of a file, and that
// nothing was changed.
func checkRefused(t *testing.T, m *memFS, file string) {
	t.Helper()
	before := m.clone()
	l := ledger.New("/l", ledger.Options{FS: m})
	bad := new(ledger.CorruptError)
	if err := l.Open(); !errors.As(err, &bad) || bad.File != file {
		t.Fatalf("open: %v", err)
	}
	m.wantSame(t, before)
}

// checkCut checks what a ledger of memLedger has after the bytes cut were torn
// off behind so many entries.
func checkCut(t *testing.T, m *memFS, got []string, kept int, cut []byte) {
	t.Helper()
	for i := 1; i < min(kept, 6); i++ {
		if want := fmt.Sprint("entry ", i); got[i] != want {
			t.Errorf("entry %d is %q", i, got[i])
		}
	}
	if kindOf(t, got[0]) != "ledger.genesis" {
		t.Errorf("entry 0 is %s", got[0])
	}
	want := min(max(kept, 1), 6) // a ledger cut off in its genesis begins anew
	if len(cut) > 0 {
		want++
	}
	if len(got) != want {
		t.Errorf("%d entries, want %d: %q", len(got), want, got)
		return
	}
	if len(cut) == 0 {
		return
	}
	last := got[len(got)-1]
	if kindOf(t, last) != "ledger.recovered" || !strings.Contains(last, fmt.Sprintf(`"bytes":%d,`, len(cut))) {
		t.Errorf("the last entry is %s", last)
	}
	names, err := m.Names("/l/epoch-000001/quarantine")
	if err != nil || len(names) != 1 || string(m.get("/l/epoch-000001/quarantine/"+names[0])) != string(cut) {
		t.Errorf("quarantine %v, %v", names, err)
	}
}

// A flipped byte in any frame that a later one vouches for is damage: Verify
// says so, and Open says so too or, in a segment that is complete, leaves it
// as it is. After Close that is so for every entry. Nothing is ever cut off.
func TestFlipOfEveryByte(t *testing.T) {
	for _, closed := range []bool{false, true} {
		for _, segment := range []int{100, 4} {
			base := memLedger(t, 6, segment, closed)
			for number := range 7/segment + 1 {
				name := fmt.Sprintf("/l/epoch-000001/seg/%06d.log", number)
				data := base.get(name)
				whole := ends(data)
				vouched := whole[len(whole)-1]
				if number == 6/segment { // the last segment
					frames := 7 - number*segment
					vouched = whole[frames-1] // a mark follows
					if !closed {
						vouched = whole[frames-2]
					}
				}
				for at := range vouched {
					m := base.clone()
					flipped := slices.Clone(data)
					flipped[at] ^= 0x41
					m.set(name, flipped)
					checkDamage(t, m, name, flipped, at)
					if t.Failed() {
						t.Fatalf("closed %v, segments of %d, %s, byte %d", closed, segment, name, at)
					}
				}
			}
		}
	}
}

func checkDamage(t *testing.T, m *memFS, name string, flipped []byte, at int) {
	t.Helper()
	bad := new(ledger.CorruptError)
	if _, err := verifyFS(m, "/l"); !errors.As(err, &bad) {
		t.Errorf("verify: %v", err)
	} else if bad.File == name && bad.Offset > int64(at) {
		t.Errorf("verify finds offset %d: %v", bad.Offset, err)
	}
	l := ledger.New("/l", ledger.Options{FS: m})
	if err := l.Open(); err != nil && !errors.As(err, &bad) {
		t.Errorf("open: %v", err)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if string(m.get(name)) != string(flipped) {
		t.Error("the damaged segment was changed")
	}
}

// A flip in the very last frame of a ledger that was not closed cannot be told
// from a torn write; it must be cut off, kept and recorded, never read.
func TestFlipInTheLastFrame(t *testing.T) {
	base := memLedger(t, 3, 100, false)
	data := base.get(firstSegment)
	whole := ends(data)
	for at := whole[2]; at < whole[3]; at++ {
		m := base.clone()
		flipped := slices.Clone(data)
		flipped[at] ^= 0x41
		m.set(firstSegment, flipped)
		checkCut(t, m, reopen(t, m), 3, flipped[whole[2]:whole[3]])
		if t.Failed() {
			t.Fatalf("byte %d", at)
		}
	}
}

// What stands in the reserved space is moved away like any torn tail.
func TestGarbageAfterTheEnd(t *testing.T) {
	base := memLedger(t, 3, 100, false)
	data := base.get(firstSegment)
	end := ends(data)[3]
	for _, at := range []int{end, end + 1, end + 2000, len(data) - 1} {
		m := base.clone()
		garbage := slices.Clone(data)
		garbage[at] = 1
		m.set(firstSegment, garbage)
		checkCut(t, m, reopen(t, m), 4, garbage[end:at+1])
	}
}

func TestDamageMessages(t *testing.T) {
	const ways = "; nothing was changed; either restore the ledger folder from a verified copy, " +
		"or keep this epoch as evidence and begin a new one with 'transfergate transfer ledger epoch new FOLDER --because REASON'"
	tests := []struct {
		name    string
		segment int
		damage  func(m *memFS)
		want    string
	}{
		{"payload", 100, change(firstSegment, func(b []byte, whole []int) { b[whole[0]+46] ^= 1 }),
			"offset %1, entry 1: the frame's payload has checksum * but its header says *; the frame at offset %2 promises that this was on the disk"},
		{"header", 100, change(firstSegment, func(b []byte, whole []int) { b[whole[0]+20] ^= 1 }),
			"offset %1, entry 1: the frame's header has checksum * but says *; the frame at offset %2 promises that this was on the disk"},
		{"magic", 100, change(firstSegment, func(b []byte, whole []int) { b[whole[0]] = 'x' }),
			"offset %1, entry 1: a frame begins with f754474c, found 7854474c; the frame at offset %2 promises that this was on the disk"},
		{"zeros", 100, change(firstSegment, func(b []byte, whole []int) { clear(b[whole[0]:whole[1]]) }),
			"offset %1, entry 1: zeros where a frame should be, and other bytes from offset %2 on; the frame at offset %2 promises that this was on the disk"},
		{"lost segment", 2, func(m *memFS) { m.Remove("/l/epoch-000001/seg/000001.log") },
			"/l/epoch-000001/seg/000001.log, offset 0, entry 0: the segment is missing, but 000002.log is there"},
		{"cut segment", 2, func(m *memFS) {
			b := m.get(firstSegment)
			m.set(firstSegment, b[:ends(b)[0]])
		}, "offset %1, entry 1: the next segment begins with entry 2, but entry 1 should follow here"},
		{"lost seal", 2, func(m *memFS) {
			b := m.get(firstSegment)
			m.set(firstSegment, b[:ends(b)[1]])
		}, "offset %2, entry 2: the segment's seal is missing"},
		{"torn segment before another", 2, func(m *memFS) {
			b := m.get(firstSegment)
			m.set(firstSegment, b[:ends(b)[1]-1])
		}, "offset %1, entry 1: the file ends after * of the * bytes of a frame's payload; a later segment was begun, so this was on the disk"},
		{"no settings", 2, func(m *memFS) { m.Remove("/l/epoch-000001/EPOCH") },
			"/l/epoch-000001/EPOCH, offset 0, entry 0: the file is missing"},
		{"settings", 2, func(m *memFS) { m.set("/l/epoch-000001/EPOCH", []byte(`{"format":"transfergate-ledger/2","epoch":2}`)) },
			"/l/epoch-000001/EPOCH, offset 0, entry 0: it says epoch 2 with segments of 0 entries"},
		{"settings that ask for all memory", 2, func(m *memFS) {
			m.set("/l/epoch-000001/EPOCH", []byte(`{"format":"transfergate-ledger/2","epoch":1,"segment_entries":1099511627776}`))
		}, "/l/epoch-000001/EPOCH, offset 0, entry 0: it says epoch 1 with segments of 1099511627776 entries"},
		{"settings are no JSON", 2, func(m *memFS) { m.set("/l/epoch-000001/EPOCH", []byte(`x`)) },
			"/l/epoch-000001/EPOCH, offset 0, entry 0: not the JSON of an epoch: *"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			m := memLedger(t, 5, test.segment, false)
			whole := ends(m.get(firstSegment))
			test.damage(m)
			want := "ledger damaged at *" + test.want + ways
			for i, end := range whole {
				want = strings.ReplaceAll(want, fmt.Sprintf("%%%d", i+1), fmt.Sprint(end))
			}
			err := ledger.New("/l", ledger.Options{FS: m}).Open()
			if bad := new(ledger.CorruptError); !errors.As(err, &bad) || !like(err.Error(), want) {
				t.Errorf("got  %v\nwant %s", err, want)
			}
		})
	}
}

// change changes a file given the ends of its frames.
func change(name string, f func(b []byte, whole []int)) func(*memFS) {
	return func(m *memFS) {
		b := m.get(name)
		f(b, ends(b))
		m.set(name, b)
	}
}

// like compares with a pattern in which * stands for any text.
func like(s, pattern string) bool {
	parts := strings.Split(pattern, "*")
	for i, part := range parts {
		at := strings.Index(s, part)
		if at < 0 || i == 0 && at > 0 {
			return false
		}
		s = s[at+len(part):]
	}
	return s == "" || parts[len(parts)-1] == ""
}

// A layout of a later program is refused, not taken for damage.
func TestUnknownFormat(t *testing.T) {
	m := memLedger(t, 1, 100, true)
	m.set("/l/epoch-000001/EPOCH", []byte(`{"created":"2030-01-01T00:00:00Z","epoch":1,"format":"transfergate-ledger/9","segment_entries":1}`))
	want := `/l/epoch-000001/EPOCH: format "transfergate-ledger/9"; this program reads "transfergate-ledger/2"`
	if err := ledger.New("/l", ledger.Options{FS: m}).Open(); err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

// Two segments in a row were given up before anything in them was durable, and
// what was written of them was not cut off: the ledger opens, and keeps it.
func TestSegmentsGivenUp(t *testing.T) {
	m := memLedger(t, 3, 4, false)
	first := m.get(firstSegment) // genesis entry and three more: the next segment begins with entry 4
	frame := slices.Clone(first[:ends(first)[0]])
	for _, number := range []int{1, 2} {
		header := frame[:format.HeaderSize]
		binary.BigEndian.PutUint64(header[16:], 4)
		binary.BigEndian.PutUint64(header[24:], 0)
		binary.BigEndian.PutUint32(header[40:], crc32.Checksum(header[:40], crc32.MakeTable(crc32.Castagnoli)))
		m.set(fmt.Sprintf("/l/epoch-000001/seg/%06d.log", number), frame[:len(frame)-5])
	}
	got := reopen(t, m)
	if len(got) != 6 || kindOf(t, got[4]) != "ledger.recovered" || kindOf(t, got[5]) != "ledger.recovered" {
		t.Errorf("entries %q", got)
	}
}
