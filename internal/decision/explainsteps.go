package decision

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// The sentences of an [Explanation].

func (v *view) stepWho(d *Decision, f *Facts) Step {
	step := Step{Topic: "who", Clause: "§11"}
	person := "somebody whose registered country is not known"
	switch {
	case d.Country != "":
		person = "a person who registered in " + d.Country
	case f.Country != "":
		person = "a person whose registered country is no ISO 3166-1 code"
	case !f.Identified:
		person = "nobody who is identified"
	}
	if f.Staff == nil {
		step.Text = "The request is by " + person + ", for their own data."
		if d.Country == "" && !f.Identified {
			step.Text = "The request is by nobody who is identified."
		}
		return step
	}
	// What no register knows may be anything, personal data included.
	staff := "staff of an entity that the registers do not know in that country"
	if v.knows(*f.Staff) {
		staff = fmt.Sprintf("staff of %s in %s", f.Staff.Entity, f.Staff.Country)
	}
	step.Text = fmt.Sprintf("The request is by %s, about %s.", staff, person)
	if !f.Subject {
		step.Text = fmt.Sprintf("The request is by %s, and does not say about whom.", staff)
	}
	if staff := v.recipients[f.Staff.Entity]; staff != nil {
		step.Source = staff.Position
	}
	return step
}

// grounds says what each basis means.
var grounds = map[Basis]string{
	BasisAccountCenter:     "the contracting party the Account Center shows, which prevails over the country table",
	BasisTokenClaim:        "the contracting party a verified token names; the account record names none",
	BasisRegisteredCountry: "the country table",
	BasisNotRegistered:     "nobody is registered, so the default answers",
}

func stepController(d *Decision) Step {
	step := Step{Topic: "controller", Clause: "§11"}
	c := d.Controller
	if c == nil {
		step.Text = "No controller is responsible."
		return step
	}
	step.Source = c.Position
	where := " in " + c.Country
	if c.Country == "" {
		where = ", in a country that is not known,"
	}
	step.Text = fmt.Sprintf("The controller is %s (%s)%s: %s.", c.ID, c.Name, where, grounds[d.Basis])
	if c.Default && d.Basis == BasisRegisteredCountry {
		step.Text += " It answers for every country no other controller serves."
	}
	if c.Unlisted {
		step.Text += " The registers do not list it: add it to the register of controllers."
	}
	return step
}

func stepStatement(d *Decision) Step {
	step := Step{Topic: "statement", Clause: "§10"}
	if d.Statement == nil {
		step.Text = "No version of the privacy statement is in force."
		return step
	}
	step.Text, step.Source = "The statement in force is the version of "+d.Statement.ID+".", d.Statement.Position
	if d.Statement.SHA256 != "" {
		step.Text += " Its text has the SHA-256 " + d.Statement.SHA256 + "."
	}
	return step
}

func (v *view) stepActivity(d *Decision) Step {
	step := Step{Topic: "activity", Clause: "§2"}
	a := d.Activity
	if a == nil {
		step.Text = "No activity of the policy takes the request."
		return step
	}
	step.Source = a.Position
	where := "its regions in the order declared"
	switch {
	case a.StorageOnly:
		where = "the storage region only"
	case a.Order == OrderHome:
		where = "regions in the registered country first"
	case a.Order == OrderNearest:
		where = "the lawful region nearest to the visitor"
	}
	step.Text = fmt.Sprintf("The activity is %s (%s): %s, %s, on basis %s, under %s; from the %s to %s.",
		a.ID, a.Title, list("purpose", "purposes", a.Purposes), list("category", "categories", a.Categories),
		orNone(nonEmpty(a.LegalBasis)), clauseOf(a.Kind), a.Exporter, where)
	return step
}

// clauseOf writes a recipient kind as the clause it is.
func clauseOf(k RecipientKind) string {
	switch k {
	case Instructed, Authority, Affiliate, ThePublic:
		return fmt.Sprintf("§4(%c)", k[1])
	default:
		return "§9 (" + string(k) + ")"
	}
}

func nonEmpty(s string) []string {
	if s == "" {
		return nil
	}
	return []string{s}
}

// stepChoices says what the person chose, if anything.
func stepChoices(d *Decision, f *Facts) (Step, bool) {
	c := &f.Choices
	if !c.any() {
		return Step{}, false
	}
	var said []string
	flags := []struct {
		on   bool
		text string
	}{
		{c.Closed, "the account is closed"}, {c.Minor && !c.Guardian, "a minor without a guardian"},
		{c.Minor && c.Guardian, "a minor with a guardian"}, {c.Restricted, "processing is restricted"},
		{c.Withdrawn, "consent is withdrawn"}, {c.OptOut, "the request opts out (Sec-GPC)"},
	}
	for _, flag := range flags {
		if flag.on {
			said = append(said, flag.text)
		}
	}
	if len(c.Disabled) > 0 {
		said = append(said, list("activity", "activities", c.Disabled)+" switched off")
	}
	if len(c.Purposes)+len(c.Recipients) > 0 {
		said = append(said, "objections to "+strings.Join(slices.Concat(c.Purposes, c.Recipients), ", "))
	}
	step := Step{Topic: "choices", Clause: "§7", Text: "The person chose: " + strings.Join(said, "; ") + "."}
	switch {
	case d.Activity == nil:
	case ownRights(d.Activity, f):
		step.Text += " None of it stops the person's own rights requests."
	case stopped(d.Activity, f) != "":
		step.Text += " That stops the activity: " + string(stopped(d.Activity, f)) + "."
		step.Clause = stopped(d.Activity, f).Info().Clause
	default:
		step.Text += " That does not stop the activity as such."
	}
	return step, true
}

// stepReference says which reference §4 asks for, if it asks for one.
func stepReference(d *Decision, f *Facts) (Step, bool) {
	if d.Activity == nil || d.Activity.Kind != Instructed && d.Activity.Kind != Authority {
		return Step{}, false
	}
	step := Step{Topic: "reference", Clause: "§4(a)", Text: "Sharing with a third party rests on the person's consent or instruction: "}
	if d.Activity.Kind == Authority {
		step.Clause, step.Text = "§4(b)", "Sharing for compliance, fraud prevention and security rests on a case that is approved and has an end: "
	}
	given := f.Reference.String()
	if given == "" {
		given = "none is on file"
	}
	step.Text += given + "."
	if r := unreferred(d.Activity, f); r != "" {
		step.Text += " That does not do: " + string(r) + "."
	}
	return step, true
}

// stepCandidate tells why a region is lawful.
func (v *view) stepCandidate(c *Candidate, several bool, i int) Step {
	step := Step{Topic: "region", Clause: "§9", Source: c.Region.Position}
	rank := ""
	if several {
		rank = fmt.Sprintf(", choice %d", i+1)
	}
	what := "no transfer: the data stays in the country and with the controller"
	if c.Transfer {
		what = "data leaves the country or the controller, which is recorded"
	}
	step.Text = fmt.Sprintf("Region %s (%s, run by %s) is lawful%s; %s.", c.Region.Code, c.Region.Country, c.Recipient.ID, rank, what)
	if c.Demo {
		step.Text += " Only under demo: it leans on rows that are examples or unconfirmed."
	}
	if c.Lacking != "" {
		step.Text += " Nothing may stop the person's own request (§7); it lacks " + c.Lacking + "."
	}
	if len(c.Recipient.Withhold) > 0 {
		step.Text += " Withheld from it: " + strings.Join(c.Recipient.Withhold, ", ") + "."
	}
	step.Steps = v.stepLegs(c.Way())
	return step
}

// stepRefusals tells why regions are not. Those that no law was asked about and that
// are refused for one reason are told together.
func (v *view) stepRefusals(d *Decision, f *Facts) (steps []Step) {
	told := map[Reason]bool{}
	for i := range d.Refused {
		r := &d.Refused[i]
		if legs := v.judged(r, d, f); legs != nil {
			step := v.stepRefusal(r.Reason, []*Refusal{r})
			step.Steps = v.stepLegs(legs)
			steps = append(steps, step)
			continue
		}
		if told[r.Reason] {
			continue
		}
		told[r.Reason] = true
		var alike []*Refusal
		for j := range d.Refused {
			if other := &d.Refused[j]; other.Reason == r.Reason && v.judged(other, d, f) == nil {
				alike = append(alike, other)
			}
		}
		steps = append(steps, v.stepRefusal(r.Reason, alike))
	}
	return steps
}

// stepRefusal tells why regions are refused for one reason.
func (v *view) stepRefusal(reason Reason, alike []*Refusal) Step {
	info := reason.Info()
	step := Step{Topic: "region", Clause: info.Clause}
	var places, needs []string
	for i, r := range alike {
		place := r.Region
		if region := v.regions[r.Region]; region != nil {
			place = fmt.Sprintf("%s (%s, run by %s)", r.Region, region.Country, region.Operator)
			if i == 0 {
				step.Source = region.Position
			}
		}
		places = append(places, place)
		need := r.Unlock
		if len(alike) > 1 {
			need, _, _ = strings.Cut(need, "; ") // what follows is about one of them
		}
		if !slices.Contains(needs, need) {
			needs = append(needs, need)
		}
	}
	name, it := "Region", "is not lawful: %s. %s It needs %s."
	if len(alike) > 1 {
		name, it = "Regions", "are not lawful: %s. %s They need %s."
	}
	step.Text = fmt.Sprintf("%s %s "+it, name, strings.Join(places, ", "), reason, info.Title, strings.Join(needs, "; or "))
	return step
}

// stepLegs tells what each law says about each leg.
func (v *view) stepLegs(legs []Leg) []Step {
	var steps []Step
	for i := range legs {
		leg := &legs[i]
		from := leg.Exporter
		if i == 0 {
			from = "the person"
		}
		if leg.From != "" {
			from += " in " + leg.From
		}
		to := leg.Recipient
		if leg.To != "" {
			to += " in " + leg.To
		}
		step := Step{Topic: "leg", Text: fmt.Sprintf("%s: %s -> %s.", leg.Kind, from, to)}
		for _, verdict := range leg.Laws {
			step.Steps = append(step.Steps, v.stepVerdict(&verdict))
		}
		steps = append(steps, step)
	}
	return steps
}

// becauses says what each [Because] means.
var becauses = map[Because]string{
	DirectCollection:  "the person gives the data to the controller themselves",
	InsideTerritory:   "the data arrives in the law's own territory",
	BeforeReach:       "the law reaches the data only on a later leg",
	OwnController:     "the data comes back to the controller",
	StoredInSingapore: "no law is registered, and the data goes to the store",
	Returned:          "the data of somebody of another country goes back to where it came from",
}

// unknowns says what each [Because] means where no law is registered.
var unknowns = map[Because]string{
	DirectCollection:  "the person gives the data to the controller themselves, who serves such people in Singapore alone (unknown_law)",
	BeforeReach:       "it could reach the data only on a later leg",
	StoredInSingapore: "the data goes to the store, and nowhere else (unknown_law)",
}

func (v *view) stepVerdict(verdict *Verdict) Step {
	step := Step{Topic: "law"}
	name := verdict.Law
	if law := v.lawOf(verdict.Law); law != nil {
		name, step.Source = fmt.Sprintf("%s (%s)", law.ID, law.Title), law.Position
		if !law.Validity.Until.IsZero() {
			name += " until " + law.Validity.Until.Format(time.RFC3339)
		}
	} else if code, found := strings.CutPrefix(verdict.Law, NoLaw+":"); found {
		name = "No law is registered for " + code + ", which is no permission"
	}
	switch row := verdict.Safeguard; {
	case verdict.Outcome == NotATransfer:
		step.Text = fmt.Sprintf("%s: no transfer under it, because %s.", name, becauses[verdict.Because])
		if strings.HasPrefix(verdict.Law, NoLaw+":") {
			step.Text = fmt.Sprintf("%s: %s.", name, unknowns[verdict.Because])
		}
	case verdict.Outcome == Satisfied && row != nil:
		step.Text = fmt.Sprintf("%s: satisfied by %s (%s), %s.", name, row.ID, row.Tag, row.Instrument)
		if rule := verdict.Rule; rule != nil {
			step.Text = fmt.Sprintf("%s: it asks for nothing (%s, %s, %s); %s (%s), %s, binds the recipient, as the statement promises.",
				name, rule.ID, rule.Tag, rule.Instrument, row.ID, row.Tag, row.Instrument)
			if !proven(rule) {
				step.Text += " The row " + rule.ID + " " + proof(rule) + "."
			}
		}
		if !proven(row) {
			step.Text += " The row " + row.ID + " " + proof(row) + "."
		}
		step.Source, step.Clause = row.Position, row.Clause
	case strings.HasPrefix(verdict.Law, NoLaw+":"):
		step.Text = name + ": data may not go there."
	default:
		step.Text = name + ": not satisfied" + lacksText(verdict) + "."
		if verdict.Nearest != nil {
			step.Source = verdict.Nearest.Position
		}
	}
	return step
}

// stepOutcome is the answer in one sentence: allowed or denied, where, and why; and
// what would unlock a denial.
func (v *view) stepOutcome(d *Decision) Step {
	step := Step{Topic: "outcome"}
	if d.Outcome == Allowed {
		c := &d.Candidates[0]
		step.Text = fmt.Sprintf("Allowed: %s in %s answers from region %s, because %s.", c.Recipient.ID, c.Region.Country, c.Region.Code, grounded(c))
		if n := len(d.Candidates); d.Activity.Order == OrderNearest && n > 1 {
			step.Text = fmt.Sprintf("Allowed: the region nearest to the visitor answers, of the %d that are lawful.", n)
		}
		return step
	}
	step.Clause = d.Reason.Info().Clause
	step.Text = fmt.Sprintf("Denied%s: %s, because %s. To pass, the request needs %s.", asked(d), d.Reason, v.whyDenied(d.Reason, d.Law), d.Unlock)
	return step
}

// grounded says why a candidate is lawful.
func grounded(c *Candidate) string {
	var laws []string
	for _, row := range c.Safeguards {
		if !slices.Contains(laws, row.Law) {
			laws = append(laws, row.Law)
		}
	}
	switch {
	case c.Lacking != "":
		return "nothing may stop such a request on its way to the store (§6, §7)"
	case !c.Transfer:
		return "the data stays in the country and with the controller"
	case unregistered(c) != "":
		return "no law is registered for " + unregistered(c) + ", which is no permission: its people are served in Singapore alone (unknown_law)"
	case len(laws) == 0:
		return "no law that applies sees a transfer, and the data goes where it is stored"
	}
	name := "law " + laws[0] + " is"
	if len(laws) > 1 {
		name = "the laws " + strings.Join(laws, ", ") + " are"
	}
	return fmt.Sprintf("%s satisfied (%s)", name, strings.Join(c.Tags(), ", "))
}

// unregistered is the country on the way that no law is registered for; none if each has one.
func unregistered(c *Candidate) string {
	for i := range c.Legs {
		for _, verdict := range c.Legs[i].Laws {
			if country, without := strings.CutPrefix(verdict.Law, NoLaw+":"); without {
				return country
			}
		}
	}
	return ""
}

// asked says where a request is denied.
func asked(d *Decision) string {
	switch n := len(d.Refused); n {
	case 0:
		return " wherever it might go"
	case 1:
		return " in region " + d.Refused[0].Region
	default:
		return fmt.Sprintf(" in all %d regions of the site", n)
	}
}

// whyDenied says why, as the end of a sentence.
func (v *view) whyDenied(r Reason, id string) string {
	name := id
	if law := v.lawOf(id); law != nil {
		name = fmt.Sprintf("%s (%s)", law.ID, law.Title)
	}
	code, unknown := strings.CutPrefix(id, NoLaw+":")
	switch {
	case r == LawUnknown && unknown:
		return "no law is registered for " + code + ", which is no permission"
	case r == NoSafeguard && id != "":
		return "law " + name + " is not satisfied by any safeguard"
	case r == SafeguardUnproven && id != "":
		return "the only safeguards for law " + name + " are examples or not confirmed by counsel"
	case r == Localised && id != "":
		return "law " + name + " wants the data kept in the person's country, and personal data is stored in Singapore (§9)"
	}
	return because(r.Info().Title)
}

// because turns a title into the end of a sentence.
func because(title string) string {
	title = strings.TrimSuffix(title, ".")
	title = strings.ToLower(title[:1]) + title[1:]
	return strings.ReplaceAll(title, ". ", "; ")
}
