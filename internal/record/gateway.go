package record

import "time"

// The entries that a gateway makes of itself: when it recorded, with which
// configuration, and how much.

// How the run before ended, as gateway.started says it.
const (
	BeforeNone    = "none"    // there was none
	BeforeEnded   = "ended"   // with an entry gateway.stopped
	BeforeCrashed = "crashed" // without one
)

// Started says that a gateway records from then on.
type Started struct {
	Header        // Type is TypeStarted
	Before        string
	Configuration string // digest of the settings
	Policy        string // digest of the one in force
	Program       string // which version runs
}

// Append appends the entry and fills in ID and Salt if they are zero.
func (s *Started) Append(dst []byte) []byte {
	s.stamp(TypeStarted)
	return startedTable.append(dst, s)
}

// Parse sets the entry to the one that data holds. The error is an [*Error].
func (s *Started) Parse(data []byte) error { return parse(startedTable, s, data, TypeStarted) }

func (s *Started) parse(data []byte) error { return s.Parse(data) }

var startedTable = entryTable([]string{TypeStarted},
	row("before", Label, func(s *Started) field { return (*must)(&s.Before) },
		"how the gateway ended that recorded here before: none, there was none; ended, with an entry gateway.stopped; crashed, without one, so that nobody knows what it would have recorded after its last entry", "§5(j)").since(version2).of(BeforeNone, BeforeEnded, BeforeCrashed),
	row("configuration", Label, func(s *Started) field { return (*text)(&s.Configuration) },
		"digest of the settings it started with, which an entry config.changed has", "§5(j)").since(version2),
	row("policy", Label, func(s *Started) field { return (*text)(&s.Policy) },
		"digest of the policy it started with", "§5(g)").since(version2),
	row("program", Label, func(s *Started) field { return (*text)(&s.Program) },
		"version of the program", "§5(j)").since(version2),
)

// Beat says how much happened since an earlier moment: that nothing did is another thing
// than that nobody looked.
type Beat struct {
	Header              // Type is TypeHeartbeat, or TypeStopped where it is the last one
	From      time.Time // of the beat before, or of the start
	Requests  uint64    // that belong to this class of records
	Transfers uint64    // of which a record was made
	Refused   uint64    // denied, with a record or counted
}

// Append appends the entry and fills in ID and Salt if they are zero.
func (b *Beat) Append(dst []byte) []byte {
	b.stamp(TypeHeartbeat)
	return beatTable.append(dst, b)
}

// Parse sets the entry to the one that data holds. The error is an [*Error].
func (b *Beat) Parse(data []byte) error {
	return parse(beatTable, b, data, TypeHeartbeat, TypeStopped)
}

func (b *Beat) parse(data []byte) error { return b.Parse(data) }

var beatTable = entryTable([]string{TypeHeartbeat, TypeStopped},
	row("from", Moment, func(b *Beat) field { return (*instant)(&b.From) },
		"since when it counts: the heartbeat before, or the start", "§5(j)").since(version2),
	row("refused", Count, func(b *Beat) field { return (*total)(&b.Refused) },
		"how many requests were denied since, with a record of their own or without", "§5(j)").since(version2),
	row("requests", Count, func(b *Beat) field { return (*total)(&b.Requests) },
		"how many requests came since whose records, had they any, belong to this class; those of no activity belong to the default one", "§5(j)").since(version2),
	row("transfers", Count, func(b *Beat) field { return (*total)(&b.Transfers) },
		"how many records of transfers were made since", "§5(j)").since(version2),
)

// ConfigChanged says how the gateway is set from then on.
type ConfigChanged struct {
	Header                 // Type is TypeConfigChanged
	Configuration string   // digest of the settings
	Before        string   // digest of those before; empty if there were none
	Changes       []string // in words
	Settings      []string // all of them, as the gateway understands them
}

// Append appends the entry and fills in ID and Salt if they are zero.
func (c *ConfigChanged) Append(dst []byte) []byte {
	c.stamp(TypeConfigChanged)
	return configChangedTable.append(dst, c)
}

// Parse sets the entry to the one that data holds. The error is an [*Error].
func (c *ConfigChanged) Parse(data []byte) error {
	return parse(configChangedTable, c, data, TypeConfigChanged)
}

func (c *ConfigChanged) parse(data []byte) error { return c.Parse(data) }

var configChangedTable = entryTable([]string{TypeConfigChanged},
	row("before", Label, func(c *ConfigChanged) field { return (*text)(&c.Before) },
		"digest of the settings before; absent if there were none", "§5(j)").since(version2),
	row("changes", Labels, func(c *ConfigChanged) field { return (*texts)(&c.Changes) },
		"what is different from the settings before, in words; absent if there were none", "§5(j)").since(version2),
	row("configuration", Label, func(c *ConfigChanged) field { return (*must)(&c.Configuration) },
		"digest of the settings: the SHA-256 of their lines, in hex", "§5(j)").since(version2),
	row("settings", NoColumn, func(c *ConfigChanged) field { return (*texts)(&c.Settings) },
		"the configuration as the gateway understands it, a line for each setting, without secrets", "§5(j)").since(version2),
)

// Gateway is who records, and how it is set, in [Standing].
type Gateway struct {
	Running       bool // it started and has not stopped
	Configuration string
	Settings      []string
	Unknown       []Unknown
}

var gatewayTable = newObject(func(g *Gateway) *[]Unknown { return &g.Unknown },
	row("configuration", Label, func(g *Gateway) field { return (*text)(&g.Configuration) },
		"digest of its settings", "§5(j)").since(version2),
	row("running", NoColumn, func(g *Gateway) field { return (*sign)(&g.Running) },
		"true if it started and has not stopped; absent otherwise", "§5(j)").since(version2),
	row("settings", NoColumn, func(g *Gateway) field { return (*texts)(&g.Settings) },
		"its settings, as an entry config.changed has them", "§5(j)").since(version2),
)
