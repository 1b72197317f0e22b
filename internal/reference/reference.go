// Package reference reads what stands behind sharing under §4(a) and §4(b): where
// a consent or instruction is on file, or which case somebody approved.
package reference

import (
	"errors"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/dunglas/httpsfv"

	"github.com/sparkoo/transfergate/internal/decision"
)

// opaque is an id that can say little about anybody.
var opaque = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

// ErrMalformed is returned for text that is no reference. It shows nothing of it:
// somebody may have written a person's name there.
var ErrMalformed = errors.New("not a reference; it is consent:ID, instruction:ID or case:ID;approver=ROLE;until=@SECONDS, where ID and ROLE are up to 64 letters, digits, dots, hyphens and underscores")

// ErrApproval is returned for text that is no approval, ErrTicket for what is no number
// of a ticket. They show nothing of it either.
var (
	ErrApproval = errors.New("not an approval; it is approval:ID;approver=ROLE;until=@SECONDS, where ID and ROLE are up to 64 letters, digits, dots, hyphens and underscores")
	ErrTicket   = errors.New("not the number of a ticket; it is up to 64 letters, digits, dots, hyphens and underscores")
)

// ParseTicket checks the number of a ticket. The error is [ErrTicket].
func ParseTicket(text string) (string, error) {
	if !opaque.MatchString(text) {
		return "", ErrTicket
	}
	return text, nil
}

// ParseApproval reads who approved an access by staff, and until when, written as a
// case is: approval:A-7;approver=duty-manager;until=@1798675200. The error is
// [ErrApproval].
func ParseApproval(text string) (decision.Reference, error) {
	r, err := parse(text, decision.Approval)
	if err != nil {
		return decision.Reference{}, ErrApproval
	}
	return r, nil
}

// Parse reads a reference, an item of RFC 9651 whose value is a token:
//
//	consent:9f2c
//	instruction:77
//	case:2026-17;approver=legal-ops;until=@1798675200
//
// A case names the role that approved it and the moment it ends, as a Date. The
// error is [ErrMalformed].
func Parse(text string) (decision.Reference, error) {
	return parse(text, decision.Consent, decision.Instruction, decision.Case)
}

// parse reads a reference of one of the kinds.
func parse(text string, kinds ...decision.ReferenceKind) (decision.Reference, error) {
	item, err := httpsfv.UnmarshalItem([]string{text})
	value, ok := item.Value.(httpsfv.Token)
	if err != nil || !ok {
		return decision.Reference{}, ErrMalformed
	}
	kind, id, _ := strings.Cut(string(value), ":")
	r := decision.Reference{Kind: decision.ReferenceKind(kind), ID: id}
	params := 0
	if r.Kind == decision.Case || r.Kind == decision.Approval {
		approver, _ := item.Params.Get("approver")
		until, _ := item.Params.Get("until")
		role, ok1 := approver.(httpsfv.Token)
		end, ok2 := until.(time.Time)
		if !ok1 || !ok2 || !opaque.MatchString(string(role)) {
			return decision.Reference{}, ErrMalformed
		}
		r.Approver, r.Until, params = string(role), end.UTC(), 2
	}
	if !slices.Contains(kinds, r.Kind) || !opaque.MatchString(id) || len(item.Params.Names()) != params {
		return decision.Reference{}, ErrMalformed
	}
	return r, nil
}
