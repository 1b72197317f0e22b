package ledger

import (
	"bytes"
	"context"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sparkoo/transfergate/caddyplugin/command/cli"
	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/record"
)

// asked runs a query with what stands on standard input.
func asked(t *testing.T, f queryFlags, in, folder, text string) (code int, out, warned string, err error) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	f.in = func() io.Reader { return strings.NewReader(in) }
	f.warn = func() io.Writer { return &stderr }
	if f.limit == 0 {
		f.limit = -1
	}
	code, err = f.run(context.Background(), &stdout, folder, text)
	return code, stdout.String(), stderr.String(), err
}

// A person's records are found in all classes and periods by the account id and salt,
// which nothing says again.
func TestQueryPerson(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "ledger")
	const account, salt = "acct-17", "0123456789abcdef"
	at := time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC)
	for _, class := range []string{record.DefaultClass, "support"} {
		l := ledger.New(ledger.At(folder).Of(class).Path, ledger.Options{Node: "gw-1"})
		if err := l.Open(); err != nil {
			t.Fatal(err)
		}
		for i, who := range []string{account, "acct-18", account} {
			if i == 2 {
				if _, err := l.RotateKey(); err != nil {
					t.Fatal(err)
				}
			}
			e := record.Transfer{Header: record.Header{Node: "gw-1", Time: at}, Decision: record.Allowed, Activity: "serving", Subject: l.Subject(who, salt, at)}
			if _, err := l.Append(e.Append(nil)); err != nil {
				t.Fatal(err)
			}
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
	why := lookFlags{reason: "a request", reference: "DSR-1", office: "dpo"}
	for _, c := range []struct{ in, text, want string }{
		{account + "\n" + salt + "\n", "", "4 records, the newest first: about the person\n"},
		{account + "\r\n" + salt, "class:support", "2 records, the newest first: class:support about the person\n"},
		{account + "\nanother salt, the present one\n" + salt, "", "4 records, the newest first: about the person\n"}, // a former salt
		{account, "", "No record: about the person\n"},                                                                // the salt is missing
		{"acct-99\n" + salt, "", "No record: about the person\n"},
	} {
		code, out, warned, err := asked(t, queryFlags{person: true, look: why}, c.in, folder, c.text)
		if err != nil || code != cli.Fine || !strings.HasPrefix(out, c.want) || strings.Contains(out+warned, "acct-") || strings.Contains(out+warned, salt) {
			t.Errorf("%q %q: %d, %v\n%s%s", c.in, c.text, code, err, out, warned)
		}
	}
	for in, look := range map[string]lookFlags{"": why, "\n": why, account: {}, account + "\n": {reason: "a request"}, account + " ": {reason: "a request", reference: "two words"}} {
		if code, out, _, err := asked(t, queryFlags{person: true, look: look}, in, folder, ""); err == nil || code != cli.Error || out != "" || strings.Contains(err.Error(), "acct-") {
			t.Errorf("%q: %d, %v\n%s", in, code, err, out)
		}
	}
	looks := looksIn(t, folder)
	if len(looks) != 5 {
		t.Fatalf("%d looks, want 5: one of each that was answered", len(looks))
	}
	for _, look := range looks {
		if look.What != record.LookPerson || look.Because != "a request" || look.Reference != "DSR-1" || look.Office != "dpo" || !strings.HasPrefix(look.Subject, "h1:") || look.Node != "gw-1" {
			t.Errorf("%+v", look)
		}
	}
}

// Each look is an entry of the ledger, which names the person by a pseudonym alone.
func looksIn(t *testing.T, folder string) (looks []*record.Look) {
	t.Helper()
	for e, err := range ledger.At(folder).Entries(record.ID{}) {
		if err != nil {
			t.Fatal(err)
		}
		var look record.Look
		if record.IsOf(e.Data, record.TypeLook) {
			if err := look.Parse(e.Data); err != nil {
				t.Fatal(err)
			}
			looks = append(looks, &look)
		}
	}
	return looks
}

// What cannot be read ends a query with findings, in each format, and is named.
func TestQueryDamaged(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "ledger")
	l := ledger.New(folder, ledger.Options{Node: "gw-1"})
	if err := l.Open(); err != nil {
		t.Fatal(err)
	}
	good := record.Transfer{Header: record.Header{Node: "gw-1", Time: time.Now()}, Decision: record.Allowed, Activity: "serving"}
	for _, entry := range [][]byte{good.Append(nil), []byte(`{"no":"entry"`)} {
		if _, err := l.Append(entry); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	for name, f := range map[string]queryFlags{"screen": {}, "csv": {csv: true}, "json": {json: true}, "counts": {by: "activity"}, "counts as JSON": {by: "activity", json: true}} {
		for _, text := range []string{"", "activity:serving", "country:BR"} {
			code, out, warned, err := asked(t, f, "", folder, text)
			if err != nil || code != cli.Findings || !strings.Contains(out+warned, "gw-1#1.2") || !strings.Contains(out+warned, "1 entry cannot be read") {
				t.Errorf("%s %q: %d, %v\n%s%s", name, text, code, err, out, warned)
			}
		}
	}
}
