package ledger

import "time"

// The entries the log itself makes. Their members are those of a Record where
// they mean the same.

// genesis is entry 0 of an epoch. keys are the pseudonyms' keys the ledger begins with.
func (l *Log) genesis() []byte {
	now := l.o.Now()
	o := object("{")
	o.number("epoch", int64(l.epoch.Number))
	o.text("format", epochFormat)
	o.id("id", newID(now))
	o.texts("keys", l.keys.firstKeys())
	o.text("master", l.keys.master.id)
	o.text("node", l.o.Node)
	salt := newSalt()
	o.base64("salt", salt[:])
	o.number("segment_entries", int64(l.epoch.SegmentEntries))
	return closing(o, now, TypeGenesis)
}

// recovered says what was cut off the log after a crash. None of it was
// acknowledged: had it been, a later frame or its own checksum would say so.
func (l *Log) recovered(c cut) []byte {
	now := l.o.Now()
	o := object("{")
	o.number("bytes", c.bytes)
	o.number("epoch", int64(l.epoch.Number))
	o.text("file", c.file)
	o.text("found", c.what)
	o.id("id", newID(now))
	o.text("node", l.o.Node)
	o.number("offset", c.offset)
	o.text("quarantine", c.quarantine)
	salt := newSalt()
	o.base64("salt", salt[:])
	return closing(o, now, TypeRecovered)
}

// closing appends time, type and v, and ends the object.
func closing(o object, now time.Time, kind string) []byte {
	o.time("time", now)
	o.text("type", kind)
	o.text("v", schema)
	return append(o, '}')
}
