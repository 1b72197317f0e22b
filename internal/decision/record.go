package decision

import (
	"bytes"
	"encoding/json"
	"unicode/utf8"
)

// EncodeLegs writes legs as they stand in a record: JSON with sorted keys,
// without spaces, null or empty values, and without HTML escapes. A person
// handing data over has no entity and may have no country; those keys are then
// left out. A verdict is {"because","law"} when the law sees no transfer,
// {"assessment","instrument","law","row","rule","safeguard"} when a row satisfies it, and
// {"lacks","law","missing":true,"nearest"} otherwise. No legs are [].
//
// It is written by hand because a table has many thousands of them; a test holds it
// against encoding/json.
func EncodeLegs(legs []Leg) []byte {
	var room [2048]byte
	dst := append(room[:0], '[')
	for i := range legs {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendLeg(dst, &legs[i])
	}
	return bytes.Clone(append(dst, ']'))
}

func appendLeg(dst []byte, l *Leg) []byte {
	dst = append(dst, '{')
	dst = appendMember(dst, "exporter", l.Exporter)
	dst = appendMember(dst, "from", l.From)
	dst = appendText(appendKey(dst, "kind"), string(l.Kind))
	if len(l.Laws) > 0 {
		dst = append(appendKey(dst, "laws"), '[')
		for i := range l.Laws {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = appendVerdict(dst, &l.Laws[i])
		}
		dst = append(dst, ']')
	}
	dst = appendMember(dst, "recipient", l.Recipient)
	dst = appendMember(dst, "recipient_kind", string(l.RecipientKind))
	dst = appendMember(dst, "to", l.To)
	return append(dst, '}')
}

func appendVerdict(dst []byte, v *Verdict) []byte {
	dst = append(dst, '{')
	switch {
	case v.Outcome == NotATransfer:
		dst = appendMember(dst, "because", string(v.Because))
		dst = appendText(appendKey(dst, "law"), v.Law)
	case v.Outcome == Satisfied && v.Safeguard != nil:
		dst = appendMember(dst, "assessment", v.Safeguard.Assessment)
		dst = appendMember(dst, "instrument", v.Safeguard.Instrument)
		dst = appendText(appendKey(dst, "law"), v.Law)
		dst = appendMember(dst, "row", v.Safeguard.ID)
		if v.Rule != nil {
			dst = appendMember(dst, "rule", v.Rule.ID)
		}
		dst = appendMember(dst, "safeguard", v.Safeguard.Tag)
	default:
		dst = appendLacks(dst, v.Lacks)
		dst = appendText(appendKey(dst, "law"), v.Law)
		dst = append(appendKey(dst, "missing"), "true"...)
		if v.Nearest != nil {
			dst = appendMember(dst, "nearest", v.Nearest.ID)
		}
	}
	return append(dst, '}')
}

func appendLacks(dst []byte, lacks []Lack) []byte {
	if len(lacks) == 0 {
		return dst
	}
	dst = append(appendKey(dst, "lacks"), '[')
	for i, l := range lacks {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendText(dst, string(l))
	}
	return append(dst, ']')
}

// appendKey begins a member of an object.
func appendKey(dst []byte, key string) []byte {
	if dst[len(dst)-1] != '{' {
		dst = append(dst, ',')
	}
	dst = append(dst, '"')
	dst = append(dst, key...)
	return append(dst, '"', ':')
}

// appendMember writes a member, and leaves out one that is empty.
func appendMember(dst []byte, key, value string) []byte {
	if value == "" {
		return dst
	}
	return appendText(appendKey(dst, key), value)
}

// appendText writes a string. One that JSON escapes, or might, is left to encoding/json.
func appendText(dst []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' || c >= utf8.RuneSelf {
			return appendEscaped(dst, s)
		}
	}
	dst = append(dst, '"')
	dst = append(dst, s...)
	return append(dst, '"')
}

func appendEscaped(dst []byte, s string) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil {
		panic("decision: encoding a string: " + err.Error()) // strings always encode
	}
	return append(dst, bytes.TrimSuffix(b.Bytes(), []byte("\n"))...)
}
