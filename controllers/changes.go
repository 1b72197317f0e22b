package controllers

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

// Changes are what a feed of account records says: which records to put into a
// table, and which accounts to remove from it.
type Changes struct {
	// Put are records, each account once.
	Put []Account
	// Removed are accounts without a record, each once, and none of those put.
	Removed []string
	// End is the last line.
	End End
}

// End closes a feed's answer. Without it the answer is not whole.
type End struct {
	// AsOf is the moment up to which the answer is complete, by the feed's clock.
	AsOf time.Time `json:"as_of"`
	// Cursor is where the changes that follow begin; empty if the feed has none.
	Cursor string `json:"cursor,omitempty"`
	// Lines is how many lines stand before this one, empty ones not counted.
	Lines int `json:"lines"`
}

// maxCursor is how long a cursor may be, in bytes.
const maxCursor = 1024

// ReadChanges reads a feed from r: lines as those of [ReadAccounts], lines that
// remove an account, and one that ends it:
//
//	{"account":"a-1","country":"BR","contracting_party":"sparkoo-sg"}
//	{"account":"a-4","deleted":true}
//	{"end":{"as_of":"2026-11-25T10:00:00Z","cursor":"c-17","lines":2}}
//
// Of several lines about an account the last one counts, because changes are told
// in order. The errors are those of ReadAccounts, and there is one more mistake: an
// end that is missing, is not the last line, or counts other lines. No record at
// all is none. If odd is not nil, an invalid country is no mistake: it is left out of
// the record, see [Account.Invalid], and odd is told what was wrong, with name and line.
func ReadChanges(r io.Reader, name string, known Known, odd func(error)) (*Changes, error) {
	c := changeReader{name: name, odd: odd, known: known, puts: make(map[string]int), removed: make(map[string]bool)}
	if err := eachLine(r, name, c.line); err != nil {
		return nil, err
	}
	if !c.ended {
		return nil, fmt.Errorf("%s: the last line does not end it: the answer is not whole", name)
	}
	changes := &Changes{End: c.end}
	for _, i := range c.puts {
		changes.Put = append(changes.Put, c.accounts[i])
	}
	for id := range c.removed {
		changes.Removed = append(changes.Removed, id)
	}
	return changes, nil
}

// changeReader collects the lines of a feed.
type changeReader struct {
	name     string
	odd      func(error)
	known    Known
	accounts []Account
	puts     map[string]int // account -> place of its last record
	removed  map[string]bool
	lines    int
	end      End
	ended    bool
}

func (c *changeReader) line(n int, line []byte) error {
	if c.ended {
		return errors.New("a line after the end")
	}
	a, end, deleted, keys := Account{}, (*End)(nil), false, 0
	dec, err := object(line)
	if err != nil {
		return err
	}
	err = members(dec, func(key string, value json.Token) (err error) {
		keys++
		switch key {
		case "end":
			end, err = parseEnd(dec, value)
		case "deleted":
			if deleted, _ = value.(bool); !deleted {
				err = errors.New("deleted is not true; leave the key out instead")
			}
		default:
			err = a.member(dec, key, value)
		}
		return err
	})
	switch {
	case err != nil:
		return err
	case end != nil && keys > 1:
		return errors.New("the end of the answer has no other key")
	case end != nil:
		return c.conclude(*end)
	case deleted && keys > 2:
		return errors.New("a line that says deleted has account and no other key")
	}
	if c.odd != nil {
		if wrong := a.leaveOutCountries(); wrong != nil {
			c.odd(fmt.Errorf("%s:%d: %w", c.name, n, wrong))
		}
	}
	return c.take(a, deleted)
}

// take notes a record, or that its account is deleted.
func (c *changeReader) take(a Account, deleted bool) error {
	if err := a.check(c.known); err != nil {
		return err
	}
	c.lines++
	if deleted {
		delete(c.puts, a.ID)
		c.removed[a.ID] = true
		return nil
	}
	delete(c.removed, a.ID)
	c.puts[a.ID] = len(c.accounts)
	c.accounts = append(c.accounts, a)
	return nil
}

// conclude holds the end against what stands before it.
func (c *changeReader) conclude(end End) error {
	c.end, c.ended = end, true
	switch {
	case end.AsOf.IsZero():
		return errors.New("the end lacks as_of, the moment up to which the answer is complete")
	case len(end.Cursor) > maxCursor:
		return fmt.Errorf("the cursor is longer than %d bytes", maxCursor)
	case end.Lines != c.lines:
		return fmt.Errorf("the end counts %d lines, and %d stand before it: the answer is not whole", end.Lines, c.lines)
	}
	return nil
}

// parseEnd reads what a feed ends with.
func parseEnd(dec *json.Decoder, open json.Token) (*End, error) {
	if open != json.Delim('{') {
		return nil, errors.New("the end is not an object")
	}
	end := &End{Lines: -1}
	err := members(dec, func(key string, value json.Token) (err error) {
		switch key {
		case "as_of":
			written, _ := value.(string)
			if end.AsOf.UnmarshalText([]byte(written)) != nil { // stricter than time.Parse
				err = errors.New("as_of is no moment in RFC 3339, such as 2026-11-25T10:00:00Z")
			}
		case "cursor":
			end.Cursor, err = text(key, value)
		case "lines":
			n, ok := value.(float64)
			if end.Lines = int(n); !ok || n < 0 || n > 1<<40 || float64(end.Lines) != n {
				err = errors.New("lines is no number of lines")
			}
		default:
			err = errors.New("unknown key; the end has as_of, cursor and lines")
		}
		return err
	})
	if err == nil && end.Lines < 0 {
		err = errors.New("the end does not count the lines before it")
	}
	return end, err
}

// AppendChanges appends the lines that [ReadChanges] reads as c, with an end that
// counts them.
func AppendChanges(b []byte, c *Changes) []byte {
	for i := range c.Put {
		b = append(AppendAccount(b, &c.Put[i]), '\n')
	}
	for _, id := range c.Removed {
		b = append(appendText(append(b, `{"account":`...), id), `,"deleted":true}`...)
		b = append(b, '\n')
	}
	return AppendEnd(b, End{AsOf: c.End.AsOf, Cursor: c.End.Cursor, Lines: len(c.Put) + len(c.Removed)})
}

// AppendEnd appends the line that ends a feed.
func AppendEnd(b []byte, end End) []byte {
	line, err := json.Marshal(map[string]End{"end": end})
	if err != nil { // a year that RFC 3339 can't write
		panic(err)
	}
	return append(append(b, line...), '\n')
}
