package record

// Standing says what stands from then on, besides the holds: what a later start, or a
// deletion, relies on. The latest one counts.
type Standing struct {
	Header    // Type is TypeStanding
	Approved  *Approved
	Oversight *Overseers
	Overdue   []Overdue // by epoch
	// Gateway is who records, and Destroyed the periods whose keys of pseudonyms are gone,
	// in the order of their destruction. Entries of their own change both, and only an
	// entry that is Whole says them again.
	Gateway   *Gateway
	Destroyed []string
	// Whole tells that it says all that stands, with the holds that are set again just
	// before it.
	Whole bool
}

// Approved is the approved policy that was in force last.
type Approved struct {
	Serial  uint64
	Policy  string // digest that the approvals are of
	Unknown []Unknown
}

// Overseers are who must stand behind a policy and whose orders are obeyed, as in
// [Oversight].
type Overseers struct {
	Approvals int64
	Approvers []string
	Operators []string
	Unknown   []Unknown
}

// Overdue is an epoch whose time has run out.
type Overdue struct {
	Epoch   uint32
	Millis  uint64 // for how long it was found so, by the processes' own clocks
	Unknown []Unknown
}

// Append appends the entry and fills in ID and Salt if they are zero.
func (s *Standing) Append(dst []byte) []byte {
	s.stamp(TypeStanding)
	return standingTable.append(dst, s)
}

// Parse sets the entry to the one that data holds. The error is an [*Error].
func (s *Standing) Parse(data []byte) error { return parse(standingTable, s, data, TypeStanding) }

func (s *Standing) parse(data []byte) error { return s.Parse(data) }

var standingTable = entryTable([]string{TypeStanding},
	row("approved", NoColumn, func(s *Standing) field { return part[Approved]{&s.Approved, approvedTable} },
		"the approved policy that was in force last: no older one is taken; absent if there was none", "§5(g)").since(version2),
	row("destroyed", NoColumn, func(s *Standing) field { return (*texts)(&s.Destroyed) },
		"periods whose keys of pseudonyms were destroyed, so that none of them is ever used again, where all that stands is said again; absent otherwise, and if none were", "§5(h)", "§6").since(version2),
	row("gateway", NoColumn, func(s *Standing) field { return part[Gateway]{&s.Gateway, gatewayTable} },
		"who records, and how it is set, where all that stands is said again; absent otherwise, and if none ever started", "§5(j)").since(version2),
	row("overdue", NoColumn, func(s *Standing) field { return parts[Overdue]{&s.Overdue, overdueTable} },
		"epochs whose time has run out and that are not deleted yet, for a wrong clock to be noticed; absent if there are none", "§6").since(version2),
	row("oversight", NoColumn, func(s *Standing) field { return part[Overseers]{&s.Oversight, overseersTable} },
		"who must stand behind a policy, and whose orders are obeyed; absent if nothing was ever asked for", "§5(g)").since(version2),
	row("whole", NoColumn, func(s *Standing) field { return (*sign)(&s.Whole) },
		"true where the holds that are set are set again just before it; absent otherwise", "§6").since(version2),
)

var approvedTable = newObject(func(a *Approved) *[]Unknown { return &a.Unknown },
	row("policy", Label, func(a *Approved) field { return (*text)(&a.Policy) },
		"digest of the policy, as its approvals name it", "§5(g)").since(version2),
	row("serial", NoColumn, func(a *Approved) field { return (*total)(&a.Serial) },
		"serial number of the policy", "§5(g)").since(version2),
)

var overseersTable = newObject(func(o *Overseers) *[]Unknown { return &o.Unknown },
	row("approvals", Count, func(o *Overseers) field { return (*count)(&o.Approvals) },
		"how many people besides its author must have signed a policy", "§5(g)").since(version2),
	row("approvers", Labels, func(o *Overseers) field { return (*texts)(&o.Approvers) },
		"hashes of the public keys of those who may sign one; absent if nobody must", "§5(g)").since(version2),
	row("operators", Labels, func(o *Overseers) field { return (*texts)(&o.Operators) },
		"hashes of the public keys of those whose signed orders are obeyed; absent if there are none", "§5(g)").since(version2),
)

var overdueTable = newObject(func(o *Overdue) *[]Unknown { return &o.Unknown },
	row("epoch", Label, func(o *Overdue) field { return (*epoch)(&o.Epoch) },
		"number of the epoch", "§6").since(version2),
	row("milliseconds", NoColumn, func(o *Overdue) field { return (*total)(&o.Millis) },
		"for how long its time was found over while the gateway ran", "§6").since(version2),
)
