package policy

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/sparkoo/transfergate/caddyplugin/adminapi"
	"github.com/sparkoo/transfergate/caddyplugin/command/cli"
	"github.com/sparkoo/transfergate/internal/decision"
	"github.com/sparkoo/transfergate/internal/question"
	"github.com/sparkoo/transfergate/internal/whatif"
)

// explainFlags are the flags of explain, as they were written.
type explainFlags struct {
	country, activity, at, party, claim, staff, node, regions, statement string
	ticket, accessReason, approval                                       string
	account, accounts, policy, caddyfile                                 string
	request, from, record, ledger, address                               string
	chose, reference, born                                               string
	demo, identified, deletes, unnamed, json                             bool
}

func explainCommand() *cobra.Command {
	var f explainFlags
	cmd := &cobra.Command{
		Use:   "explain",
		Short: "Explains step by step what happens to a request, why, and what would change it",
		Long: "Explains a decision: who is responsible and on what ground, which law asks for which safeguard on which leg,\n" +
			"which row of which file or which clause says so, and what would unlock a denial.\n\n" +
			"The question comes from flags, from a file with a real HTTP/1.1 request (--request with --caddyfile), from a record\n" +
			"of a ledger, explained with the policy it was decided by (--record NUMBER or FOLDER#NUMBER), or is put to a running gateway (--address).\n" +
			"Nothing is sent anywhere else and nothing is recorded. Exit code 0: explained, be it allowed or denied; 1: error.",
		Example: "  transfergate transfer explain --country BR --activity support --demo\n" +
			"  transfergate transfer explain --country CL --activity serving --at 2026-12-02 --staff huawei-cloud-cn@CN --ticket T-1\n" +
			"  transfergate transfer explain --caddyfile Caddyfile --request request.http\n" +
			"  transfergate transfer explain --record data/ledger#gw-sg-1#1.42",
		Args: cobra.MaximumNArgs(1),
	}
	flags := cmd.Flags()
	flags.StringVar(&f.activity, "activity", "", "id of the activity")
	flags.StringVar(&f.country, "country", "", "registered country, as ISO 3166-1 alpha-2; without it nobody is identified")
	flags.BoolVar(&f.identified, "identified", false, "somebody is identified, though the country is not known")
	flags.StringVar(&f.at, "at", "", "moment, as 2026-12-02 (its noon in UTC) or RFC 3339 (default: now)")
	flags.StringVar(&f.party, "party", "", "contracting party the Account Center shows: id of a controller")
	flags.StringVar(&f.claim, "claim", "", "contracting party a verified token names: id of a controller")
	flags.StringVar(&f.staff, "staff", "", "who asks, if not the person: entity@COUNTRY")
	flags.StringVar(&f.ticket, "ticket", "", "number of the ticket that staff name")
	flags.StringVar(&f.accessReason, "access-reason", "", "why staff look: support-request, troubleshooting, security or legal")
	flags.StringVar(&f.approval, "approval", "", "who approved the access by staff: approval:ID:APPROVER:UNTIL")
	flags.BoolVar(&f.unnamed, "unnamed", false, "nothing says which member of staff asks")
	flags.StringVar(&f.account, "account", "", "account id, to be looked up in --accounts")
	flags.StringVar(&f.accounts, "accounts", "", "file of account records")
	flags.StringVar(&f.born, "born", "", "when the person was born, as 2010 or 2010-05-17")
	flags.StringVar(&f.chose, "chose", "", "the person's choices: closed, minor, guardian, restricted, withdrawn, opt-out, a purpose or recipient\nobjected to, an activity switched off; with commas")
	flags.StringVar(&f.reference, "reference", "", "consent, instruction or case on file: consent:ID, instruction:ID or case:ID:APPROVER:UNTIL")
	flags.BoolVar(&f.deletes, "deletes", false, "the request deletes what it names")
	flags.StringVar(&f.policy, "policy", "", "folder of the registers (default: the embedded policy)")
	flags.StringVar(&f.caddyfile, "caddyfile", "", "take node, regions, policy, accounts and demo from this Caddyfile")
	flags.StringVar(&f.node, "node", "", "where the gateway stands: NAME:COUNTRY:ENTITY (default: with the operator of the storage region)")
	flags.StringVar(&f.regions, "regions", "", "regions the site declares, with commas (default: all)")
	flags.StringVar(&f.statement, "statement", "", "name of the site's privacy statement")
	flags.BoolVar(&f.demo, "demo", false, "examples and unconfirmed rows satisfy laws")
	flags.StringVar(&f.request, "request", "", "file with an HTTP/1.1 request, as a client sends it; needs --caddyfile")
	flags.StringVar(&f.from, "from", "127.0.0.1:40000", "address the request comes from, with --request")
	flags.StringVar(&f.record, "record", "", "record: its number, as in gw-1#1.42, with the ledger's folder before it, as in data/ledger#gw-1#1.42 or\ndata/ledger#1.42; without the folder it is in the ledger of the gateway that runs here")
	flags.StringVar(&f.ledger, "ledger", "", "folder of a ledger; the argument is the record's number")
	flags.StringVar(&f.address, "address", "", "ask the running gateway whose admin API listens there, such as localhost:2019")
	flags.BoolVar(&f.json, "json", false, "print the result as JSON")
	return cli.Run(cmd, func(w io.Writer, args []string) (int, error) {
		if err := f.run(w, args); err != nil {
			return cli.Error, err
		}
		return cli.Fine, nil
	})
}

// run explains what the flags ask for.
func (f *explainFlags) run(w io.Writer, args []string) error {
	if err := f.oneSource(args); err != nil {
		return err
	}
	if f.record != "" || f.ledger != "" {
		e, err := f.ofRecord(args)
		if err != nil {
			return err
		}
		return f.print(w, []decision.Explanation{e})
	}
	q, err := f.question()
	if err != nil {
		return err
	}
	var answers []decision.Explanation
	switch {
	case f.address != "":
		answers, err = adminapi.Client{Address: f.address}.Explain(q)
	case f.caddyfile != "":
		answers, err = f.ofCaddyfile(q)
	default:
		answers = make([]decision.Explanation, 1)
		answers[0], err = f.offline(q)
	}
	if err != nil {
		return err
	}
	return f.print(w, answers)
}

// oneSource makes sure that the question comes from one place.
func (f *explainFlags) oneSource(args []string) error {
	given := 0
	for _, source := range []string{f.address, f.caddyfile, f.record, f.ledger} {
		if source != "" {
			given++
		}
	}
	switch {
	case given > 1:
		return errors.New("give one of --address, --caddyfile, --record and --ledger: each says whose answer it is")
	case len(args) > 0 && f.ledger == "":
		return fmt.Errorf("unexpected argument '%s': explain takes flags, and an index after --ledger DIR", args[0])
	case f.ledger != "" && len(args) != 1:
		return errors.New("--ledger DIR needs the record's number as an argument, such as 1.42")
	case f.request != "" && f.caddyfile == "":
		return errors.New("--request needs --caddyfile FILE, whose sites and identity sources read it")
	}
	return nil
}

// offline answers from files alone.
func (f *explainFlags) offline(q question.Question) (decision.Explanation, error) {
	registers, err := loadPolicy(f.policy)
	if err != nil {
		return decision.Explanation{}, err
	}
	p := registers.Policy
	if f.accounts == "" {
		return whatif.Explain(p, nil, q, time.Now())
	}
	accounts, err := loadAccounts(p, f.accounts)
	if err != nil {
		return decision.Explanation{}, err
	}
	return whatif.Explain(p, accounts, q, time.Now())
}

// question reads the flags.
func (f *explainFlags) question() (q question.Question, err error) {
	q = question.Question{
		Activity: f.activity, Country: f.country, Identified: f.identified, Party: f.party, Claim: f.claim,
		Account: f.account, Deletes: f.deletes, Regions: split(f.regions), Statement: f.statement, Demo: f.demo,
		Ticket: f.ticket, Unnamed: f.unnamed,
	}
	var errs [7]error
	q.At, errs[0] = question.ParseMoment(f.at)
	q.Staff, errs[1] = parseStaff(f.staff)
	q.Node, errs[2] = parseNode(f.node)
	q.Reference, errs[3] = question.ParseReference(f.reference)
	if f.born != "" {
		q.Born, errs[4] = decision.ParseBirth(f.born)
	}
	q.AccessReason, errs[5] = question.ParseAccessReason(f.accessReason)
	q.Approval, errs[6] = question.ParseApproval(f.approval)
	q.Choices = question.ParseChoices(split(f.chose))
	return q, errors.Join(errs[:]...)
}

// print writes the answers, one after the other.
func (f *explainFlags) print(w io.Writer, answers []decision.Explanation) error {
	if f.json {
		if len(answers) == 1 {
			return cli.PrintJSON(w, answers[0])
		}
		return cli.PrintJSON(w, answers)
	}
	for i := range answers {
		if i > 0 {
			if _, err := fmt.Fprintln(w); err != nil {
				return err
			}
		}
		if err := whatif.Print(w, &answers[i]); err != nil {
			return err
		}
	}
	return nil
}
