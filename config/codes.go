package config

import "slices"

// Severity says how bad a problem is.
type Severity string

// The severities.
const (
	// Error: the registers do not load; the gateway keeps what it has.
	Error Severity = "error"
	// Warning: they load, and somebody should look at it.
	Warning Severity = "warning"
)

// Code documents a code of [Problem]. Codes are stable and never used again for
// something else.
type Code struct {
	Name     string
	Severity Severity
	Title    string // what is the matter, in one sentence
	Why      string // why that matters
	Do       string // what to do
}

// codes documents every code, by name.
var codes = []Code{
	{"alias-of-a-country", Error, "A territory has both a law of its own and an alias.",
		"Nobody could say which law governs it.", "Take it out of the law's list, or take the alias away."},
	{"alias-to-nothing", Error, "An alias leads to a country that no law governs.",
		"The territory would have no law.", "Name the country whose law holds there."},
	{"approval", Error, "Approvals are asked for of nobody.",
		"approval_for says whose access needs an approval, and approval: required that one is needed: half of it protects nobody.",
		"Write approval: required and approval_for together, or neither."},
	{"assessment-missing", Error, "A safeguard lacks the assessment its law asks for.",
		"Saudi Arabia's regulation counts standard clauses, binding rules and certificates only together with a risk assessment.",
		"Name its row of assessments.yaml under assessment."},
	{"assessment-unfit", Error, "A safeguard names an assessment that is not about it.",
		"An assessment of another law or destination, an example, or one that finds the transfer not acceptable shows nothing.",
		"Name one that is about the safeguard's law and countries."},
	{"bad-age", Error, "An age is none at which people become of age.",
		"Below 18 nobody is an adult (§8), and a row that says 18 says nothing.",
		"Write an age from 19 to 25, or take the row away."},
	{"bad-clause", Error, "What should be a clause of the statement is none.",
		"Denials, records and the coverage table cite clauses by these names.",
		"Write it as the statement counts it, such as §9, §4(c), 2a or 7-right(a)."},
	{"bad-country", Error, "What should be a country is no code of ISO 3166-1.",
		"A country nobody matches is a country nobody protects. UK and EL are not codes: it is GB and GR.",
		"Write the alpha-2 code in upper case, in quotes if it is \"NO\"."},
	{"bad-date", Error, "What should be a moment is none.",
		"Laws and safeguards begin and end at a moment in a place.",
		"Write 2026-12-01, 2026-12-01 America/Santiago, or RFC 3339."},
	{"bad-digest", Error, "What should be a SHA-256 is none.",
		"The digest ties a decision to the very text of the statement.",
		"Write the 64 lower-case hexadecimal digits that sha256sum prints."},
	{"bad-email", Error, "What should be an e-mail address is none.",
		"People are told to write to it (§11).", "Write name@host."},
	{"bad-field", Error, "What should be withheld names no header field or query parameter.",
		"A name that matches nothing withholds nothing.", "Write field:Name, query:name, or one of the words."},
	{"bad-host", Error, "What should be a host name or suffix is none.",
		"Upstreams of a region may only have these names.",
		"Write host.example for one name, .host.example for every name below it, in lower case."},
	{"bad-id", Error, "An id cannot stand in a header field.",
		"Ids of entities are sent to upstreams as RFC 9651 tokens.",
		"Use letters, digits and hyphens, begin with a letter, and keep off the word unlisted."},
	{"bad-link", Error, "What should be an https address is none.",
		"People are sent there (§7, §11).", "Write https://host/path, without a user name."},
	{"bad-network", Error, "What should be a network is none.",
		"Upstreams of a region may only have addresses in these networks.",
		"Write address/length, such as 10.0.0.0/8."},
	{"bad-namespace", Error, "The namespace of a vocabulary does not end in # or /.",
		"Terms are the namespace and a name, put together.", "Write it whole, such as https://w3id.org/dpv#."},
	{"bad-parameter", Error, "What should be withheld names no query parameter.",
		"A name that matches nothing withholds nothing.", "Write query:name, as it reads without percent-encoding."},
	{"bad-prefix", Error, "The prefix of a vocabulary cannot stand before a term.",
		"Terms are written prefix:Name.", "Use lower-case letters and hyphens, such as eu-gdpr."},
	{"bad-tag", Error, "What should be a tag is none, or is another law's.",
		"The tag stands in records and header fields, and tells a regulator what was relied upon.",
		"Write law-act-article-mechanism in lower case, such as br-lgpd-art33-iib-scc."},
	{"bad-term", Error, "What should be a term of the Data Privacy Vocabulary is none.",
		"Exports join records with the vocabulary by these terms.", "Write prefix:Name, such as pd:Username."},
	{"bad-zone", Error, "What should be a time zone is none.",
		"Dates begin at midnight somewhere.", "Use a name of the tz database, such as America/Santiago."},
	{"countries-unnamed", Error, "A Singaporean contract does not name the destination countries.",
		"Regulation 11 counts contracts and binding rules only if they name them.",
		"List the countries the instrument names; any is not enough."},
	{"default-controller", Error, "Not exactly one controller is the default.",
		"People from countries other than those listed have one controller (§11).",
		"Write default: true in one row."},
	{"differs", Error, "A recipient that is a controller too is described differently.",
		"A name and an address stand in one place.", "Leave the value out in recipients.yaml."},
	{"digest-missing", Error, "An assessment does not say which document it is.",
		"Who checks a transfer later has to find the very document.", "Write its SHA-256 under digest, or example: true while there is none."},
	{"duplicate-id", Error, "Two rows have the same id.",
		"Nobody could say which is meant.", "Give each its own id."},
	{"duplicate-item", Error, "A list names something twice.",
		"One of the two was probably meant to be something else.", "Keep one."},
	{"duplicate-key", Error, "A key stands twice in a row.",
		"YAML readers differ on which counts.", "Keep one."},
	{"empty", Error, "A value is empty.", "An empty value means nothing, or anything.", "Fill it in, or leave the key out."},
	{"empty-file", Error, "A register is empty.", "A policy has all eight registers.", "Write it, or take the default one."},
	{"empty-set", Error, "A list that limits a safeguard is missing or empty.",
		"It would match nothing, and was perhaps meant to match anything.", "List what it covers, or write any if you mean it."},
	{"evidence-missing", Error, "A safeguard does not show that a duty of its law is fulfilled.",
		"A Turkish standard contract counts only once it was notified, for example.",
		"Write a reference and a date under evidence; what is yet to be made has none."},
	{"importer-bound", Error, "Standard clauses are used with a recipient that the law itself binds.",
		"The Union's clauses of 2021 are not for a recipient that GDPR Art 3(2) binds (recital 7).",
		"Write confirm: true until counsel has said that they serve."},
	{"inverted-dates", Error, "Something ends before it begins.", "It would never be in force.", "Swap or mend the dates."},
	{"localisation-tag", Error, "A localisation's tag does not fit its form.",
		"Only where a copy may leave can a safeguard say where the data is kept; a local copy is no mechanism.",
		"Take the tag away for only-here; give first-here and copy-here one of its own."},
	{"measure-unheld", Error, "An assessment rests on something the gateway does not hold.",
		"Its conclusion would not be true of what is sent.", "Add the measure to withhold of the recipient."},
	{"mechanism-not-in-force", Error, "A safeguard leans on a mechanism that its law does not have all the time.",
		"Before or after the law changed it would satisfy nothing.",
		"Begin or end the row where the law changes, with valid_from and valid_until."},
	{"missing-file", Error, "One of the eight registers is missing.",
		"Without it nothing can be decided.", "Put it there, or take the default one."},
	{"missing-key", Error, "A row lacks what it must say.", "Nothing is guessed.", "Add the key."},
	{"module", Error, "Standard clauses name no module or version, or one that does not fit the parties.",
		"Which clauses bind whom follows from the roles of exporter and recipient.", "Name the module and version, or mend the role."},
	{"near-twice", Error, "A country has two nearest regions.", "Only one can be tried first.", "Keep it with one region."},
	{"not-a-flag", Error, "What should be true or false is neither.", "yes, on and 1 are read differently by different readers.", "Write true or false."},
	{"not-a-number", Error, "What should be a whole number from 1 is none.", "A review every 0 months is no review.", "Write a number, such as 12."},
	{"not-plain", Error, "A register uses an anchor, an alias or a tag of YAML.",
		"A row must say what it says where it stands, for somebody who does not know YAML well.", "Write the value out."},
	{"not-printable", Error, "A value has blanks around it or letters that do not print.",
		"Names and addresses are sent in header fields and printed in reports.", "Write one plain line."},
	{"not-public", Error, "An activity is called public and is not, or the other way round.",
		"Only posts, comments, nicknames and avatars are public by nature (§4(d)).", "Take the other categories away, or public."},
	{"not-yaml", Error, "The file is not YAML.", "Nothing in it can be read.", "Mend the syntax on this line or the next ones."},
	{"occasional-missing", Error, "A safeguard leans on a derogation and does not say that it is occasional.",
		"Its law limits it to occasional transfers.", "Write occasional: true."},
	{"open-law", Error, "A law that asks for nothing does not say so, or nothing binds the recipient.",
		"The statement promises bound recipients (§9), whatever the law asks for.",
		"Write rule: true in the mechanism that says so, and add one that binds the recipient."},
	{"overlap", Error, "Two rows of one id are in force at one time.",
		"Nobody could say which law or statement holds.", "End the earlier row with valid_until where the later begins."},
	{"precedence", Error, "The precedence differs from §11.",
		"Where the Account Center and the table differ, the Account Center prevails.", "Write it as the message says."},
	{"report-storage", Error, "A storage activity has report mode.",
		"Storage in Singapore is always enforced (§9).", "Take report away."},
	{"rights", Error, "A rights activity goes elsewhere than to the store.",
		"Nothing stops a rights request, so it must go nowhere else than where the data is stored (§7).",
		"Write kind: 9-operator and storage_only: true."},
	{"second-document", Error, "A file holds more than one YAML document.", "Only one would be read.", "Keep one document in a file."},
	{"served-twice", Error, "Two controllers serve the same country.", "§11 names one.", "Keep the country with one controller."},
	{"serves-nobody", Error, "A controller serves no country.", "It would never be chosen by the table.", "List countries under serves, or write default: true."},
	{"storage", Error, "Storage is not in exactly one region in Singapore.",
		"Personal data is stored in Singapore and nowhere else (§9).", "Write storage: true in one region in SG."},
	{"support", Error, "A kind of support stands where none is given.",
		"§4(c) limits affiliates to Services support, technical support and security support.", "Take it away, or change the kind to 4c."},
	{"too-long", Error, "A text is too long.",
		"A record has to fit into the ledger, whatever the registers say.", "Write at most as many bytes as the problem says."},
	{"unknown-file", Error, "A file is none of the registers.", "What it says would be overlooked.", "Rename or remove it."},
	{"unknown-key", Error, "A row has a key nobody reads.", "What it says would be overlooked.", "Take the nearest one the message names."},
	{"unknown-mechanism", Error, "A safeguard's tag is no mechanism of its law.",
		"What a law does not know cannot satisfy it.", "Take the nearest one the message names, or add the mechanism to the law."},
	{"unknown-reference", Error, "A row refers to something that is not in the registers.", "It would match nothing.", "Take the nearest one the message names, or add the row."},
	{"unknown-word", Error, "A value is none of those that may stand there.", "It would match nothing.", "Take the nearest one the message names."},
	{"wrong-shape", Error, "A value has another shape than it must have.", "A list where text is meant, or the other way round, is a slip.", "Write it as the message shows."},

	// Warnings: the registers load.
	{"derogation-routine", Warning, "A derogation covers an activity that is routine.",
		"Its law limits it to occasional transfers, so it never serves that activity; whoever wrote the row may think it does.",
		"Give the activity another safeguard, take it out of the row, or mark the activity occasional if it is."},
	{"law-unconfirmed", Warning, "Counsel has yet to confirm a law's row.",
		"What it asks for may be wrong.", "Have it looked at, and take confirm: true away."},
	{"review-due", Warning, "A safeguard's review is overdue or due soon.",
		"A contract nobody looks at ages. It still counts.", "Review it, and set last under review."},
	{"safeguard-expired", Warning, "A safeguard is over.",
		"It counts no more; flows that leaned on it are denied.", "Renew the instrument and its dates, or remove the row."},
	{"safeguard-expiring", Warning, "A safeguard is over soon.",
		"From that moment on flows that lean on it are denied.", "Renew the instrument and its dates."},
	{"safeguard-unproven", Warning, "Flows depend on a safeguard that is an example or not confirmed.",
		"It satisfies a law only under demo; in production these flows are denied.",
		"Put the instrument into force, name it, and take example or confirm away."},
	{"statement-unhashed", Warning, "A version of the statement does not say its SHA-256.",
		"Records cannot be tied to the very text that was in force.", "Write the SHA-256 of the published text."},

	// Joins with a Caddyfile.
	{"activity-unmapped", Warning, "No site maps requests to an activity.",
		"Nobody can ask for it: what matches no activity is denied.", "Add 'activity NAME MATCHER' to a site, or leave it."},
	{"caddyfile-refused", Error, "The gateway refuses the Caddyfile.", "It would not start, or keep its old configuration.", "Mend what the message says."},
	{"plaintext-upstream", Error, "A region is reached in plain text.",
		"Personal data crosses borders encrypted (§5).", "Write https:// before the upstream."},
	{"region-unreachable", Warning, "A site declares a region that no request may ever be sent to.",
		"It is dead configuration, or a safeguard is missing.", "Look at 'transfergate transfer explain' for an activity meant for it."},
	{"storage-elsewhere", Error, "A site has no storage region, or stores elsewhere than in Singapore.",
		"Personal data is stored in Singapore (§9).", "Declare ap-southeast-3, or the storage region of your registers."},
	{"unknown-activity", Error, "A site maps requests to an activity that is not in the registers.", "Such requests would be denied.", "Take the nearest one the message names."},
	{"unknown-region", Error, "A site declares a region that is not in the registers.", "Nobody knows where it is.", "Take the nearest one the message names, or add its row."},
}

// Codes returns the documentation of every code, sorted by name within errors and
// warnings of the registers and of a Caddyfile. The slice is the caller's.
func Codes() []Code { return slices.Clone(codes) }

// FindCode returns the documentation of a code, and whether there is such a code.
func FindCode(name string) (Code, bool) {
	i := slices.IndexFunc(codes, func(c Code) bool { return c.Name == name })
	if i < 0 {
		return Code{}, false
	}
	return codes[i], true
}
