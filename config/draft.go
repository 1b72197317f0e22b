package config

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/sparkoo/transfergate/internal/decision"
	"github.com/sparkoo/transfergate/internal/suggest"
)

// row is one entry of a register: what it says, and where.
type row[T any] struct {
	value T
	record
}

// draft is the registers while they are read: decoded, not yet found consistent.
type draft struct {
	name     string // of the folder, for problems and positions
	problems *Problems
	archived bool // see source

	terms       Terms
	statement   item        // the default one
	cited       []row[item] // terms of the vocabulary
	statements  []row[decision.Statement]
	controllers []row[decision.Controller]
	laws        []row[decision.Law]
	ages        []row[decision.Age]
	clocks      []row[decision.Clocks]
	regions     []row[decision.Region]
	recipients  []row[decision.Recipient]
	activities  []row[decision.Activity]
	safeguards  []row[decision.Safeguard]
	assessments []row[decision.Assessment]
	unknown     decision.UnknownLaw
}

// decode reads the files there are. A file that is missing or not YAML was
// reported and leaves its register empty.
func (d *draft) decode(files map[string][]byte) {
	readers := map[string]func(record){
		statementFile:   d.decodeStatement,
		controllersFile: d.decodeControllers,
		lawsFile:        d.decodeLaws,
		regionsFile:     d.decodeRegions,
		recipientsFile:  d.decodeRecipients,
		activitiesFile:  d.decodeActivities,
		safeguardsFile:  d.decodeSafeguards,
		assessmentsFile: d.decodeAssessments,
	}
	for _, f := range fileNames {
		data, ok := files[f]
		if !ok {
			continue
		}
		s := source{path: path.Join(d.name, f), problems: d.problems, archived: d.archived}
		if root := s.parse(data); root != nil {
			readers[f](s.record(root, "register", registers[f]))
		}
	}
}

// registers are the keys of each file.
var registers = map[string][]field{
	statementFile:   statementRegister,
	controllersFile: controllersRegister,
	lawsFile:        lawsRegister,
	regionsFile:     regionsRegister,
	recipientsFile:  recipientsRegister,
	activitiesFile:  activitiesRegister,
	safeguardsFile:  safeguardsRegister,
	assessmentsFile: assessmentsRegister,
}

// check holds the rows against each other. It leaves out what depends on a
// register that could not be read: those problems would only be echoes.
func (d *draft) check() {
	d.checkStatements()
	d.checkControllers()
	d.checkLaws()
	d.checkRegions()
	d.checkRecipients()
	d.checkActivities()
	d.checkSafeguards()
	d.checkAssessments()
	d.checkTerms()
	d.checkRoom()
}

// checkTerms reports terms whose prefix is not declared.
func (d *draft) checkTerms() {
	known := slices.Sorted(maps.Keys(d.terms.Prefixes))
	for _, term := range d.cited {
		if prefix, _, ok := strings.Cut(term.value.value, ":"); ok {
			term.refer(item{prefix, term.value.node}, "prefix", known)
		}
	}
}

// dpv reads the vocabulary's terms of a row.
func (d *draft) dpv(r record) []string {
	items := r.list("dpv")
	for _, it := range items {
		d.cited = append(d.cited, row[item]{it, r})
	}
	return values(items)
}

// finish turns a consistent draft into registers.
func (d *draft) finish(files map[string][]byte) *Registers {
	p := &decision.Policy{
		Digest:      digestOf(files),
		Statement:   d.statement.value,
		Statements:  plainRows(d.statements),
		Controllers: plainRows(d.controllers),
		Laws:        plainRows(d.laws),
		Ages:        plainRows(d.ages),
		Clocks:      plainRows(d.clocks),
		Regions:     plainRows(d.regions),
		Recipients:  plainRows(d.recipients),
		Activities:  plainRows(d.activities),
		Safeguards:  plainRows(d.safeguards),
		Assessments: plainRows(d.assessments),
		UnknownLaw:  d.unknown,
	}
	slices.SortStableFunc(p.Statements, func(a, b decision.Statement) int {
		return a.Validity.From.Compare(b.Validity.From)
	})
	return &Registers{Policy: p, Terms: d.terms, name: d.name, files: files}
}

// plainRows drops where the rows stood.
func plainRows[T any](rows []row[T]) []T {
	out := make([]T, len(rows))
	for i, r := range rows {
		out[i] = r.value
	}
	return out
}

// unique reports ids that two rows share.
func unique[T any](rows []row[T], what string, id func(T) string) {
	first := map[string]int{}
	for _, r := range rows {
		key := id(r.value)
		if key == "" {
			continue
		}
		if line, twice := first[key]; twice {
			r.report(r.idNode(), "duplicate-id", "%s %q stands twice, first on line %d; give each its own id", what, key, line)
			continue
		}
		first[key] = r.idNode().Line
	}
}

// apart reports rows of one id that are in force at the same moment.
func apart[T any](rows []row[T], what string, id func(T) string, validity func(T) decision.Validity) {
	for i, r := range rows {
		for _, earlier := range rows[:i] {
			key := id(r.value)
			if key == "" || key != id(earlier.value) || !overlap(validity(earlier.value), validity(r.value)) {
				continue
			}
			r.report(r.idNode(), "overlap", "%s %q is in force twice at one time, also on line %d; end the earlier row with valid_until where the later begins",
				what, key, earlier.idNode().Line)
		}
	}
}

// overlap reports whether there is a moment that lies in both stretches.
func overlap(a, b decision.Validity) bool {
	return (a.Until.IsZero() || b.From.Before(a.Until)) && (b.Until.IsZero() || a.From.Before(b.Until))
}

// refer reports a reference to an id that no row has. Nothing is reported while
// the register referred to is empty, because then it was not readable.
func (r record) refer(it item, what string, known []string) {
	if it.value != "" && len(known) > 0 && !slices.Contains(known, it.value) {
		r.report(it.node, "unknown-reference", "unknown %s %q; %s", what, it.value, suggest.For(it.value, known))
	}
}

// position is where the row stands, for explanations.
func (r record) position() string { return fmt.Sprintf("%s:%d", r.path, r.node.Line) }

// ids lists the ids of a register, each once, in the order of its rows.
func ids[T any](rows []row[T], id func(T) string) []string {
	var out []string
	for _, r := range rows {
		if key := id(r.value); key != "" && !slices.Contains(out, key) {
			out = append(out, key)
		}
	}
	return out
}
