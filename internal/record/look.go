package record

// Look says that somebody looked at what the ledger has about a person, or took a part of
// it away. It is durable before they see anything.
type Look struct {
	Header           // Type is TypeLook
	What      string // LookPerson or LookExport
	Office    string // the office that wants it
	Because   string
	Reference string
	Subject   string // pseudonym of the person, by the key of the time of the look
	Query     string // what was asked, without pseudonyms
	Form      string // in which it was written
	Records   uint64 // how many entries it was
}

// What somebody looked at.
const (
	LookPerson = "person"
	LookExport = "export"
)

// Append appends the entry and fills in ID and Salt if they are zero.
func (l *Look) Append(dst []byte) []byte {
	l.stamp(TypeLook)
	return lookTable.append(dst, l)
}

// Parse sets the entry to the one that data holds. The error is an [*Error].
func (l *Look) Parse(data []byte) error { return parse(lookTable, l, data, TypeLook) }

func (l *Look) parse(data []byte) error { return l.Parse(data) }

var lookTable = entryTable([]string{TypeLook},
	row("because", NoColumn, func(l *Look) field { return (*text)(&l.Because) },
		"why they looked; it names no person", "§5(f)", "7-right(a)").since(version2),
	row("office", Label, func(l *Look) field { return (*text)(&l.Office) },
		"office that looked; it names no person; absent if nobody said", "§5(f)").since(version2),
	row("form", Label, func(l *Look) field { return (*text)(&l.Form) },
		"form in which they got it", "§5(f)").since(version2),
	row("query", NoColumn, func(l *Look) field { return (*text)(&l.Query) },
		"what was asked of the ledger, without pseudonyms", "§5(f)").since(version2),
	row("records", Count, func(l *Look) field { return (*total)(&l.Records) },
		"how many entries of the ledger they got, or had counted", "§5(f)").since(version2),
	row("reference", Key, func(l *Look) field { return (*text)(&l.Reference) },
		"request or case for which they looked; it names no person", "§5(f)", "7-right(a)").since(version2),
	row("subject", Key, func(l *Look) field { return (*text)(&l.Subject) },
		"pseudonym of the person at whom they looked, by the key of that time; absent of what is about nobody in particular", "§5(f)", "§5(h)", "7-right(a)").since(version2),
	row("what", Label, func(l *Look) field { return (*must)(&l.What) },
		"whether it was about one person, or an export", "§5(f)").of(LookPerson, LookExport).since(version2),
)
