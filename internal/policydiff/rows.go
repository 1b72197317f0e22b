package policydiff

import (
	"cmp"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/sparkoo/transfergate/internal/decision"
)

// RowChange is a row of a register that differs between two policies, or that
// begins or ends between two moments of one.
type RowChange struct {
	Register string `json:"register"` // for example safeguards
	ID       string `json:"id"`
	// Change is added, removed, changed, begins or ends.
	Change string `json:"change"`
	// Fields are those that differ in a changed row, and Details what of them, in words.
	Fields  []string `json:"fields,omitempty"`
	Details []string `json:"details,omitempty"`
	// Source is file:line of the row: of a removed one in the first policy.
	Source string `json:"source,omitempty"`
	// From and Until are the row's validity, if it has one.
	From  time.Time `json:"from,omitzero"`
	Until time.Time `json:"until,omitzero"`
}

// String is the change as a line.
func (r RowChange) String() string {
	text := r.Register + " " + r.ID + " "
	switch r.Change {
	case "changed":
		text += "is changed: " + strings.Join(r.Details, "; ")
	case "begins":
		return text + "begins at " + moment(r.From) + sourceOf(r)
	case "ends":
		return text + "ends at " + moment(r.Until) + sourceOf(r)
	default:
		text += "is " + r.Change
	}
	if !r.From.IsZero() {
		text += ", in force from " + moment(r.From)
	}
	if !r.Until.IsZero() {
		text += ", until " + moment(r.Until)
	}
	return text + sourceOf(r)
}

func sourceOf(r RowChange) string {
	if r.Source == "" {
		return ""
	}
	return " [" + r.Source + "]"
}

// moment writes a moment for people.
func moment(t time.Time) string {
	t = t.UTC()
	if t.Equal(t.Truncate(24 * time.Hour)) {
		return t.Format(time.DateOnly)
	}
	return t.Format("2006-01-02 15:04 UTC")
}

// register is one of a policy's registers, seen row by row.
type register struct {
	name string
	rows []registerRow
}

type registerRow struct {
	id, source string
	validity   decision.Validity
	value      any // without where it stands
}

// registers lists all registers of a policy.
func registers(p *decision.Policy) []register {
	return []register{
		rowsOf("statement", p.Statements, func(s *decision.Statement) (string, *string, decision.Validity) { return s.ID, &s.Position, s.Validity }),
		rowsOf("controller", p.Controllers, func(c *decision.Controller) (string, *string, decision.Validity) {
			return c.ID, &c.Position, decision.Validity{}
		}),
		rowsOf("law", p.Laws, func(l *decision.Law) (string, *string, decision.Validity) {
			return l.ID + " (" + l.Title + ")", &l.Position, l.Validity
		}),
		rowsOf("clock", p.Clocks, func(c *decision.Clocks) (string, *string, decision.Validity) { return c.Law, &c.Position, c.Validity }),
		rowsOf("age", p.Ages, func(a *decision.Age) (string, *string, decision.Validity) {
			return strings.Join(a.Countries, ", "), &a.Position, decision.Validity{}
		}),
		rowsOf("region", p.Regions, func(r *decision.Region) (string, *string, decision.Validity) {
			return r.Code, &r.Position, decision.Validity{}
		}),
		rowsOf("recipient", p.Recipients, func(r *decision.Recipient) (string, *string, decision.Validity) {
			return r.ID, &r.Position, decision.Validity{}
		}),
		rowsOf("activity", p.Activities, func(a *decision.Activity) (string, *string, decision.Validity) {
			return a.ID, &a.Position, decision.Validity{}
		}),
		rowsOf("safeguard", p.Safeguards, func(s *decision.Safeguard) (string, *string, decision.Validity) { return s.ID, &s.Position, s.Validity }),
		rowsOf("assessment", p.Assessments, func(a *decision.Assessment) (string, *string, decision.Validity) {
			return a.ID, &a.Position, decision.Validity{Until: a.Until}
		}),
		{"setting", []registerRow{{id: "default statement", value: p.Statement}, {id: "unknown_law", value: string(p.UnknownLaw)}}},
	}
}

func rowsOf[T any](name string, rows []T, of func(*T) (string, *string, decision.Validity)) register {
	r := register{name: name}
	for _, value := range rows {
		id, position, validity := of(&value)
		row := registerRow{id: id, source: *position, validity: validity}
		if r.find(id) != nil { // a later row of the same
			row.id += " from " + moment(validity.From)
		}
		*position = ""
		row.value = value
		r.rows = append(r.rows, row)
	}
	return r
}

func (r *register) find(id string) *registerRow {
	if i := slices.IndexFunc(r.rows, func(x registerRow) bool { return x.id == id }); i >= 0 {
		return &r.rows[i]
	}
	return nil
}

// diffRows lists the rows that one policy has and the other has not, or has otherwise.
func diffRows(a, b *decision.Policy) []RowChange {
	list := []RowChange{}
	after := registers(b)
	for i, before := range registers(a) {
		for _, old := range before.rows {
			row := after[i].find(old.id)
			switch {
			case row == nil:
				list = append(list, rowChange(before.name, &old, "removed"))
			case !reflect.DeepEqual(row.value, old.value):
				change := rowChange(before.name, row, "changed")
				change.Fields, change.Details = differing(old.value, row.value), details(old.value, row.value)
				list = append(list, change)
			}
		}
		for _, row := range after[i].rows {
			if before.find(row.id) == nil {
				list = append(list, rowChange(before.name, &row, "added"))
			}
		}
	}
	return list
}

func rowChange(register string, row *registerRow, change string) RowChange {
	return RowChange{Register: register, ID: row.id, Change: change, Source: row.source, From: row.validity.From, Until: row.validity.Until}
}

// differing lists the fields in which two rows of one type differ.
func differing(a, b any) (fields []string) {
	x, y := reflect.ValueOf(a), reflect.ValueOf(b)
	if x.Kind() != reflect.Struct {
		return nil
	}
	for i := range x.NumField() {
		if !reflect.DeepEqual(x.Field(i).Interface(), y.Field(i).Interface()) {
			fields = append(fields, x.Type().Field(i).Name)
		}
	}
	return fields
}

// beginAndEnd lists the rows that begin or end after one moment and not after another.
func beginAndEnd(p *decision.Policy, from, to time.Time) []RowChange {
	list := []RowChange{}
	between := func(t time.Time) bool { return !t.IsZero() && t.After(from) && !t.After(to) }
	for _, r := range registers(p) {
		for i := range r.rows {
			row := &r.rows[i]
			if between(row.validity.Until) {
				list = append(list, rowChange(r.name, row, "ends"))
			}
			if between(row.validity.From) {
				list = append(list, rowChange(r.name, row, "begins"))
			}
		}
	}
	slices.SortStableFunc(list, func(a, b RowChange) int { return cmp.Or(a.moment().Compare(b.moment())) })
	return list
}

func (r *RowChange) moment() time.Time {
	if r.Change == "ends" {
		return r.Until
	}
	return r.From
}
