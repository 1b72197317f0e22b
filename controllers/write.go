package controllers

import (
	"encoding/json"
	"maps"
	"slices"
	"time"

	"github.com/sparkoo/transfergate/internal/decision"
)

// AppendAccount appends a record as the JSON object that [ReadAccounts] reads as a,
// without a line's end. An invalid country is written as one that is none either.
func AppendAccount(b []byte, a *Account) []byte {
	b = appendText(append(b, `{"account":`...), a.ID)
	code := a.Country
	if a.Invalid {
		code = "?"
	}
	b = appendMember(b, "country", code)
	b = appendMember(b, "contracting_party", a.Controller)
	if p := a.Party; p != nil {
		b = appendText(append(b, `,"contracting_party":{"name":`...), p.Name)
		b = appendMember(b, "address", p.Address)
		b = append(appendMember(b, "country", p.Country), '}')
	}
	b = appendMember(b, "born", a.Born.String())
	b = appendMember(b, "salt", a.Salt)
	if a.Choices != nil {
		b = appendChoices(b, a.Choices)
	}
	if len(a.References) > 0 {
		b = appendReferences(append(b, `,"references":`...), a.References)
	}
	return append(b, '}')
}

func appendReferences(b []byte, references map[string]decision.Reference) []byte {
	for i, activity := range slices.Sorted(maps.Keys(references)) {
		b = append(b, "{,"[min(i, 1)])
		b = appendText(append(appendText(b, activity), ':'), references[activity].String())
	}
	return append(b, '}')
}

func appendChoices(b []byte, c *Choices) []byte {
	for _, flag := range []struct {
		key string
		set bool
	}{{"restricted", c.Restricted}, {"closed", c.Closed}, {"minor", c.Minor}, {"guardian", c.Guardian}} {
		if flag.set {
			b = append(append(append(b, `,"`...), flag.key...), `":true`...)
		}
	}
	b = appendList(b, "objections", c.Purposes, c.Recipients)
	b = appendList(b, "disabled", c.Disabled)
	switch {
	case c.Withdrawn:
		b = append(b, `,"withdrawn":true`...)
	case !c.ConsentUntil.IsZero():
		b = appendMember(b, "withdrawn", c.ConsentUntil.Format(time.RFC3339Nano))
	}
	return b
}

// appendMember appends a further member of an object; none for an empty value.
func appendMember(b []byte, key, value string) []byte {
	if value == "" {
		return b
	}
	return appendText(append(append(append(b, `,"`...), key...), `":`...), value)
}

// appendList appends a further member that lists all items; none if there are none.
func appendList(b []byte, key string, lists ...[]string) []byte {
	n := 0
	for _, list := range lists {
		for _, item := range list {
			if n == 0 {
				b = append(append(append(b, `,"`...), key...), `":[`...)
			} else {
				b = append(b, ',')
			}
			b = appendText(b, item)
			n++
		}
	}
	if n > 0 {
		b = append(b, ']')
	}
	return b
}

// appendText appends a JSON string.
func appendText(b []byte, s string) []byte {
	text, err := json.Marshal(s)
	if err != nil { // a string always has a form
		panic(err)
	}
	return append(b, text...)
}
