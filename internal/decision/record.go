package decision

import (
	"bytes"
	"encoding/json"
)

// The encoded forms hold their fields in the order of their keys, because that
// is the order encoding/json writes and a record's keys are sorted.

type legJSON struct {
	Exporter      string        `json:"exporter,omitempty"`
	From          string        `json:"from,omitempty"`
	Kind          LegKind       `json:"kind"`
	Laws          []verdictJSON `json:"laws,omitempty"`
	Recipient     string        `json:"recipient,omitempty"`
	RecipientKind RecipientKind `json:"recipient_kind,omitempty"`
	To            string        `json:"to,omitempty"`
}

type verdictJSON struct {
	Assessment string  `json:"assessment,omitempty"`
	Because    Because `json:"because,omitempty"`
	Instrument string  `json:"instrument,omitempty"`
	Lacks      []Lack  `json:"lacks,omitempty"`
	Law        string  `json:"law"`
	Missing    bool    `json:"missing,omitempty"`
	Nearest    string  `json:"nearest,omitempty"`
	Row        string  `json:"row,omitempty"`
	Rule       string  `json:"rule,omitempty"`
	Safeguard  string  `json:"safeguard,omitempty"`
}

// EncodeLegs writes legs as they stand in a record: JSON with sorted keys,
// without spaces, null or empty values, and without HTML escapes. A person
// handing data over has no entity and may have no country; those keys are then
// left out. A verdict is {"because","law"} when the law sees no transfer,
// {"assessment","instrument","law","row","rule","safeguard"} when a row satisfies it, and
// {"lacks","law","missing":true,"nearest"} otherwise. No legs are [].
func EncodeLegs(legs []Leg) []byte {
	encoded := make([]legJSON, len(legs))
	for i, l := range legs {
		encoded[i] = legJSON{
			Exporter: l.Exporter, From: l.From, Kind: l.Kind, Recipient: l.Recipient,
			RecipientKind: l.RecipientKind, To: l.To, Laws: encodeVerdicts(l.Laws),
		}
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(encoded); err != nil {
		// Strings and a bool always encode.
		panic("decision: encoding legs: " + err.Error())
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

func encodeVerdicts(verdicts []Verdict) []verdictJSON {
	encoded := make([]verdictJSON, len(verdicts))
	for i, v := range verdicts {
		e := verdictJSON{Law: v.Law}
		switch {
		case v.Outcome == NotATransfer:
			e.Because = v.Because
		case v.Outcome == Satisfied && v.Safeguard != nil:
			e.Safeguard, e.Instrument, e.Assessment = v.Safeguard.Tag, v.Safeguard.Instrument, v.Safeguard.Assessment
			if e.Row = v.Safeguard.ID; v.Rule != nil {
				e.Rule = v.Rule.ID
			}
		default:
			e.Missing, e.Lacks = true, v.Lacks
			if v.Nearest != nil {
				e.Nearest = v.Nearest.ID
			}
		}
		encoded[i] = e
	}
	return encoded
}
