// Package fleet brings the ledgers of many nodes to one store of objects that cannot be
// changed, as S3 has them under Object Lock.
//
// A [Shipper] puts a ledger's entries, checkpoints and finished segments there under
// names that say their place in the log ([Name]), in parallel and in any order. It needs
// leave to put and no other. Whoever reads a [Store] has leave of its own.
//
// The package decides; clock, store and ledger are given to it. It knows no S3: a
// kind of store is registered by who has its client, see [Register].
package fleet
