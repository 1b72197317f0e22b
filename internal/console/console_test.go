package console_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"html"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sparkoo/transfergate/config"
	"github.com/sparkoo/transfergate/internal/console"
	"github.com/sparkoo/transfergate/internal/console/consoletest"
	"github.com/sparkoo/transfergate/internal/decision"
	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/query"
	"github.com/sparkoo/transfergate/internal/query/scan"
	"github.com/sparkoo/transfergate/internal/record"
	"github.com/sparkoo/transfergate/internal/report"
)

var now = time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)

var filled = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "console")
	if err != nil {
		return "", err
	}
	folder := filepath.Join(dir, "ledger")
	return folder, consoletest.Fill(folder, records, 6*time.Hour, now)
})

// records is how many transfers and denials the ledger of the tests has.
const records = 130

func TestMain(m *testing.M) {
	code := m.Run()
	if folder, err := filled(); err == nil {
		os.RemoveAll(filepath.Dir(folder))
	}
	os.Exit(code)
}

// pages is a console over a ledger that several tests read.
func pages(t *testing.T) *console.Console {
	t.Helper()
	folder, err := filled()
	if err != nil {
		t.Fatal(err)
	}
	return over(t, folder)
}

func over(t *testing.T, folder string) *console.Console {
	t.Helper()
	policy, err := config.Default()
	if err != nil {
		t.Fatal(err)
	}
	dir := ledger.At(folder)
	return console.New(console.Options{
		Node: consoletest.Node, Dir: dir, Source: scan.Of(dir), Policy: func() *decision.Policy { return policy },
		Record: func(who string, look report.Look) (string, error) {
			if who == "" || look.Because == "broken" {
				return "", errors.New("the ledger is broken")
			}
			looks = append(looks, look)
			return "gw-sg-1#9.9", look.Check()
		},
		Subjects: func(account, salt string) ([]string, string, error) {
			return []string{"h1:2026-11:" + account + salt}, "h1:2026-11:0123456789012345678901", nil
		},
		Example:  func() string { return "" },
		InForce:  func() console.InForce { return console.InForce{Source: "embedded", Loaded: now} },
		Standing: func() []console.Notice { return nil }, Now: func() time.Time { return now }, Logger: slog.New(slog.DiscardHandler),
	})
}

// looks are those that consoles recorded.
var looks []report.Look

// get asks for a page, as somebody of a role.
func get(c *console.Console, address string, role console.Role) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodGet, "http://console.test/"+address, nil)
	c.Serve(w, r, strings.TrimPrefix(r.URL.Path, "/"), console.Visitor{Name: "ana", Role: role})
	return w
}

// post sends a form.
func post(c *console.Console, address string, role console.Role, form url.Values, fields ...string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodPost, "http://console.test/"+address, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for i := 0; i < len(fields); i += 2 {
		r.Header.Set(fields[i], fields[i+1])
	}
	c.Serve(w, r, strings.TrimPrefix(r.URL.Path, "/"), console.Visitor{Name: "ana", Role: role})
	return w
}

// access is who may read each page, and who may give orders there: what viewers,
// reviewers and officers are for. Nobody gives orders where the last is Nobody.
var access = []struct {
	path, query   string
	reads, orders console.Role
	form          url.Values
}{
	{"", "", console.Viewer, console.Nobody, nil},
	{"overview", "", console.Viewer, console.Nobody, nil},
	{"transfers", "", console.Viewer, console.Nobody, nil},
	{"record", "?n=gw-sg-1%232.9", console.Viewer, console.Nobody, nil},
	{"safeguards", "", console.Viewer, console.Nobody, nil},
	{"policy", "", console.Viewer, console.Nobody, nil},
	{"coverage", "", console.Viewer, console.Nobody, nil},
	{"keys", "", console.Viewer, console.Nobody, nil},
	{"start", "", console.Viewer, console.Viewer, url.Values{"try": {"5"}}},
	{"reports", "", console.Reviewer, console.Nobody, nil},
	{"report", "?kind=completeness&from=2026-11-01&to=2026-11-30", console.Reviewer, console.Nobody, nil},
	{"export", "", console.Reviewer, console.Reviewer, url.Values{"reason": {"case 7"}, "format": {"csv"}}},
	{"person", "", console.Officer, console.Officer, url.Values{"account": {"acct-4711"}, "reason": {"request for access"}, "reference": {"DSR-7"}}},
}

// Each role sees the pages it is for and gives the orders it is for, and nobody else does;
// no order comes from elsewhere, whoever gives it. Every page there is is tried.
func TestRoles(t *testing.T) {
	gateway := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(gateway.Close)
	c := pages(t)
	c.Demo, c.Example = true, func() string { return gateway.URL + "/" }
	var tried []string
	for _, a := range access {
		tried = append(tried, a.path)
		for role := console.Nobody; role <= console.Officer; role++ {
			reads, orders := http.StatusOK, http.StatusOK
			if role < a.reads {
				reads = http.StatusForbidden
			}
			switch {
			case role == console.Nobody:
				orders = http.StatusForbidden
			case a.orders == console.Nobody:
				orders = http.StatusMethodNotAllowed
			case role < a.orders:
				orders = http.StatusForbidden
			}
			if w := get(c, a.path+a.query, role); w.Code != reads {
				t.Errorf("%q as %s: %d, want %d", a.path, role, w.Code, reads)
			}
			before := len(looks)
			if w := post(c, a.path, role, a.form, "Sec-Fetch-Site", "same-origin"); w.Code != orders {
				t.Errorf("an order to %q as %s: %d, want %d", a.path, role, w.Code, orders)
			}
			if orders != http.StatusOK && len(looks) != before {
				t.Errorf("an order to %q as %s is recorded, and was not to be obeyed", a.path, role)
			}
			before = len(looks)
			for _, forged := range [][]string{{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}, {"Origin", "https://evil.test"}, {"Origin", "null"}} {
				if w := post(c, a.path, role, a.form, forged...); w.Code != http.StatusForbidden && w.Code != http.StatusMethodNotAllowed || len(looks) != before {
					t.Errorf("an order to %q from elsewhere %q as %s: %d", a.path, forged, role, w.Code)
				}
			}
		}
	}
	all := console.Paths()
	slices.Sort(all)
	if slices.Sort(tried); !slices.Equal(tried, all) {
		t.Errorf("tried are %q, there are %q", tried, all)
	}
	if w := get(c, "transfers", console.Nobody); !strings.Contains(w.Body.String(), "transfer_console {") || strings.Contains(w.Body.String(), "gw-sg-1#") {
		t.Errorf("nobody is shown\n%s", w.Body)
	}
	if w := get(c, "nothing", console.Officer); w.Code != http.StatusNotFound {
		t.Errorf("an unknown page: %d", w.Code)
	}
}

// Whose a record is, and the record as it stands, is for reviewers.
func TestViewersSeeNoPerson(t *testing.T) {
	c := pages(t)
	pseudonym := regexp.MustCompile(`h1:[0-9a-z-]+:[A-Za-z0-9_-]{22}`)
	first := regexp.MustCompile(`href="(record\?n=[^"]+)"`).FindStringSubmatch(get(c, "transfers?q=subject:*", console.Viewer).Body.String())
	if first == nil {
		t.Fatal("no record has a subject")
	}
	for _, page := range []string{first[1], "transfers?columns=time,subject"} {
		for role, want := range map[console.Role]bool{console.Viewer: false, console.Reviewer: true} {
			if got := pseudonym.MatchString(get(c, page, role).Body.String()); got != want {
				t.Errorf("%s as %s: a pseudonym is shown: %v", page, role, got)
			}
		}
	}
}

// Orders come from the console's own pages alone, and pages that take none take no other method.
func TestForgedOrder(t *testing.T) {
	c := pages(t)
	form := url.Values{"reason": {"case 7"}, "format": {"csv"}}
	for _, tt := range []struct {
		page   string
		role   console.Role
		fields []string
		want   int
	}{
		{"export", console.Reviewer, []string{"Sec-Fetch-Site", "same-origin"}, http.StatusOK},
		{"export", console.Reviewer, []string{"Sec-Fetch-Site", "cross-site"}, http.StatusForbidden},
		{"export", console.Reviewer, []string{"Sec-Fetch-Site", "same-site"}, http.StatusForbidden},
		{"export", console.Reviewer, []string{"Origin", "https://evil.test"}, http.StatusForbidden},
		{"export", console.Viewer, []string{"Sec-Fetch-Site", "same-origin"}, http.StatusForbidden},
		{"export", console.Nobody, []string{"Sec-Fetch-Site", "same-origin"}, http.StatusForbidden},
		{"person", console.Reviewer, []string{"Sec-Fetch-Site", "same-origin"}, http.StatusForbidden},
		{"person", console.Officer, []string{"Sec-Fetch-Site", "cross-site"}, http.StatusForbidden},
		{"transfers", console.Officer, []string{"Sec-Fetch-Site", "same-origin"}, http.StatusMethodNotAllowed},
	} {
		if w := post(c, tt.page, tt.role, form, tt.fields...); w.Code != tt.want {
			t.Errorf("%s as %s with %q: %d, want %d", tt.page, tt.role, tt.fields, w.Code, tt.want)
		}
	}
	if w := post(c, "export", console.Reviewer, url.Values{"format": {"csv"}}, "Sec-Fetch-Site", "same-origin"); w.Code != http.StatusBadRequest || w.Header().Get("Content-Disposition") != "" {
		t.Errorf("without a reason: %d, %v", w.Code, w.Header())
	}
}

// A look at a person, and an export, are recorded before anything is handed out, or they
// are not handed out. What is asked for in a wrong way is neither.
func TestLooksAreRecorded(t *testing.T) {
	c := pages(t)
	looks = nil
	good := url.Values{"account": {"acct-4711"}, "reason": {"request for access"}, "reference": {"DSR-7"}}
	w := post(c, "person", console.Officer, good)
	if w.Code != http.StatusOK || len(looks) != 1 || looks[0].What != record.LookPerson || looks[0].Reference != "DSR-7" || strings.Contains(looks[0].Query, "4711") {
		t.Fatalf("%d, %+v", w.Code, looks)
	}
	if body := w.Body.String(); !strings.Contains(body, "gw-sg-1#9.9") || strings.Contains(body, "acct-4711") {
		t.Errorf("the answer does not name its look, or it names the account:\n%s", body)
	}
	if w := post(c, "export", console.Reviewer, url.Values{"q": {"country:BR"}, "reason": {"case"}, "format": {"csv"}}); w.Code != http.StatusOK || len(looks) != 2 ||
		looks[1].What != record.LookExport || looks[1].Query != "country:BR" || looks[1].Form != "csv" || looks[1].Records == 0 {
		t.Fatalf("%d, %+v", w.Code, looks)
	}
	for name, change := range map[string][]string{"no account": {"account", ""}, "no reason": {"reason", ""}, "no reference": {"reference", ""}, "a person as the reference": {"reference", "Ana Silva"}, "no day": {"received", "yesterday"}} {
		form := url.Values{"account": {"acct-4711"}, "reason": {"request for access"}, "reference": {"DSR-7"}}
		form.Set(change[0], change[1])
		if w := post(c, "person", console.Officer, form); w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), `role="alert"`) || strings.Contains(w.Body.String(), "acct-4711") {
			t.Errorf("%s: %d", name, w.Code)
		}
	}
	good.Set("reason", "broken")
	if w := post(c, "person", console.Officer, good); w.Code != http.StatusServiceUnavailable || strings.Contains(w.Body.String(), "Recipients") {
		t.Errorf("a look that cannot be recorded: %d\n%s", w.Code, w.Body)
	}
	if w := post(c, "export", console.Reviewer, url.Values{"reason": {"broken"}, "format": {"csv"}}); w.Code != http.StatusServiceUnavailable || w.Header().Get("Content-Disposition") != "" {
		t.Errorf("an export that cannot be recorded: %d", w.Code)
	}
	if len(looks) != 2 {
		t.Errorf("recorded: %+v", looks)
	}
}

// What a page counts, what its table has over all pages, what it exports and what the
// command line writes are the same rows.
func TestParity(t *testing.T) {
	c := pages(t)
	folder, err := filled()
	if err != nil {
		t.Fatal(err)
	}
	number := regexp.MustCompile(`<th scope="row"><a href="record\?n=[^"]*">(gw-sg-1#[0-9.]+)</a></th><td data-name`)
	total := regexp.MustCompile(`<strong>([0-9,]+) records?</strong>`)
	next := regexp.MustCompile(`rel="next" href="([^"]+)"`)
	for _, text := range []string{"", "country:BR", "outcome:denied", "-activity:storage recipient:huawei-*", "at:2026-11", "reason:none outcome:complete"} {
		q, err := query.Parse(text, now)
		if err != nil {
			t.Fatal(err)
		}
		source := scan.Of(ledger.At(folder))
		newest, err := source.Newest(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		files := map[query.Format]*bytes.Buffer{query.CSV: new(bytes.Buffer), query.JSON: new(bytes.Buffer)}
		var want []string
		for f, file := range files {
			w, err := query.NewWriter(file, f, q.Columns(f))
			if err != nil {
				t.Fatal(err)
			}
			want = nil
			for row, err := range source.Rows(context.Background(), q, newest) {
				if err != nil {
					t.Fatal(err)
				}
				want = append(want, row.Name.String())
				if err := w.Row(&row); err != nil {
					t.Fatal(err)
				}
			}
			if got := post(c, "export", console.Reviewer, url.Values{"q": {text}, "reason": {"case 7"}, "format": {string(f)}}); got.Body.String() != file.String() {
				t.Errorf("%q: the export as %s differs from the command line's", text, f)
			}
		}
		if rows, err := csv.NewReader(files[query.CSV]).ReadAll(); err != nil || len(rows)-1 != len(want) {
			t.Errorf("%q: a reader of CSV sees %d rows, %v", text, len(rows)-1, err)
		}
		var got []string
		address := "transfers?q=" + url.QueryEscape(text)
		for address != "" {
			body := get(c, address, console.Viewer).Body.String()
			for _, m := range number.FindAllStringSubmatch(body, -1) {
				got = append(got, m[1])
			}
			if m := total.FindStringSubmatch(body); m == nil || m[1] != strconv.Itoa(len(want)) {
				t.Errorf("%q: %q counts %v, want %d", text, address, m, len(want))
			}
			m := next.FindStringSubmatch(body)
			if address = ""; m != nil {
				address = html.UnescapeString(m[1])
			}
		}
		if strings.Join(got, " ") != strings.Join(want, " ") {
			t.Errorf("%q: the table has %d rows\n%s\nwant %d\n%s", text, len(got), got, len(want), want)
		}
	}
}

// A query that cannot be read, or that names what no record has, is shown where it is
// wrong, and never as an empty table.
func TestWrongQuery(t *testing.T) {
	c := pages(t)
	for text, want := range map[string]string{
		"contry:BR":           "<mark>contry</mark>:BR",
		"recipient:huawei-cn": "<mark>recipient:huawei-cn</mark>",
		"at:yesterday":        "<mark>yesterday</mark>",
	} {
		w := get(c, "transfers?q="+url.QueryEscape(text), console.Viewer)
		if w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), want) || strings.Contains(w.Body.String(), "<tbody>\n<tr><th scope=\"row\"><a href=\"record") {
			t.Errorf("%s: %d\n%s", text, w.Code, w.Body)
		}
	}
	for _, address := range []string{"transfers?frozen=x", "transfers?after=default:1", "transfers?columns=nothing", "export?frozen=1.1"} {
		if w := get(c, address, console.Officer); w.Code != http.StatusBadRequest {
			t.Errorf("%s: %d", address, w.Code)
		}
	}
	if w := get(c, "record?n=gw-sg-1%231.99999", console.Viewer); w.Code != http.StatusNotFound {
		t.Errorf("a record that is not there: %d", w.Code)
	}
}

// Every page's links and forms stay under whatever prefix it stands, and it asks for nothing
// from elsewhere.
func TestAddressesAreRelative(t *testing.T) {
	c := pages(t)
	address := regexp.MustCompile(`(?:href|action|src|formaction)="([^"]*)"`)
	for _, page := range []string{"transfers", "transfers?q=country:BR", "record?n=gw-sg-1%232.9", "record", "export", "nothing", "", "overview", "safeguards", "policy", "reports", "person"} {
		w := get(c, page, console.Officer)
		if w.Header().Get("Content-Security-Policy") == "" || w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %v", page, w.Header())
		}
		for _, m := range address.FindAllStringSubmatch(w.Body.String(), -1) {
			u, err := url.Parse(m[1])
			if err != nil || u.IsAbs() || u.Host != "" || strings.Contains(strings.TrimPrefix(u.Path, "./"), "/") || strings.Contains(m[1], "ZgotmplZ") {
				t.Errorf("%s leads to %q", page, m[1])
			}
		}
		if strings.Contains(w.Body.String(), "style=") || strings.Contains(w.Body.String(), "<script") {
			t.Errorf("%s has what its policy forbids", page)
		}
	}
	body := get(c, "transfers", console.Viewer).Body.String()
	name := regexp.MustCompile(`rel="stylesheet" href="([^"]+)"`).FindStringSubmatch(body)[1]
	if w := get(c, name, console.Nobody); w.Code != http.StatusOK || w.Body.Len() == 0 || w.Body.Len() > 24<<10 {
		t.Errorf("the style: %d, %d bytes", w.Code, w.Body.Len())
	}
}

// A page stays small, however many keys there are to list.
func TestNoPageIsHuge(t *testing.T) {
	c := pages(t)
	for _, page := range []string{"transfers", "record?n=gw-sg-1%232.9", "", "overview", "safeguards", "policy"} {
		w := get(c, page, console.Officer)
		body, err := io.ReadAll(w.Body)
		if err != nil || len(body) > 100<<10 {
			t.Errorf("%s: %d bytes, %v", page, len(body), err)
		}
	}
}
