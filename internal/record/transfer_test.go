package record_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/sparkoo/transfergate/internal/record"
)

// usualRecord is a record as a support request from Brazil makes one.
func usualRecord() record.Transfer {
	return record.Transfer{
		Header: record.Header{Type: record.TypeAccepted, Time: time.Date(2026, 3, 1, 12, 30, 45, 123456789, time.UTC), Node: "gw-sg-1"},
		Site:   "developer.example.com", Activity: "support", Statement: "2023-11-21",
		Policy:     "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
		Controller: "sparkoo-br", Basis: "account-center", Country: "BR", CountrySource: "jwt", Origin: "BR", Requester: "self",
		Legs: []byte(`[{"exporter":"sparkoo-sg","from":"SG","kind":"onward","laws":[{"instrument":"scc-2024","law":"br","safeguard":"br-lgpd-art33-iib-scc"},` +
			`{"instrument":"pdpa-contract","law":"sg","safeguard":"sg-pdpa-s26-contract"}],"recipient":"huawei-cloud-cn","recipient_kind":"4c","to":"CN"}]`),
		Region: "cn-north-4", Recipient: "huawei-cloud-cn", Purposes: []string{"2b", "2c"}, Categories: []string{"1a", "1h"},
		LegalBasis: "2-basis(a)", Withheld: []string{"authorization", "client-address", "cookies", "referer", "user-agent"},
		Subject: "h1:1:AAECAwQFBgcICQoLDA0ODw", Method: "POST", Bytes: 2048, Decision: "allowed", Enforced: true,
	}
}

// sorted re-encodes JSON through encoding/json, which sorts members, as an
// independent oracle of the order.
func sorted(t interface{ Fatalf(string, ...any) }, data []byte) []byte {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var v map[string]any
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%v in %q", err, data)
	}
	var buf bytes.Buffer
	e := json.NewEncoder(&buf)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		t.Fatalf("%v", err)
	}
	// encoding/json escapes these two although JSON and RFC 8785 do not ask for it.
	text := strings.NewReplacer(`\u2028`, "\u2028", `\u2029`, "\u2029").Replace(buf.String())
	return []byte(strings.TrimSuffix(text, "\n"))
}

func TestRecord(t *testing.T) {
	rec := usualRecord()
	rec.ID = [16]byte{0x01, 0x9c, 0xa9, 0x3e, 0, 1, 0x70, 3, 0x80, 5, 6, 7, 8, 9, 10, 11}
	rec.Salt = [16]byte{0xfb, 0xff}
	got := rec.Append([]byte("before"))
	// Written from ledger.md §7 and §8 by hand.
	want := `before{"activity":"support","basis":"account-center","bytes":2048,"categories":["1a","1h"],"controller":"sparkoo-br",` +
		`"country":"BR","country_source":"jwt","decision":"allowed","enforced":true,"id":"019ca93e-0001-7003-8005-060708090a0b",` +
		`"legal_basis":"2-basis(a)","legs":` + string(rec.Legs) + `,"method":"POST","node":"gw-sg-1","origin":"BR",` +
		`"policy":"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08","purposes":["2b","2c"],"recipient":"huawei-cloud-cn",` +
		`"region":"cn-north-4","requester":"self","salt":"-_8AAAAAAAAAAAAAAAAAAA","site":"developer.example.com","statement":"2023-11-21",` +
		`"subject":"h1:1:AAECAwQFBgcICQoLDA0ODw","time":"2026-03-01T12:30:45.123456Z","type":"transfer.accepted","v":"xfer/2",` +
		`"withheld":["authorization","client-address","cookies","referer","user-agent"]}`
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if len(got) > 4096 {
		t.Errorf("%d bytes, a usual record is to stay below 4096", len(got))
	}
}

// Every field set makes every member, in order.
func TestRecordHasEveryMemberInOrder(t *testing.T) {
	rec := fullRecord("x")
	got := rec.Append(nil)
	if want := sorted(t, got); !bytes.Equal(got, want) {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(got, &members); err != nil {
		t.Fatal(err)
	}
	// The list of ledger.md §8, law, conflicts and controller_name, and what a member of
	// staff accounts for (§5(f)).
	for name := range strings.FieldsSeq(`v type id time node site activity statement policy controller basis country country_source
		origin requester legs region recipient purposes categories legal_basis reference withheld subject method route bytes decision
		enforced reason cause clause retain_until demo trace salt law conflicts controller_name staff ticket access_reason approval destination mode controller_country`) {
		if _, ok := members[name]; !ok {
			t.Errorf("no member %s", name)
		}
		delete(members, name)
	}
	for name := range members {
		t.Errorf("unexpected member %s", name)
	}
}

// fullRecord has every field set.
func fullRecord(s string) record.Transfer {
	rec := record.Transfer{Header: record.Header{Type: s, Node: s, Time: time.Unix(1, 0)}, Legs: []byte(`[]`), Demo: true, Bytes: 1}
	v := reflect.ValueOf(&rec).Elem()
	for _, field := range v.Fields() {
		switch f := field.Addr().Interface().(type) {
		case *string:
			*f = s
		case *[]string:
			*f = []string{s, s}
		}
	}
	return rec
}

func TestZeroRecord(t *testing.T) {
	rec := record.Transfer{Bytes: -1}
	got := string(rec.Append(nil))
	if strings.Contains(got, "null") || strings.Contains(got, `""`) || strings.Contains(got, "bytes") {
		t.Errorf("absent fields are to be left out: %s", got)
	}
	if !strings.Contains(got, `"enforced":false`) || !strings.Contains(got, `"time":"0001-01-01T00:00:00.000000Z"`) {
		t.Errorf("got %s", got)
	}
}

// A record is stamped once, with a UUIDv7 of its time (RFC 9562 §5.7).
func TestRecordStamp(t *testing.T) {
	rec := record.Transfer{Header: record.Header{Time: time.UnixMilli(0x017F22E279B0)}} // the example of RFC 9562 A.6
	first := string(rec.Append(nil))
	if second := string(rec.Append(nil)); second != first {
		t.Errorf("encoded twice: %s and %s", first, second)
	}
	var v struct{ ID, Salt string }
	if err := json.Unmarshal([]byte(first), &v); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(v.ID, "017f22e2-79b0-7") || !strings.ContainsAny(v.ID[19:20], "89ab") || len(v.ID) != 36 {
		t.Errorf("id %s", v.ID)
	}
	if len(v.Salt) != 22 {
		t.Errorf("salt %s", v.Salt)
	}
	other := record.Transfer{Header: record.Header{Time: rec.Time}}
	other.Append(nil)
	if other.ID == rec.ID || other.Salt == rec.Salt {
		t.Error("two records share id or salt")
	}
}

func TestRecordTimeIsUTC(t *testing.T) {
	rec := record.Transfer{Header: record.Header{Time: time.Date(2026, 12, 1, 0, 0, 0, 1000, time.FixedZone("", -3*3600))}}
	if got := string(rec.Append(nil)); !strings.Contains(got, `"time":"2026-12-01T03:00:00.000001Z"`) {
		t.Errorf("got %s", got)
	}
}

func TestRecordNumbersStayBelow2To53(t *testing.T) {
	rec := record.Transfer{Bytes: 1 << 60}
	if got := string(rec.Append(nil)); !strings.Contains(got, `"bytes":9007199254740991,`) {
		t.Errorf("got %s", got)
	}
}

// The strings of RFC 8785 §3.2.2.2 and what is no UTF-8.
func TestStrings(t *testing.T) {
	tests := []struct{ in, want string }{
		{"", `""`},
		{"\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"/", `"€$\u000f\nA'B\"\\\\\"/"`}, // the RFC's own example
		{"\b\t\n\f\r\x00\x1f\x7f", "\"\\b\\t\\n\\f\\r\\u0000\\u001f\x7f\""},
		{"<>&", `"<>&"`},
		{"\u2028\u2029", "\"\u2028\u2029\""},
		{"São Paulo, Perú, Edifício", `"São Paulo, Perú, Edifício"`},
		{"a\xffb", "\"a\uFFFDb\""},
		{"\xc3", "\"\uFFFD\""},
		{"\xed\xa0\x80", "\"\uFFFD\uFFFD\uFFFD\""}, // a lone surrogate
		{"\uFFFD", "\"\uFFFD\""},
		{"😂", `"😂"`},
	}
	for _, test := range tests {
		if got := string(record.AppendString(nil, test.in)); got != test.want {
			t.Errorf("%q: got %s, want %s", test.in, got, test.want)
		}
	}
}

// checkString holds an encoded string against encoding/json.
func checkString(t interface {
	Fatalf(string, ...any)
}, s string) {
	enc := record.AppendString(nil, s)
	var back string
	if err := json.Unmarshal(enc, &back); err != nil {
		t.Fatalf("%q gives %s: %v", s, enc, err)
	}
	if want := string([]rune(s)); back != want || !utf8.Valid(enc) { // []rune replaces as Go does everywhere
		t.Fatalf("%q comes back as %q", s, back)
	}
}

func FuzzRecord(f *testing.F) {
	f.Add("a", "b", int64(1))
	f.Add("\xff\"\\\x00", "\u2028<é", int64(-1))
	f.Fuzz(func(t *testing.T, a, b string, n int64) {
		checkString(t, a)
		checkString(t, b)
		rec := fullRecord(a)
		rec.Subject, rec.Withheld, rec.Bytes = b, []string{b, a}, n
		got := rec.Append(nil)
		if want := sorted(t, got); !bytes.Equal(got, want) {
			t.Fatalf("got  %s\nwant %s", got, want)
		}
	})
}

func TestRecordProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var rec record.Transfer
		v := reflect.ValueOf(&rec).Elem()
		for _, field := range v.Fields() {
			switch f := field.Addr().Interface().(type) {
			case *string:
				*f = rapid.String().Draw(t, "text")
			case *[]string:
				*f = rapid.SliceOfN(rapid.String(), 0, 3).Draw(t, "list")
			case *bool:
				*f = rapid.Bool().Draw(t, "truth")
			}
		}
		got := rec.Append(nil)
		if want := sorted(t, got); !bytes.Equal(got, want) {
			t.Fatalf("got  %s\nwant %s", got, want)
		}
	})
}
