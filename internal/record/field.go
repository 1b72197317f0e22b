package record

import (
	"encoding/base64"
	"encoding/hex"
	"time"
)

// The fields: what a member of each kind is in Go, and how it is written and read.

// text makes no member when it is empty.
type text string

func (f *text) kind() Kind   { return Text }
func (f *text) always() bool { return false }
func (f *text) clear()       { *f = "" }

func (f *text) append(dst []byte, key string) []byte {
	if *f == "" {
		return dst
	}
	return appendString(begin(dst, key), string(*f))
}

func (f *text) parse(s *scanner) bool {
	at := s.at
	value, ok := s.string()
	if *f = text(value); ok && value == "" {
		return s.failAt(at, "an empty text, which is left out")
	}
	return ok
}

// must is a text that every entry has.
type must string

func (f *must) kind() Kind   { return Text }
func (f *must) always() bool { return true }
func (f *must) clear()       { *f = "" }

func (f *must) append(dst []byte, key string) []byte {
	return appendString(begin(dst, key), string(*f))
}

func (f *must) parse(s *scanner) (ok bool) {
	value, ok := s.string()
	*f = must(value)
	return ok
}

// texts make no member when there are none.
type texts []string

func (f *texts) kind() Kind   { return Texts }
func (f *texts) always() bool { return false }
func (f *texts) clear()       { *f = nil }

func (f *texts) append(dst []byte, key string) []byte {
	if len(*f) == 0 {
		return dst
	}
	dst = append(begin(dst, key), '[')
	for _, v := range *f {
		dst = appendString(separate(dst), v)
	}
	return append(dst, ']')
}

func (f *texts) parse(s *scanner) bool {
	*f = nil
	return s.list(func() bool {
		value, ok := s.string()
		*f = append(*f, value)
		return ok
	})
}

// count makes no member when it is negative: it is not known.
type count int64

func (f *count) kind() Kind   { return Number }
func (f *count) always() bool { return false }
func (f *count) clear()       { *f = -1 }

func (f *count) append(dst []byte, key string) []byte {
	if *f < 0 {
		return dst
	}
	return appendNumber(begin(dst, key), int64(*f))
}

func (f *count) parse(s *scanner) bool {
	n, ok := s.number(maxNumber)
	*f = count(n)
	return ok
}

// total is a number that every entry has.
type total uint64

func (f *total) kind() Kind   { return Number }
func (f *total) always() bool { return true }
func (f *total) clear()       { *f = 0 }

func (f *total) append(dst []byte, key string) []byte {
	return appendNumber(begin(dst, key), uint64(*f))
}

func (f *total) parse(s *scanner) bool {
	n, ok := s.number(maxNumber)
	*f = total(n)
	return ok
}

// some is a number from 1 that makes no member when it is 0.
type some uint64

func (f *some) kind() Kind   { return Number }
func (f *some) always() bool { return false }
func (f *some) clear()       { *f = 0 }

func (f *some) append(dst []byte, key string) []byte {
	if *f == 0 {
		return dst
	}
	return appendNumber(begin(dst, key), uint64(*f))
}

func (f *some) parse(s *scanner) bool {
	at := s.at
	n, ok := s.number(maxNumber)
	if *f = some(n); ok && n == 0 {
		return s.failAt(at, "0, which is left out")
	}
	return ok
}

// epoch is the number of an epoch.
type epoch uint32

func (f *epoch) kind() Kind   { return Number }
func (f *epoch) always() bool { return true }
func (f *epoch) clear()       { *f = 0 }

func (f *epoch) append(dst []byte, key string) []byte {
	return appendNumber(begin(dst, key), uint32(*f))
}

func (f *epoch) parse(s *scanner) bool {
	n, ok := s.number(1<<32 - 1)
	*f = epoch(n)
	return ok
}

// truth stands in every entry.
type truth bool

func (f *truth) kind() Kind   { return Truth }
func (f *truth) always() bool { return true }
func (f *truth) clear()       { *f = false }

func (f *truth) append(dst []byte, key string) []byte {
	return appendTruth(begin(dst, key), bool(*f))
}

func (f *truth) parse(s *scanner) bool {
	value, ok := s.truth()
	*f = truth(value)
	return ok
}

func appendTruth(dst []byte, value bool) []byte {
	if value {
		return append(dst, "true"...)
	}
	return append(dst, "false"...)
}

// sign makes a member only when it is true.
type sign bool

func (f *sign) kind() Kind   { return Truth }
func (f *sign) always() bool { return false }
func (f *sign) clear()       { *f = false }

func (f *sign) append(dst []byte, key string) []byte {
	if !*f {
		return dst
	}
	return appendTruth(begin(dst, key), true)
}

func (f *sign) parse(s *scanner) bool {
	at := s.at
	value, ok := s.truth()
	if *f = sign(value); ok && !value {
		return s.failAt(at, "false, which is left out")
	}
	return ok
}

// instant stands in every entry.
type instant time.Time

func (f *instant) kind() Kind   { return Instant }
func (f *instant) always() bool { return true }
func (f *instant) clear()       { *f = instant{} }

func (f *instant) append(dst []byte, key string) []byte {
	return appendTime(begin(dst, key), time.Time(*f))
}

func (f *instant) parse(s *scanner) bool {
	at := s.at
	value, ok := s.string()
	if !ok {
		return false
	}
	t, err := time.Parse(timeLayout, value)
	*f = instant(t)
	if err != nil || len(value) != len(timeLayout) || value[len("2006-01-02T15:04:05")] != '.' {
		return s.failAt(at, "a time in UTC with six digits is wanted here, as in "+timeLayout)
	}
	return true
}

// maybe is an instant that makes no member when it is zero.
type maybe time.Time

func (f *maybe) kind() Kind   { return Instant }
func (f *maybe) always() bool { return false }
func (f *maybe) clear()       { *f = maybe{} }

func (f *maybe) append(dst []byte, key string) []byte {
	if time.Time(*f).IsZero() {
		return dst
	}
	return appendTime(begin(dst, key), time.Time(*f))
}

func (f *maybe) parse(s *scanner) bool {
	at := s.at
	ok := (*instant)(f).parse(s)
	if ok && time.Time(*f).IsZero() {
		return s.failAt(at, "the time zero, which is left out")
	}
	return ok
}

// day is a date in Go's form; it makes no member when it is empty.
type day string

func (f *day) kind() Kind                           { return Day }
func (f *day) always() bool                         { return false }
func (f *day) clear()                               { *f = "" }
func (f *day) append(dst []byte, key string) []byte { return (*text)(f).append(dst, key) }

func (f *day) parse(s *scanner) bool {
	at := s.at
	if !(*text)(f).parse(s) {
		return false
	}
	if _, err := time.Parse(time.DateOnly, string(*f)); err != nil {
		return s.failAt(at, "a day is wanted here, as in "+time.DateOnly)
	}
	return true
}

// uuid stands in every entry. Append makes up one that is zero.
type uuid [16]byte

func (f *uuid) kind() Kind                           { return UUID }
func (f *uuid) always() bool                         { return true }
func (f *uuid) clear()                               { *f = uuid{} }
func (f *uuid) append(dst []byte, key string) []byte { return appendUUID(begin(dst, key), *f) }

func (f *uuid) parse(s *scanner) bool {
	at := s.at
	value, ok := s.string()
	if !ok {
		return false
	}
	var digits [32]byte
	n := 0
	for i := range len(value) {
		if value[i] != '-' && n < len(digits) {
			digits[n] = value[i]
			n++
		}
	}
	_, err := hex.Decode(f[:], digits[:])
	var room [40]byte
	if again := appendUUID(room[:0], *f); err != nil || *f == (uuid{}) || len(value)+2 != len(again) || string(again[1:len(again)-1]) != value {
		return s.failAt(at, "a UUID in small letters is wanted here")
	}
	return true
}

// random is 16 bytes that stand in every entry. Append makes them up if they are
// zero.
type random [16]byte

func (f *random) kind() Kind   { return Random }
func (f *random) always() bool { return true }
func (f *random) clear()       { *f = random{} }

func (f *random) append(dst []byte, key string) []byte {
	return appendBase64(begin(dst, key), f[:], base64.RawURLEncoding)
}

func (f *random) parse(s *scanner) bool {
	at := s.at
	value, ok := s.string()
	if !ok {
		return false
	}
	var room [18]byte // for 24 digits
	if len(value) == base64.RawURLEncoding.EncodedLen(len(f)) {
		n, err := base64.RawURLEncoding.Strict().Decode(room[:], []byte(value))
		if copy(f[:], room[:]); err == nil && n == len(f) && *f != (random{}) {
			return true
		}
	}
	return s.failAt(at, "16 bytes in base64url without padding are wanted here")
}

// blob is bytes in base64; none make no member.
type blob []byte

func (f *blob) kind() Kind   { return Bytes }
func (f *blob) always() bool { return false }
func (f *blob) clear()       { *f = nil }

func (f *blob) append(dst []byte, key string) []byte {
	if len(*f) == 0 {
		return dst
	}
	return appendBase64(begin(dst, key), *f, base64.StdEncoding)
}

func (f *blob) parse(s *scanner) bool {
	at := s.at
	value, ok := s.string()
	if !ok {
		return false
	}
	var err error
	*f, err = base64.StdEncoding.Strict().DecodeString(value)
	if err != nil || len(*f) == 0 || base64.StdEncoding.EncodedLen(len(*f)) != len(value) { // it passes over line breaks
		return s.failAt(at, "bytes in base64 are wanted here")
	}
	return true
}

// place names another entry of the ledger.
type place ID

func (f *place) kind() Kind   { return Place }
func (f *place) always() bool { return true }
func (f *place) clear()       { *f = place{} }

func (f *place) append(dst []byte, key string) []byte {
	dst = append(begin(dst, key), '"')
	return append(ID(*f).Append(dst), '"')
}

func (f *place) parse(s *scanner) bool {
	at := s.at
	value, ok := s.string()
	if !ok {
		return false
	}
	id, err := ParseID(value)
	*f = place(id)
	if err != nil {
		return s.failAt(at, "epoch and index of an entry are wanted here, as in 1.18402")
	}
	return true
}

// part is an inner object; the nil one makes no member.
type part[T any] struct {
	at    **T
	table *object[T]
}

func (f part[T]) kind() Kind        { return Object }
func (f part[T]) always() bool      { return false }
func (f part[T]) clear()            { *f.at = nil }
func (f part[T]) members() []Member { return f.table.list() }

func (f part[T]) append(dst []byte, key string) []byte {
	if *f.at == nil {
		return dst
	}
	return f.table.append(begin(dst, key), *f.at)
}

func (f part[T]) parse(s *scanner) bool {
	*f.at = new(T)
	return f.table.parse(s, *f.at)
}

// whole is an inner object that every entry has.
type whole[T any] struct {
	at    *T
	table *object[T]
}

func (f whole[T]) kind() Kind        { return Object }
func (f whole[T]) always() bool      { return true }
func (f whole[T]) clear()            { *f.at = *new(T) }
func (f whole[T]) members() []Member { return f.table.list() }

func (f whole[T]) append(dst []byte, key string) []byte {
	return f.table.append(begin(dst, key), f.at)
}

func (f whole[T]) parse(s *scanner) bool { return f.table.parse(s, f.at) }

// parts are a list of objects; none make no member.
type parts[T any] struct {
	at    *[]T
	table *object[T]
}

func (f parts[T]) kind() Kind        { return Objects }
func (f parts[T]) always() bool      { return false }
func (f parts[T]) clear()            { *f.at = nil }
func (f parts[T]) members() []Member { return f.table.list() }

func (f parts[T]) append(dst []byte, key string) []byte {
	if len(*f.at) == 0 {
		return dst
	}
	return append(f.table.appendAll(append(begin(dst, key), '['), *f.at), ']')
}

func (f parts[T]) parse(s *scanner) bool {
	*f.at = nil
	return s.list(func() bool {
		*f.at = append(*f.at, *new(T))
		return f.table.parse(s, &(*f.at)[len(*f.at)-1])
	})
}

// appendAll appends objects with commas between them.
func (o *object[T]) appendAll(dst []byte, all []T) []byte {
	for i := range all {
		dst = o.append(separate(dst), &all[i])
	}
	return dst
}

// rows are a list of lists, and stand in every entry.
type rows[T any] struct {
	at    *[]T
	table *object[T]
}

func (f rows[T]) kind() Kind        { return Rows }
func (f rows[T]) always() bool      { return true }
func (f rows[T]) clear()            { *f.at = nil }
func (f rows[T]) members() []Member { return f.table.list() }

func (f rows[T]) append(dst []byte, key string) []byte {
	dst = append(begin(dst, key), '[')
	for i := range *f.at {
		dst = f.table.appendRow(dst, &(*f.at)[i])
	}
	return append(dst, ']')
}

func (f rows[T]) parse(s *scanner) bool {
	*f.at = nil
	return s.list(func() bool {
		*f.at = append(*f.at, *new(T))
		return f.table.parseRow(s, &(*f.at)[len(*f.at)-1])
	})
}
