package console_test

import (
	"context"
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/sparkoo/transfergate/config"
	"github.com/sparkoo/transfergate/internal/console"
	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/query"
	"github.com/sparkoo/transfergate/internal/query/scan"
)

// howMany counts the records that an address of the page of transfers asks for, by the
// ledger alone.
func howMany(t *testing.T, address string) uint64 {
	t.Helper()
	folder, err := filled()
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(html.UnescapeString(address))
	if err != nil || u.Path != "transfers" {
		t.Fatalf("%q leads to no transfers: %v", address, err)
	}
	q, err := query.Parse(u.Query().Get("q"), now)
	if err != nil {
		t.Fatalf("%q: %v", address, err)
	}
	source := scan.Of(ledger.At(folder))
	newest, err := source.Newest(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	counts, err := source.Counts(context.Background(), q, newest, query.Grouping{})
	if err != nil {
		t.Fatal(err)
	}
	return counts.Total.Rows
}

// Whatever number a page shows beside a link, the link leads to so many records.
func TestNumbersLeadToTheirRecords(t *testing.T) {
	c := pages(t)
	for page, number := range map[string]*regexp.Regexp{
		// A row of a table: the address, then the number of the last days.
		"":         regexp.MustCompile(`<tr><th scope="row"><a class="cell" href="(transfers\?[^"]*)">.*?<td class="n">([0-9,]+)</td>`),
		"overview": regexp.MustCompile(`<tr><th scope="row"><a class="cell" href="(transfers\?[^"]*)">.*?<td class="n">([0-9,]+)</td>`),
		// A ribbon.
		"overview?days=7": regexp.MustCompile(`<a href="(transfers\?[^"]*)" tabindex="-1" aria-label="[^"]*: ([0-9,]+) records?"><title>`),
		"safeguards":      regexp.MustCompile(`<td class="n"><a class="cell" href="(transfers\?[^"]*)">([0-9,]+)</a>`),
		// A value that rows have in common.
		"transfers?q=at:2026-11": regexp.MustCompile(`<li><a href="(transfers\?[^"]*)"><span class="value">[^<]*</span><span class="n">([0-9,]+)</span>`),
	} {
		w := get(c, page, console.Viewer)
		found := number.FindAllStringSubmatch(w.Body.String(), -1)
		if w.Code != http.StatusOK || len(found) < 4 {
			t.Errorf("%q: %d, %d numbers", page, w.Code, len(found))
		}
		for _, m := range found {
			if want := howMany(t, m[1]); strings.ReplaceAll(m[2], ",", "") != strconv.FormatUint(want, 10) {
				t.Errorf("%q shows %s beside %s, which finds %d", page, m[2], m[1], want)
			}
		}
	}
}

// The bars of a histogram are all rows, each once.
func TestHistogramSums(t *testing.T) {
	c := pages(t)
	bar := regexp.MustCompile(`<th scope="row"><a href="(transfers\?[^"]*)">[^<]*</a></th><td class="n">([0-9]+)</td><td class="n">([0-9]+)</td>`)
	for _, q := range []string{"", "at:>-2d", "country:BR", "outcome:denied", "at:2026-11-20"} {
		body := get(c, "transfers?q="+url.QueryEscape(q), console.Viewer).Body.String()
		var sum uint64
		for _, m := range bar.FindAllStringSubmatch(body, -1) {
			passed, _ := strconv.ParseUint(m[2], 10, 64)
			denied, _ := strconv.ParseUint(m[3], 10, 64)
			if want := howMany(t, m[1]); want != passed+denied {
				t.Errorf("%q: the bar of %s has %d, its link %d", q, m[1], passed+denied, want)
			}
			sum += passed + denied
		}
		if want := howMany(t, "transfers?q="+url.QueryEscape(q)); sum != want || want == 0 {
			t.Errorf("%q: the bars have %d records, the ledger %d", q, sum, want)
		}
	}
}

// The page of the policy names what changes by itself, and that of safeguards every row.
func TestPolicyAndSafeguards(t *testing.T) {
	c := pages(t)
	policy, err := config.Default()
	if err != nil {
		t.Fatal(err)
	}
	body := get(c, "policy", console.Viewer).Body.String()
	for _, want := range []string{policy.Digest[:12], "2026-12-01 03:00:00", "cl-group-2026", "within a day", "Nothing stops then.", "ap-southeast-3"} {
		if !strings.Contains(body, want) {
			t.Errorf("the policy's page lacks %q", want)
		}
	}
	body = get(c, "safeguards", console.Viewer).Body.String()
	for i := range policy.Safeguards {
		if !strings.Contains(body, `<tr id="`+policy.Safeguards[i].ID+`">`) {
			t.Errorf("the safeguard %s is missing", policy.Safeguards[i].ID)
		}
	}
	if body = get(c, "", console.Viewer).Body.String(); !strings.Contains(body, `<span class="status soon">ends 2026-12-01</span>`) {
		t.Errorf("a safeguard that ends tomorrow is no exception:\n%s", body)
	}
}

// A report is the report's own page, which may use its own style alone, or a file.
func TestReports(t *testing.T) {
	c := pages(t)
	for _, kind := range []string{"register", "completeness", "incident", "notice", "staff"} {
		if !strings.Contains(get(c, "reports", console.Reviewer).Body.String(), `value="`+kind+`"`) {
			t.Errorf("the page of reports lacks %s", kind)
		}
		w := get(c, "report?kind="+kind+"&from=2026-11-01&to=2026-11-30&recipient=sparkoo-sg", console.Reviewer)
		if policy := w.Header().Get("Content-Security-Policy"); w.Code != http.StatusOK || !strings.Contains(policy, "style-src 'sha256-") || strings.Contains(policy, "unsafe") {
			t.Errorf("%s: %d, %s", kind, w.Code, policy)
		}
		if w := get(c, "report?kind="+kind+"&from=2026-11-01&to=2026-11-30&recipient=sparkoo-sg&format=json", console.Reviewer); w.Header().Get("Content-Type") != "application/json" || w.Body.Len() == 0 {
			t.Errorf("%s as JSON: %v", kind, w.Header())
		}
	}
	for _, address := range []string{"report?kind=incident&from=2026-11-01&to=2026-11-30", "report?kind=incident&from=2026-11-01&to=2026-11-30&region=x&node=y", "report?kind=register&from=2026-11-31&to=2026-11-30", "report?kind=register&from=2026-11-30&to=2026-11-01", "report?kind=register&from=2026-11-01&to=2026-11-30&format=exe"} {
		if w := get(c, address, console.Reviewer); w.Code != http.StatusBadRequest {
			t.Errorf("%s: %d", address, w.Code)
		}
	}
	if w := get(c, "report?kind=x&from=2026-11-01&to=2026-11-30", console.Reviewer); w.Code != http.StatusNotFound {
		t.Errorf("an unknown report: %d", w.Code)
	}
}

// The page that shows somebody around is that of demonstrations alone.
func TestStartIsOfDemonstrations(t *testing.T) {
	c := pages(t)
	if w := get(c, "start", console.Officer); w.Code != http.StatusNotFound {
		t.Errorf("without a demonstration: %d", w.Code)
	}
	if strings.Contains(get(c, "policy", console.Officer).Body.String(), `href="start"`) {
		t.Error("the menu names it")
	}
}

// A request that somebody chooses is sent to the gateway as it stands on the page, and the
// answer is shown as text, with the record it made.
func TestStart(t *testing.T) {
	var seen []string
	gateway := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		seen = append(seen, r.Method+" "+r.URL.Path+" "+r.Header.Get("Registered-Country")+" "+string(body))
		w.WriteHeader(http.StatusForbidden)
		io.WriteString(w, `{"record":"gw-sg-1#1.7","x":"<script>"}`)
	}))
	t.Cleanup(gateway.Close)
	c := pages(t)
	c.Demo, c.Example = true, func() string { return gateway.URL + "/" }
	if body := get(c, "start", console.Viewer).Body.String(); strings.Count(body, `name="try"`) != 6 || len(seen) > 0 {
		t.Errorf("%q were sent, and the page is\n%s", seen, body)
	}
	w := post(c, "start", console.Viewer, url.Values{"try": {"1"}})
	body := w.Body.String()
	if len(seen) != 1 || seen[0] != "PUT /v1/objects/greeting TH hello" || !strings.Contains(body, `href="record?n=gw-sg-1%231.7"`) || !strings.Contains(body, "403 Forbidden") || strings.Contains(body, "<script") {
		t.Errorf("%q, %d\n%s", seen, w.Code, body)
	}
	for _, bad := range []string{"", "x", "-1", "6"} {
		if w := post(c, "start", console.Viewer, url.Values{"try": {bad}}); w.Code != http.StatusBadRequest {
			t.Errorf("request %q: %d", bad, w.Code)
		}
	}
	if w := post(c, "start", console.Viewer, url.Values{"try": {"1"}}, "Sec-Fetch-Site", "cross-site"); w.Code != http.StatusForbidden || len(seen) != 1 {
		t.Errorf("a forged order: %d, %q", w.Code, seen)
	}
}
