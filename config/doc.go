// Package config reads the registers: the eight YAML files in which compliance
// writes down what the gateway enforces.
//
//	statement.yaml    versions of the privacy statement, and its own lists (§1, §2, §11)
//	controllers.yaml  the legal entities of §11 and the countries they answer for
//	laws.yaml         transfer regimes, with their countries and dates
//	regions.yaml      the places that can answer, and the one place that stores (§9)
//	recipients.yaml   the entities that may receive data (§4, §9)
//	activities.yaml   what a request does, and where it may go
//	safeguards.yaml   what satisfies which law, for which flow
//	assessments.yaml  the transfer impact assessments that safeguards lean on
//
// The default registers are embedded: [Default] needs no file. [Load] reads a
// folder that replaces all eight of them.
//
// Reading is strict, because a register that is half understood would let data
// go where nobody meant it to. A key nobody knows, a reference to nothing, an
// omitted set, a country code outside ISO 3166-1: each refuses the whole
// folder. All problems are reported at once, as [Problems], each with its file,
// line and column and with what to do.
//
// The methods of draft and record stand in many files, because each register has a file
// of its own, in which its keys are listed, read (record is any mapping in it) and
// checked (draft is all registers together): who changes a register changes one file.
// What registers share is in record.go, field.go, lists.go and values.go. For the same
// reason the package is long: eight registers, and the checks that join them.
package config
