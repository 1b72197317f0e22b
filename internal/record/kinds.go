package record

import "slices"

// Type is what is known of a type of entry.
type Type struct {
	Name    string
	Since   string // the version that brought it
	Means   string
	Members []Member // in the order of their names, as they are written
}

// Types lists the types of entries with their members. The slices are the caller's.
func Types() []Type {
	types := make([]Type, len(kinds))
	for i, k := range kinds {
		types[i] = Type{k.name, k.since, k.means, k.table.list()}
	}
	return types
}

// typed is a type of entry in the table of them.
type typed struct {
	name  string
	since string // the version that brought it
	table table
	empty func() parser // to be parsed into
	means string
}

// in reports whether a version has the type. An entry that says it is of one that has
// it not was written by a program that called something else so.
func (k *typed) in(version string) bool { return slices.Contains(from(k.since), version) }

// from are the versions from one on, oldest first.
func from(since string) []string { return versions[slices.Index(versions, since):] }

// entry is an empty entry of type T.
func entry[T any, P interface {
	*T
	parser
}]() parser {
	return P(new(T))
}

// kinds is the table of all types.
var kinds = []typed{
	{TypeAccepted, version1, transferTable, entry[Transfer],
		"A request was let pass that transfers personal data. The record is durable before the first byte leaves."},
	{TypeRefused, version1, transferTable, entry[Transfer],
		"A request was denied."},
	{TypeOutcome, version1, outcomesTable, entry[Outcomes],
		"How transfers ended. Outcomes are gathered, and written within a second."},
	{TypeCounted, version1, countedTable, entry[Counted],
		"Denials that have no record of their own: after the first of a minute about the same, the rest are counted. It stands before the record of any later minute's denial."},
	{TypeGenesis, version1, genesisTable, entry[Genesis],
		"Entry 0 of an epoch: what it is, and what was before it."},
	{TypeRecovered, version1, recoveredTable, entry[Recovered],
		"After a crash the torn end of the log was cut off. None of it had been acknowledged."},
	{TypePolicy, version1, policyTable, entry[Policy],
		"A policy is kept beside the epochs, so that the records that name it can be explained."},
	{TypeClosed, version1, closedTable, entry[Closed],
		"The last entry of an epoch that another follows."},
	{TypeDeleted, version1, deletedTable, entry[Deleted],
		"An epoch was deleted because the time of its records ran out."},
	{TypeKeyCreated, version1, keyTable, entry[KeyChange],
		"A key of pseudonyms was made."},
	{TypeKeyDestroyed, version1, keyTable, entry[KeyChange],
		"A key of pseudonyms was destroyed: nobody can tell any more whom the records of its period are about."},
	{TypeKeysRewrapped, version1, keyTable, entry[KeyChange],
		"Another secret wraps the keys of pseudonyms."},
	{TypeHoldSet, version1, holdTable, entry[HoldChange],
		"Epochs are kept beyond their time, for a court or an authority."},
	{TypeHoldLifted, version1, holdTable, entry[HoldChange],
		"A hold has ended."},
	{TypeStanding, version2, standingTable, entry[Standing],
		"What stands from then on, besides the holds that are set: it follows the first entries of an epoch, which set again the holds there are, and each change. No file beside the entries overrules it."},
	{TypeStarted, version2, startedTable, entry[Started],
		"A gateway begins to record here: the process, or a configuration that names this folder for the first time. Each class has its own, as it is a ledger of its own that is kept for a time of its own."},
	{TypeStopped, version2, beatTable, entry[Beat],
		"The gateway ends, and counts what came since its last heartbeat. Outcomes of its last requests may follow. Where a start follows no such entry, the one before crashed."},
	{TypeHeartbeat, version2, beatTable, entry[Beat],
		"What the gateway counted since the heartbeat before, each hour, also when nothing happened: an hour without one is an hour in which nobody recorded."},
	{TypeConfigChanged, version2, configChangedTable, entry[ConfigChanged],
		"How the gateway is set from then on, and what is different from before. A reload that changes nothing makes none."},
	{TypeOversight, version1, oversightTable, entry[Oversight],
		"A configuration came into force that asks for other approvals of policies than the one before, or obeys other operators."},
	{TypeOrder, version2, orderTable, entry[Order],
		"Somebody who may ordered a change, as of a hold, of keys, of the policy in force or of the epoch. It is durable before the order is obeyed; for an epoch, the first thing after it was begun."},
	{TypeLook, version2, lookTable, entry[Look],
		"Somebody looked at the records of one person, or took records away. It is durable before they see anything."},
}
