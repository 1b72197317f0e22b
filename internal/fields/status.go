package fields

import "github.com/dunglas/httpsfv"

// Status is what Transfer-Status tells a caller of a named network: what was
// decided about the request, and where that is recorded.
type Status struct {
	Outcome  string // allowed, denied or failed, the item's token
	Reason   string // code of a denial or failure
	Law      string // the law without a safeguard
	Activity string
	Region   string // code of the region that answered
	Record   string // number of the record, node#epoch.index
	Enforced bool   // false if the request passed although it was denied
}

// String is the field's value, an item of RFC 9651:
//
//	denied;reason=no_safeguard;law=br;activity=support;record="gw-sg-1#1.42"
//
// What cannot be rendered is left out; it is empty without an outcome.
func (s Status) String() string {
	if s.Outcome == "" {
		return ""
	}
	item := httpsfv.NewItem(httpsfv.Token(s.Outcome))
	for _, p := range []struct{ name, value string }{{"reason", s.Reason}, {"law", s.Law}, {"activity", s.Activity}, {"region", s.Region}} {
		if _, err := Token(p.value); err == nil && p.value != "" {
			item.Params.Add(p.name, httpsfv.Token(p.value))
		}
	}
	if s.Record != "" && isPrintable(s.Record) {
		item.Params.Add("record", s.Record)
	}
	if !s.Enforced && s.Outcome == "allowed" {
		item.Params.Add("enforced", false)
	}
	value, err := httpsfv.Marshal(item)
	if err != nil {
		return ""
	}
	return value
}
