package record

// The states in which a transfer can end. Unknown counts as transferred.
const (
	NotSent  = "not-sent" // not one byte of the request left
	Partial  = "partial"  // the region answered before it had all of the request
	Complete = "complete" // the region had all of the request and answered
	Unclear  = "unknown"  // bytes may have left, and no answer came
)

// Outcome is how one transfer ended.
type Outcome struct {
	Record        ID     // the transfer's
	State         string // NotSent, Partial, Complete or Unclear; anything else is written as Unclear
	Status        int64  // HTTP status of the answer; 0 if there was none
	Bytes         int64  // of the request's body that were handed on
	ResponseBytes int64
}

// Outcomes is an entry that says how transfers ended.
type Outcomes struct {
	Header   // Type is TypeOutcome
	Outcomes []Outcome
}

// Append appends the entry and fills in ID and Salt if they are zero.
func (o *Outcomes) Append(dst []byte) []byte {
	o.stamp(TypeOutcome)
	return outcomesTable.append(dst, o)
}

// Parse sets the entry to the one that data holds. The error is an [*Error].
func (o *Outcomes) Parse(data []byte) error { return parse(outcomesTable, o, data, TypeOutcome) }

func (o *Outcomes) parse(data []byte) error { return o.Parse(data) }

var outcomesTable = entryTable([]string{TypeOutcome},
	row("outcomes", NoColumn, func(o *Outcomes) field { return rows[Outcome]{&o.Outcomes, outcomeTable} },
		"how transfers ended; a transfer that none tells of counts as unknown", "§9"),
)

var outcomeTable = newRow(
	row("record", Key, func(o *Outcome) field { return (*place)(&o.Record) },
		"the transfer's record: epoch and index in the same ledger", "§9"),
	row("state", Label, func(o *Outcome) field { return (*state)(&o.State) },
		"how much of the request reached the region: none of it, a part, all; or that is not known, which counts as transferred", "§9").
		of(NotSent, Partial, Complete, Unclear),
	row("status", Label, func(o *Outcome) field { return (*sum)(&o.Status) },
		"HTTP status of the answer; 0 if there was none"),
	row("bytes", Count, func(o *Outcome) field { return (*sum)(&o.Bytes) },
		"bytes of the request's body that were handed on", "§9"),
	row("response_bytes", Count, func(o *Outcome) field { return (*sum)(&o.ResponseBytes) },
		"bytes of the answer's body"),
)

// state is one of the states; anything else is written as Unclear.
type state string

func (f *state) kind() Kind            { return Text }
func (f *state) always() bool          { return true }
func (f *state) clear()                { *f = "" }
func (f *state) parse(s *scanner) bool { return (*must)(f).parse(s) }

func (f *state) append(dst []byte, key string) []byte {
	value := must(*f)
	switch value {
	case NotSent, Partial, Complete:
	default:
		value = Unclear
	}
	return value.append(dst, key)
}

// sum is a number that stands in any case; a negative one is written as 0.
type sum int64

func (f *sum) kind() Kind            { return Number }
func (f *sum) always() bool          { return true }
func (f *sum) clear()                { *f = 0 }
func (f *sum) parse(s *scanner) bool { return (*count)(f).parse(s) }

func (f *sum) append(dst []byte, key string) []byte {
	value := max(count(*f), 0)
	return value.append(dst, key)
}
