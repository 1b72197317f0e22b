package record

import "time"

// Counted says how many requests were denied without a record of their own, of a
// reason, a site and who asked.
type Counted struct {
	Header    // Type is TypeCounted
	Reason    string
	Site      string // configured host name; "*" for several
	Requester string // entity@country of staff; empty for anybody else
	Subject   string // pseudonym; empty if nobody was identified, "*" for several
	// From and To are when the minutes began and ended that the denials are of.
	From, To time.Time
	Counted  uint64
	// Full is how many of the same have a record of their own.
	Full uint64
}

// Append appends the entry and fills in ID and Salt if they are zero.
func (c *Counted) Append(dst []byte) []byte {
	c.stamp(TypeCounted)
	return countedTable.append(dst, c)
}

// Parse sets the entry to the one that data holds. The error is an [*Error].
func (c *Counted) Parse(data []byte) error { return parse(countedTable, c, data, TypeCounted) }

func (c *Counted) parse(data []byte) error { return c.Parse(data) }

var countedTable = entryTable([]string{TypeCounted},
	row("counted", Count, func(c *Counted) field { return (*total)(&c.Counted) },
		"how many requests were denied without a record of their own", "§5(j)"),
	row("from", Moment, func(c *Counted) field { return (*instant)(&c.From) },
		"when the first of the minutes began that they are of", "§5(j)"),
	row("full", Count, func(c *Counted) field { return (*total)(&c.Full) },
		"how many of the same minutes, about the same, have a record of their own", "§5(j)"),
	row("reason", Label, func(c *Counted) field { return (*must)(&c.Reason) },
		"code of why they were denied", "§4(c)", "§9"),
	row("requester", Label, func(c *Counted) field { return (*text)(&c.Requester) },
		"entity@COUNTRY of the member of staff who asked; absent for anybody else", "§5(f)", "§9"),
	row("site", Label, func(c *Counted) field { return (*text)(&c.Site) },
		"configured host name that they came to; * for several; absent for names that are not configured"),
	row("subject", Key, func(c *Counted) field { return (*text)(&c.Subject) },
		"pseudonym of the person whose data it is, as in records; * for several; absent if nobody was identified", "§5(h)", "§5(d)", "§6", "7-right(c)"),
	row("to", Moment, func(c *Counted) field { return (*instant)(&c.To) },
		"when the last of those minutes ended", "§5(j)"),
)
