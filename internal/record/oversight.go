package record

// Oversight says who must stand behind a policy, and whose orders are obeyed, from
// then on.
type Oversight struct {
	Header          // Type is TypeOversight
	Approvals int64 // people who must have signed a policy besides its author; 0: nobody
	Approvers []string
	Operators []string
}

// Append appends the entry and fills in ID and Salt if they are zero.
func (o *Oversight) Append(dst []byte) []byte {
	o.stamp(TypeOversight)
	return oversightTable.append(dst, o)
}

// Parse sets the entry to the one that data holds. The error is an [*Error].
func (o *Oversight) Parse(data []byte) error {
	return parse(oversightTable, o, data, TypeOversight)
}

func (o *Oversight) parse(data []byte) error { return o.Parse(data) }

var oversightTable = entryTable([]string{TypeOversight},
	row("approvals", Count, func(o *Oversight) field { return (*count)(&o.Approvals) },
		"how many people besides its author must have signed a policy before it is taken", "§5(g)"),
	row("approvers", Labels, func(o *Oversight) field { return (*texts)(&o.Approvers) },
		"hashes of the public keys of those who may sign one; absent if nobody must", "§5(g)"),
	row("operators", Labels, func(o *Oversight) field { return (*texts)(&o.Operators) },
		"hashes of the public keys of those whose signed orders are obeyed; absent if there are none", "§5(g)"),
)
