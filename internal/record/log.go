package record

import "time"

// The entries that the log itself makes.

// Epoch is how an epoch knows the one before or after it.
type Epoch struct {
	Number uint32
	Origin string
	Key    string
	// Checkpoint is its last signed checkpoint; empty if it had none.
	Checkpoint string
	Unknown    []Unknown
}

var epochTable = newObject(func(e *Epoch) *[]Unknown { return &e.Unknown },
	row("checkpoint", NoColumn, func(e *Epoch) field { return (*text)(&e.Checkpoint) },
		"its last signed checkpoint; absent if it had none", "§5(j)"),
	row("epoch", Label, func(e *Epoch) field { return (*epoch)(&e.Number) },
		"its number, from 1", "§5(j)"),
	row("origin", Label, func(e *Epoch) field { return (*text)(&e.Origin) },
		"name of its log, as checkpoints have it", "§5(j)"),
	row("vkey", Label, func(e *Epoch) field { return (*text)(&e.Key) },
		"key that verifies its checkpoints", "§5(j)"),
)

// Genesis is entry 0 of an epoch.
type Genesis struct {
	Header         // Type is TypeGenesis
	Epoch          uint32
	Origin         string // names the epoch's log
	Key            string // verifies its checkpoints
	Format         string // of the epoch's folder
	Instance       string // random, in the first epoch of a ledger: no other has it
	SegmentEntries uint64
	Settings       string   // SHA-256 of the file EPOCH, in hex
	Master         string   // names the secret that wraps the keys of the pseudonyms
	Keys           []string // periods of the keys that the ledger begins with
	Previous       *Epoch   // nil in the first epoch
	Because        string   // why an operator began the epoch
	Lost           string   // place from which on an operator gave entries up for lost
	Restates       bool     // what stood before is said again in the entries after it
}

// Append appends the entry and fills in ID and Salt if they are zero.
func (g *Genesis) Append(dst []byte) []byte {
	g.stamp(TypeGenesis)
	return genesisTable.append(dst, g)
}

// Parse sets the entry to the one that data holds. The error is an [*Error].
func (g *Genesis) Parse(data []byte) error { return parse(genesisTable, g, data, TypeGenesis) }

func (g *Genesis) parse(data []byte) error { return g.Parse(data) }

var genesisTable = entryTable([]string{TypeGenesis},
	row("because", NoColumn, func(g *Genesis) field { return (*text)(&g.Because) },
		"why an operator began the epoch; absent if it began by itself", "§5(j)"),
	row("epoch", Label, func(g *Genesis) field { return (*epoch)(&g.Epoch) },
		"number of the epoch, from 1", "§5(j)"),
	row("format", Label, func(g *Genesis) field { return (*must)(&g.Format) },
		"format of the epoch's files"),
	row("instance", Label, func(g *Genesis) field { return (*text)(&g.Instance) },
		"random id of a ledger, in its first epoch, by which two of one node and key are told apart", "§5(j)"),
	row("keys", Labels, func(g *Genesis) field { return (*texts)(&g.Keys) },
		"periods of the keys of pseudonyms that the ledger begins with", "§5(h)"),
	row("lost", Label, func(g *Genesis) field { return (*text)(&g.Lost) },
		"place of the first entry that an operator gave up for lost, with all up to this epoch, when the epoch was begun; absent if none was", "§5(j)").since(version2),
	row("master", Label, func(g *Genesis) field { return (*text)(&g.Master) },
		"name of the secret that wraps the keys of pseudonyms", "§5(h)"),
	row("origin", Label, func(g *Genesis) field { return (*must)(&g.Origin) },
		"name of the epoch's log, as checkpoints have it", "§5(j)"),
	row("previous", NoColumn, func(g *Genesis) field { return part[Epoch]{&g.Previous, epochTable} },
		"the epoch before; absent in the first", "§5(j)"),
	row("restates", NoColumn, func(g *Genesis) field { return (*sign)(&g.Restates) },
		"true if what stood before, as holds, is said again in the entries after it; absent if nothing did", "§6").since(version2),
	row("segment_entries", NoColumn, func(g *Genesis) field { return (*total)(&g.SegmentEntries) },
		"entries of a segment"),
	row("settings", NoColumn, func(g *Genesis) field { return (*must)(&g.Settings) },
		"SHA-256 of the epoch's file EPOCH, in hex", "§5(j)"),
	row("vkey", Label, func(g *Genesis) field { return (*must)(&g.Key) },
		"key that verifies the epoch's checkpoints", "§5(j)"),
)

// Recovered says what was cut off the log after a crash. None of it was
// acknowledged.
type Recovered struct {
	Header     // Type is TypeRecovered
	Epoch      uint32
	File       string // it was cut off from
	Offset     int64
	Bytes      int64
	Found      string // what was wrong with it
	Quarantine string // file that keeps it
}

// Append appends the entry and fills in ID and Salt if they are zero.
func (r *Recovered) Append(dst []byte) []byte {
	r.stamp(TypeRecovered)
	return recoveredTable.append(dst, r)
}

// Parse sets the entry to the one that data holds. The error is an [*Error].
func (r *Recovered) Parse(data []byte) error { return parse(recoveredTable, r, data, TypeRecovered) }

func (r *Recovered) parse(data []byte) error { return r.Parse(data) }

var recoveredTable = entryTable([]string{TypeRecovered},
	row("bytes", Count, func(r *Recovered) field { return (*count)(&r.Bytes) },
		"how many bytes were cut off", "§5(j)"),
	row("epoch", Label, func(r *Recovered) field { return (*epoch)(&r.Epoch) },
		"number of the epoch", "§5(j)"),
	row("file", Label, func(r *Recovered) field { return (*text)(&r.File) },
		"file they were cut off from", "§5(j)"),
	row("found", Label, func(r *Recovered) field { return (*text)(&r.Found) },
		"what was wrong with them", "§5(j)"),
	row("offset", NoColumn, func(r *Recovered) field { return (*count)(&r.Offset) },
		"where they began in the file", "§5(j)"),
	row("quarantine", NoColumn, func(r *Recovered) field { return (*text)(&r.Quarantine) },
		"file that keeps them", "§5(j)"),
)

// Policy says that a policy, by whose digest records name it, is kept beside the
// epochs.
type Policy struct {
	Header        // Type is TypePolicy
	Policy string // digest
	Bytes  int64  // of the file that is kept
	SHA256 string // of it, in hex
	Signed Signed
}

// Signed is who stands behind a policy, by the hashes of their keys; zero where nobody
// was asked for.
type Signed struct {
	Serial    uint64 // number of the policy, from 1
	Author    string
	Approvers []string
}

// Append appends the entry and fills in ID and Salt if they are zero.
func (p *Policy) Append(dst []byte) []byte {
	p.stamp(TypePolicy)
	return policyTable.append(dst, p)
}

// Parse sets the entry to the one that data holds. The error is an [*Error].
func (p *Policy) Parse(data []byte) error { return parse(policyTable, p, data, TypePolicy) }

func (p *Policy) parse(data []byte) error { return p.Parse(data) }

var policyTable = entryTable([]string{TypePolicy},
	row("approvers", Labels, func(p *Policy) field { return (*texts)(&p.Signed.Approvers) },
		"hashes of the public keys of those besides its author who have signed it; absent if nobody must", "§5(g)").since(version2),
	row("author", Label, func(p *Policy) field { return (*text)(&p.Signed.Author) },
		"hash of the public key of its author; absent if nobody must sign it", "§5(g)").since(version2),
	row("bytes", Count, func(p *Policy) field { return (*count)(&p.Bytes) },
		"length of the file that keeps the policy"),
	row("policy", Label, func(p *Policy) field { return (*must)(&p.Policy) },
		"digest of the policy, by which records name it", "§5(g)"),
	row("serial", NoColumn, func(p *Policy) field { return (*some)(&p.Signed.Serial) },
		"serial number that its author signed; absent if nobody must", "§5(g)").since(version2),
	row("sha256", Key, func(p *Policy) field { return (*must)(&p.SHA256) },
		"SHA-256 of the file, in hex", "§5(g)"),
)

// Closed is the last entry of an epoch: it names the next one and its key, so that
// the old key vouches for the new one.
type Closed struct {
	Header  // Type is TypeClosed
	Epoch   uint32
	Next    Epoch
	Because string
}

// Append appends the entry and fills in ID and Salt if they are zero.
func (c *Closed) Append(dst []byte) []byte {
	c.stamp(TypeClosed)
	return closedTable.append(dst, c)
}

// Parse sets the entry to the one that data holds. The error is an [*Error].
func (c *Closed) Parse(data []byte) error { return parse(closedTable, c, data, TypeClosed) }

func (c *Closed) parse(data []byte) error { return c.Parse(data) }

var closedTable = entryTable([]string{TypeClosed},
	row("because", NoColumn, func(c *Closed) field { return (*text)(&c.Because) },
		"why an operator ended the epoch; absent if it ended by itself", "§5(j)"),
	row("epoch", Label, func(c *Closed) field { return (*epoch)(&c.Epoch) },
		"number of the epoch that ends", "§5(j)"),
	row("next", NoColumn, func(c *Closed) field { return whole[Epoch]{&c.Next, epochTable} },
		"the epoch that follows", "§5(j)"),
)

// Deleted says that an epoch was deleted because its time ran out. Where an epoch
// that has such an entry goes itself, what it says is said again before.
type Deleted struct {
	Header    // Type is TypeDeleted
	Deleted   DeletedEpoch
	Signature []byte // by the key of the epoch of this entry
}

// DeletedEpoch is what is left of an epoch whose time ran out: enough to join the
// epochs around it, and to show that a copy kept elsewhere is whole.
type DeletedEpoch struct {
	Epoch // Checkpoint is its last signed checkpoint; empty if it had none
	// Previous, Because and Lost are those of its genesis entry.
	Previous *Epoch
	Because  string
	Lost     string
	// Entries is how many it had, Created when it was begun, and Last the time of
	// its latest entry. All of them could go from RetainUntil on.
	Entries     uint64
	Created     time.Time
	Last        time.Time
	RetainUntil time.Time
	// At is when it was deleted.
	At time.Time
}

// Append appends what the signature is of.
func (d *DeletedEpoch) Append(dst []byte) []byte { return deletedEpochTable.append(dst, d) }

// Append appends the entry and fills in ID and Salt if they are zero.
func (d *Deleted) Append(dst []byte) []byte {
	d.stamp(TypeDeleted)
	return deletedTable.append(dst, d)
}

// Parse sets the entry to the one that data holds. The error is an [*Error].
func (d *Deleted) Parse(data []byte) error { return parse(deletedTable, d, data, TypeDeleted) }

func (d *Deleted) parse(data []byte) error { return d.Parse(data) }

var deletedTable = entryTable([]string{TypeDeleted},
	row("deleted", NoColumn, func(d *Deleted) field { return whole[DeletedEpoch]{&d.Deleted, deletedEpochTable} },
		"what is left of the epoch", "§6"),
	row("signature", NoColumn, func(d *Deleted) field { return (*blob)(&d.Signature) },
		"signature of what is left of it, by the key of the epoch that this entry stands in", "§5(j)"),
)

var deletedEpochTable = newObject(func(d *DeletedEpoch) *[]Unknown { return &d.Unknown },
	row("at", Moment, func(d *DeletedEpoch) field { return (*instant)(&d.At) },
		"when it was deleted", "§6"),
	row("because", NoColumn, func(d *DeletedEpoch) field { return (*text)(&d.Because) },
		"why an operator had begun it; absent if it began by itself", "§5(j)"),
	row("checkpoint", NoColumn, func(d *DeletedEpoch) field { return (*text)(&d.Checkpoint) },
		"its last signed checkpoint; absent if it had none", "§5(j)"),
	row("created", Moment, func(d *DeletedEpoch) field { return (*instant)(&d.Created) },
		"when it was begun", "§6"),
	row("entries", Count, func(d *DeletedEpoch) field { return (*total)(&d.Entries) },
		"how many entries it had", "§6"),
	row("epoch", Label, func(d *DeletedEpoch) field { return (*epoch)(&d.Number) },
		"its number", "§6"),
	row("last", Moment, func(d *DeletedEpoch) field { return (*instant)(&d.Last) },
		"time of its latest entry", "§6"),
	row("lost", Label, func(d *DeletedEpoch) field { return (*text)(&d.Lost) },
		"place from which on an operator gave entries up for lost when it was begun; absent if none were", "§5(j)").since(version2),
	row("origin", Label, func(d *DeletedEpoch) field { return (*text)(&d.Origin) },
		"name of its log, as checkpoints have it", "§5(j)"),
	row("previous", NoColumn, func(d *DeletedEpoch) field { return part[Epoch]{&d.Previous, epochTable} },
		"the epoch before it; absent for the first", "§5(j)"),
	row("retain_until", Moment, func(d *DeletedEpoch) field { return (*instant)(&d.RetainUntil) },
		"from when on all of its entries could go", "§6"),
	row("vkey", Label, func(d *DeletedEpoch) field { return (*text)(&d.Key) },
		"key that verifies its checkpoints", "§5(j)"),
)
