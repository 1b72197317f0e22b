package question

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sparkoo/transfergate/internal/country"
	"github.com/sparkoo/transfergate/internal/decision"
	"github.com/sparkoo/transfergate/internal/suggest"
)

// ParseMoment reads a moment: RFC 3339, or a day, which means its noon in UTC:
// then the day has begun nearly everywhere on earth. Empty is the zero time.
func ParseMoment(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t, nil
	}
	day, err := time.Parse(time.DateOnly, text)
	if err != nil {
		return time.Time{}, fmt.Errorf("'%s' is no moment: write a day such as 2026-12-02, meaning its noon in UTC, or RFC 3339", text)
	}
	return day.Add(12 * time.Hour), nil
}

// ParsePlace reads entity@COUNTRY.
func ParsePlace(text string) (decision.Place, error) {
	entity, code, found := strings.Cut(text, "@")
	if !found || entity == "" || !country.Valid(code) {
		return decision.Place{}, fmt.Errorf("'%s' is not entity@COUNTRY, such as huawei-cloud-cn@CN", text)
	}
	return decision.Place{Entity: entity, Country: code}, nil
}

// ParseChoices reads what a person chose: closed, minor, guardian, restricted,
// withdrawn, opt-out, purposes objected to, and recipients objected to or
// activities switched off: whichever it is, the other names nothing.
func ParseChoices(words []string) (c decision.Choices) {
	flags := map[string]*bool{
		"closed": &c.Closed, "minor": &c.Minor, "guardian": &c.Guardian,
		"restricted": &c.Restricted, "withdrawn": &c.Withdrawn, "opt-out": &c.OptOut,
	}
	for _, word := range words {
		switch {
		case flags[word] != nil:
			*flags[word] = true
		case len(word) == 2 && word[0] == '2':
			c.Purposes = append(c.Purposes, word)
		default:
			c.Recipients, c.Disabled = append(c.Recipients, word), append(c.Disabled, word)
		}
	}
	return c
}

// ParseReference reads consent:ID, instruction:ID or case:ID:APPROVER:UNTIL.
// Empty is the zero Reference.
func ParseReference(text string) (r decision.Reference, err error) {
	if text == "" {
		return r, nil
	}
	parts := strings.SplitN(text, ":", 4)
	r.Kind = decision.ReferenceKind(parts[0])
	kinds := []decision.ReferenceKind{decision.Consent, decision.Instruction, decision.Case}
	if len(parts) < 2 || !slices.Contains(kinds, r.Kind) || (r.Kind == decision.Case) != (len(parts) == 4) {
		return decision.Reference{}, fmt.Errorf("reference '%s' is not written as one; %s", text, suggest.OneOf([]string{"consent:ID", "instruction:ID", "case:ID:APPROVER:UNTIL"}))
	}
	r.ID = parts[1]
	if r.Kind == decision.Case {
		r.Approver = parts[2]
		r.Until, err = ParseMoment(parts[3])
	}
	return r, err
}

// ParseApproval reads who approved an access by staff, as approval:ID:APPROVER:UNTIL.
// Empty is the zero Reference.
func ParseApproval(text string) (r decision.Reference, err error) {
	if text == "" {
		return r, nil
	}
	parts := strings.SplitN(text, ":", 4)
	if len(parts) != 4 || parts[0] != string(decision.Approval) || parts[1] == "" || parts[2] == "" {
		return r, fmt.Errorf("approval '%s' is not written as one; write approval:ID:APPROVER:UNTIL", text)
	}
	until, err := ParseMoment(parts[3])
	if err != nil {
		return r, err
	}
	return decision.Reference{Kind: decision.Approval, ID: parts[1], Approver: parts[2], Until: until}, nil
}

// ParseAccessReason reads why a member of staff looks. Empty is none.
func ParseAccessReason(text string) (decision.AccessReason, error) {
	reason := decision.AccessReason(text)
	if text != "" && !slices.Contains(decision.AccessReasons(), reason) {
		return "", fmt.Errorf("access reason '%s' is not one; %s", text, suggest.For(text, accessReasons()))
	}
	return reason, nil
}

func accessReasons() []string {
	var words []string
	for _, reason := range decision.AccessReasons() {
		words = append(words, string(reason))
	}
	return words
}
