// Package anchor takes a log's checkpoints to places where whoever rules over
// the ledger's folder does not rule: to witnesses (C2SP tlog-witness), who sign
// what they have seen and never sign another history, and to copies, files on
// another volume or behind a URL. It also asks there, before a log is opened,
// whether somebody remembers more than the folder does.
//
// A place that fails never holds up the log: it is tried again, later and later.
package anchor
