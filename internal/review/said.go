package review

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sparkoo/transfergate/internal/record"
)

// said tells in a few sentences what an entry says that is no transfer and no denial;
// nothing for what this program does not know. A pseudonym is not repeated in it. What
// stands in the entry is not made harmless yet.
func said(data []byte) string {
	entry, err := record.Parse(data)
	if err != nil {
		return ""
	}
	switch e := entry.(type) {
	case *record.Started:
		return saidOfStart(e)
	case *record.Beat:
		return saidOfBeat(e)
	case *record.ConfigChanged:
		if len(e.Changes) == 0 {
			return "Here stands how the gateway is set from then on; nothing is known of before."
		}
		return "The gateway is set otherwise from then on. " + sentences(e.Changes)
	case *record.Policy:
		return saidOfPolicy(e)
	case *record.Oversight:
		return "From then on " + overseers(e.Approvals, e.Approvers, e.Operators) + "."
	case *record.Order:
		return "An order was obeyed: " + e.Order + ", given by " + giver(e.By) + "."
	case *record.Look:
		return saidOfLook(e)
	case *record.Outcomes:
		return saidOfOutcomes(e)
	case *record.Counted:
		return saidOfCounted(e)
	case *record.Standing:
		return saidOfStanding(e)
	}
	return saidOfLedger(entry)
}

// saidOfLedger is of what the ledger says of itself: its epochs, keys and holds.
func saidOfLedger(entry record.Entry) string {
	switch e := entry.(type) {
	case *record.Genesis:
		return saidOfGenesis(e)
	case *record.Closed:
		return fmt.Sprintf("Epoch %d ends, and epoch %d follows.", e.Epoch, e.Next.Number) + operator(" An operator ended it: ", e.Because)
	case *record.Deleted:
		d := &e.Deleted
		return fmt.Sprintf("Epoch %d was deleted at %s, as its time had run out: %s, of %s to %s, could go from %s on. "+
			"What is left of it stands here, so that a copy kept elsewhere can be held against it.",
			d.Number, at(d.At), many(d.Entries, "entry", "entries"), at(d.Created), at(d.Last), at(d.RetainUntil)) + operator(" An operator had begun it: ", d.Because)
	case *record.Recovered:
		return fmt.Sprintf("After a crash the torn end of the log was cut off: %s of %s, in which was found: %s. None of it had been acknowledged; %s keeps it.",
			many(uint64(e.Bytes), "byte", "bytes"), e.File, e.Found, e.Quarantine)
	case *record.KeyChange:
		switch e.Type {
		case record.TypeKeyDestroyed:
			return fmt.Sprintf("The key of the pseudonyms of the period %s was destroyed: nobody can tell any more whom the records of that period are about.", e.Period)
		case record.TypeKeysRewrapped:
			return fmt.Sprintf("The secret %s wraps the keys of the pseudonyms from then on.", e.Master)
		}
		return fmt.Sprintf("The key of the pseudonyms of the period %s was made, wrapped by the secret %s.", e.Period, e.Master)
	case *record.HoldChange:
		return saidOfHold(e)
	}
	return ""
}

func saidOfStart(e *record.Started) string {
	before := map[string]string{
		record.BeforeNone:    "No gateway recorded here before it.",
		record.BeforeEnded:   "The one before it ended in order.",
		record.BeforeCrashed: "The one before it CRASHED: nobody knows what it would have recorded after its last entry.",
	}[e.Before]
	return fmt.Sprintf("A gateway begins to record: program %s, policy %s, configuration %s. %s", e.Program, short(e.Policy), short(e.Configuration), before)
}

func saidOfBeat(e *record.Beat) string {
	counts := fmt.Sprintf("From %s until then it counted %s: %s recorded, %d denied.", at(e.From), many(e.Requests, "request", "requests"),
		many(e.Transfers, "transfer", "transfers"), e.Refused)
	if e.Requests == 0 && e.Transfers == 0 && e.Refused == 0 {
		counts = "From " + at(e.From) + " until then no request came."
	}
	if e.Type == record.TypeStopped {
		return "The gateway ends. " + counts
	}
	return "The gateway is at work. " + counts
}

func saidOfPolicy(e *record.Policy) string {
	text := fmt.Sprintf("The policy %s is kept, so that the records that name it can be explained.", short(e.Policy))
	if e.Signed.Author == "" {
		return text + " Nobody had to sign it."
	}
	text += fmt.Sprintf(" Its author %s signed it as number %d", e.Signed.Author, e.Signed.Serial)
	if len(e.Signed.Approvers) > 0 {
		text += ", and " + strings.Join(e.Signed.Approvers, ", ") + " approved it"
	}
	return text + "."
}

// overseers says who has to approve a policy, and whose orders are obeyed.
func overseers(approvals int64, approvers, operators []string) string {
	text := "a policy needs nobody's approval"
	if approvals > 0 {
		text = fmt.Sprintf("a policy needs the approval of %d besides its author, of those with the keys %s", approvals, strings.Join(approvers, ", "))
	}
	if len(operators) == 0 {
		return text + "; no operator's key is obeyed"
	}
	return text + "; obeyed are the operators with the keys " + strings.Join(operators, ", ")
}

// giver is who gave an order.
func giver(by string) string {
	kind, name, _ := strings.Cut(by, " ")
	switch kind {
	case "key":
		return "the operator with the key " + name
	case "socket":
		return "who runs the gateway, over its admin socket"
	case "uid":
		return "the system's user number " + name + ", on the ledger's folder"
	}
	return by
}

func saidOfLook(e *record.Look) string {
	who := "Somebody who named no office"
	if e.Office != "" {
		who = "The office " + e.Office
	}
	did := "looked at the records of one person"
	if e.What == record.LookExport {
		did = "took records away"
	}
	text := who + " " + did
	if e.Because != "" {
		text += ", for this reason: " + e.Because
	}
	if e.Reference != "" {
		text += " (" + e.Reference + ")"
	}
	text += ": " + many(e.Records, "entry", "entries")
	if e.Form != "" {
		text += ", as " + e.Form
	}
	if e.Query != "" {
		text += "; asked for was " + e.Query
	}
	return text + "."
}

// endings are how transfers end, in words and in order.
var endings = []struct{ state, words string }{
	{record.Complete, "the region had all of the request and answered"},
	{record.Partial, "the region answered before it had all of the request"},
	{record.NotSent, "not one byte of the request was sent"},
	{record.Unclear, "no answer came, which counts as transferred"},
}

func saidOfOutcomes(e *record.Outcomes) string {
	var parts []string
	for _, end := range endings {
		var records []string
		for _, o := range e.Outcomes {
			if o.State == end.state {
				records = append(records, o.Record.String())
			}
		}
		if len(records) > 0 {
			parts = append(parts, fmt.Sprintf("%s: %s", end.words, strings.TrimPrefix(many(uint64(len(records)), "record", "records"), "1 ")+" "+strings.Join(records, ", ")))
		}
	}
	return "So transfers ended. " + sentences(parts)
}

func saidOfCounted(e *record.Counted) string {
	text := fmt.Sprintf("From %s to %s %s with the reason %s", at(e.From), at(e.To), many(e.Counted, "request was denied", "requests were denied"), e.Reason)
	if e.Site != "" && e.Site != "*" {
		text += " at " + e.Site
	}
	if e.Requester != "" {
		text += ", asked for by staff of " + e.Requester
	}
	return text + ", without a record of their own; of the same minutes " + many(e.Full, "denial like them has", "denials like them have") + " one."
}

func saidOfStanding(e *record.Standing) string {
	var parts []string
	if e.Approved != nil {
		parts = append(parts, fmt.Sprintf("the policy that was approved last is %s, number %d", short(e.Approved.Policy), e.Approved.Serial))
	}
	if e.Oversight != nil {
		parts = append(parts, overseers(e.Oversight.Approvals, e.Oversight.Approvers, e.Oversight.Operators))
	}
	if e.Gateway != nil {
		running := "no gateway records"
		if e.Gateway.Running {
			running = "a gateway records"
		}
		parts = append(parts, running+", set as configuration "+short(e.Gateway.Configuration)+" says")
	}
	if len(e.Destroyed) > 0 {
		parts = append(parts, "destroyed are the keys of the pseudonyms of the periods "+strings.Join(e.Destroyed, ", "))
	}
	if len(e.Overdue) > 0 {
		var epochs []string
		for _, o := range e.Overdue {
			epochs = append(epochs, fmt.Sprint(o.Epoch))
		}
		parts = append(parts, "the time of the epochs "+strings.Join(epochs, ", ")+" has run out, and they are not deleted yet")
	}
	if len(parts) == 0 {
		return "Nothing stands from then on besides the holds that are set."
	}
	return "This stands from then on, besides the holds that are set. " + sentences(parts)
}

func saidOfGenesis(e *record.Genesis) string {
	text := fmt.Sprintf("Epoch %d of the ledger begins. ", e.Epoch)
	if e.Previous == nil {
		text += "It is the first."
	} else {
		text += fmt.Sprintf("It follows epoch %d, whose last checkpoint stands here.", e.Previous.Number)
	}
	if e.Restates {
		text += " What stood before, as holds, is said again in the entries after it."
	}
	text += operator(" An operator began it: ", e.Because)
	if e.Lost != "" {
		text += " All from " + e.Lost + " up to this epoch the operator GAVE UP FOR LOST."
	}
	return text
}

func saidOfHold(e *record.HoldChange) string {
	h := &e.Hold
	if e.Type == record.TypeHoldLifted {
		return fmt.Sprintf("The hold for %s is lifted by %s; the reason: %s.", h.Ref, h.By, h.Because)
	}
	text := fmt.Sprintf("A hold for %s is set by %s; the reason: %s. ", h.Ref, h.By, h.Because)
	switch {
	case h.From.IsZero() && h.To.IsZero():
		return text + "No epoch is deleted until it is lifted."
	case h.From.IsZero():
		return text + "No epoch with entries until " + at(h.To) + " is deleted before it is lifted."
	case h.To.IsZero():
		return text + "No epoch with entries from " + at(h.From) + " on is deleted before it is lifted."
	}
	return text + "No epoch with entries from " + at(h.From) + " to " + at(h.To) + " is deleted before it is lifted."
}

func operator(lead, because string) string {
	if because == "" {
		return ""
	}
	return lead + because + "."
}

// sentences are parts as sentences of their own.
func sentences(parts []string) string {
	parts = slices.Clone(parts)
	for i, p := range parts {
		if p != "" && p[0] >= 'a' && p[0] <= 'z' {
			p = strings.ToUpper(p[:1]) + p[1:]
		}
		parts[i] = p + "."
	}
	return strings.Join(parts, " ")
}

func many(n uint64, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, more)
}

// short is as much of a digest as people compare.
func short(digest string) string { return digest[:min(12, len(digest))] }

func at(t time.Time) string { return t.UTC().Format(time.RFC3339) }
