package decision

import (
	"strconv"
	"time"
)

// ReferenceKind says what a reference refers to.
type ReferenceKind string

// The kinds of references.
const (
	Consent     ReferenceKind = "consent"     // the person's consent (§4(a))
	Instruction ReferenceKind = "instruction" // the person's instruction (§4(a))
	Case        ReferenceKind = "case"        // a case of compliance, fraud or security (§4(b))
	Approval    ReferenceKind = "approval"    // of access by staff (§5(f))
)

// Reference points to what §4 asks for beside a safeguard and what is kept
// elsewhere: where a consent or instruction is on file, or which case somebody
// approved. It names no person. The zero Reference is none.
type Reference struct {
	Kind ReferenceKind `json:"kind,omitempty"`
	// ID stands in records with the kind before it, as in consent:9f2c.
	ID string `json:"id,omitempty"`
	// Approver is the role that approved a case or an access, and Until the moment
	// it ends. Both are asked for.
	Approver string    `json:"approver,omitempty"`
	Until    time.Time `json:"until,omitzero"`
}

// String is how a reference stands in a record, an item of RFC 9651 whose value
// is a token: consent:9f2c, or case:2026-17;approver=legal-ops;until=@1798675200.
// It is empty for the zero Reference.
func (r Reference) String() string {
	if r.ID == "" {
		return ""
	}
	text := string(r.Kind) + ":" + r.ID
	if r.Approver != "" {
		text += ";approver=" + r.Approver
	}
	if !r.Until.IsZero() {
		text += ";until=@" + strconv.FormatInt(r.Until.Unix(), 10)
	}
	return text
}

// unreferred returns the reason an activity lacks the reference its row of §4
// asks for, or "".
//
//clause:enforces §4(a) §4(b); record reference
func unreferred(a *Activity, f *Facts) Reason {
	r := &f.Reference
	switch {
	case a.Kind == Instructed && (r.ID == "" || r.Kind != Consent && r.Kind != Instruction):
		return InstructionMissing
	case a.Kind == Authority && (r.ID == "" || r.Kind != Case || r.Approver == "" || r.Until.IsZero()):
		return CaseMissing
	case a.Kind == Authority && (f.At.IsZero() || !f.At.Before(r.Until)):
		return CaseExpired
	}
	return ""
}
