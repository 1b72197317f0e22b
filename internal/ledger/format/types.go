package format

// Schema is the version of the entries, the value of their member v.
const Schema = "xfer/1"

// The types of entries.
const (
	TypeAccepted  = "transfer.accepted" // written before the first byte of a transfer leaves
	TypeRefused   = "transfer.refused"  // a denial
	TypeOutcome   = "transfer.outcome"  // how transfers ended, see ledger.Outcome
	TypeGenesis   = "ledger.genesis"    // entry 0 of an epoch
	TypeRecovered = "ledger.recovered"  // the torn end of the log was cut off after a crash
	TypePolicy    = "policy.snapshot"   // a policy that records name was kept, see ledger.Log.Snapshot
	TypeClosed    = "epoch.closed"      // the last entry of an epoch that another follows
	TypeDeleted   = "epoch.deleted"     // an epoch's time ran out, and it was deleted, see ledger.Log.DeleteExpired

	TypeKeyCreated    = "key.created"    // a period's key of the pseudonyms was made
	TypeKeyDestroyed  = "key.destroyed"  // it was destroyed, and the period's links with it
	TypeKeysRewrapped = "keys.rewrapped" // another master secret wraps them

	TypeHoldSet    = "hold.set" // epochs are kept beyond their time, see ledger.Hold
	TypeHoldLifted = "hold.lifted"
)

// EntryEnd is how an entry that the ledger makes ends: its last members, which
// tell its type without parsing it. The members of entries are sorted, so that no
// other follows.
func EntryEnd(kind string) []byte {
	return []byte(`,"type":"` + kind + `","v":"` + Schema + `"}`)
}
