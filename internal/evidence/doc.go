// Package evidence makes and verifies bundles: one file that shows, to somebody
// who has nothing but the log's public key, that a record stands in a transfer
// log, and by which policy it came about.
//
// A bundle is a tar archive, which a person can unpack and read and check with
// other tools as well:
//
//	HOWTO.txt            how to verify it, with this program and without
//	key.txt              the log's verifier key, to compare with a trusted copy
//	record.json          the record, as it stands in the log
//	receipt.txt          its C2SP tlog-proof, which ends in the signed checkpoint
//	genesis.json         entry 0 of the same log: which log was before it
//	genesis-receipt.txt  its tlog-proof, to the same checkpoint
//	policy.tar           the registers the record was decided by, if it names any
//
// A bundle of many records of one log (see [MakeMany]) has the genesis first, then
// records/INDEX.json with records/INDEX-receipt.txt for each, in their order, and the
// registers that decided them as policies/DIGEST.tar. All receipts end in one checkpoint.
//
// There is one way to write a bundle, and each byte of it is checked: the
// contents by hash and signature, the rest by comparison.
package evidence
