package adminapi_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sparkoo/transfergate/caddyplugin/adminapi"
	"github.com/sparkoo/transfergate/internal/decision"
	"github.com/sparkoo/transfergate/internal/policystore"
)

// Who watches a gateway reads these members: they do not change their names.
func TestPolicyStatusAsJSON(t *testing.T) {
	at := time.Date(2026, 11, 30, 7, 0, 0, 0, time.UTC)
	next := time.Date(2026, 12, 1, 3, 0, 0, 0, time.UTC)
	shadow := &policystore.ShadowStatus{Digest: "d2", Source: "/etc/next", Loaded: at, Unfit: "no region"}
	a := &answers{status: adminapi.PolicyStatus{
		Digest: "d1", Source: "embedded", Statement: "2026-03-30", Loaded: at, NextChange: &next,
		Mode:      policystore.ModeStatus{Report: true, Owner: "ana", Until: "2026-12-24"},
		Approvals: &adminapi.ApprovalStatus{Required: 2, Serial: 7, Author: "ana", Approvers: []string{"bea"}},
		Shadow:    shadow, Candidate: shadow, Failure: &policystore.Failure{At: at, Error: "laws.yaml:3: no law"},
	}}
	address := onPort(t, a)
	const trial = `{"digest":"d2","source":"/etc/next","loaded":"2026-11-30T07:00:00Z","unfit":"no region"}`
	want := `{"digest":"d1","source":"embedded","statement":"2026-03-30","loaded":"2026-11-30T07:00:00Z","next_change":"2026-12-01T03:00:00Z",` +
		`"mode":{"report":true,"owner":"ana","until":"2026-12-24"},"approvals":{"required":2,"serial":7,"author":"ana","approvers":["bea"]},` +
		`"shadow":` + trial + `,"candidate":` + trial + `,"failure":{"at":"2026-11-30T07:00:00Z","error":"laws.yaml:3: no law"}}` + "\n"
	if status, text := send(t, http.MethodGet, address, "/transfer/policy", ""); status != http.StatusOK || text != want {
		t.Errorf("%d\n%s, want\n%s", status, text, want)
	}
	a.status = adminapi.PolicyStatus{Digest: "d1", Source: "embedded", Loaded: at}
	want = `{"digest":"d1","source":"embedded","loaded":"2026-11-30T07:00:00Z","mode":{"report":false}}` + "\n"
	if _, text := send(t, http.MethodGet, address, "/transfer/policy", ""); text != want {
		t.Errorf("with nothing else to say: %s, want %s", text, want)
	}
}

// A policy that is not taken is 422 with the reason, a shadow that nobody named 404.
func TestReloadsThatFail(t *testing.T) {
	a := &answers{reload: failing("laws.yaml:3: no law"), shadow: failing("laws.yaml:4: no law")}
	c := adminapi.Client{Address: onSocket(t, a)}
	_, err := c.ReloadPolicy()
	fails(t, "the policy", err, "HTTP 422", "laws.yaml:3")
	for _, r := range (adminapi.Routes{}).Routes() {
		if strings.HasPrefix(r.Pattern, "POST ") && r.Pattern != "POST /transfer/explain" && !slices.Contains(allOrders, r.Pattern) {
			t.Errorf("%s is not known to change anything: name it in allOrders", r.Pattern)
		}
	}
}

// allOrders are the routes that change something.
var allOrders = []string{
	"POST /transfer/policy/reload", "POST /transfer/candidate/reload", "POST /transfer/ledger/keys/rotate",
	"POST /transfer/ledger/keys/{period}/destroy", "POST /transfer/ledger/holds", "POST /transfer/ledger/holds/{ref}/lift", "POST /transfer/ledger/looks",
}

// What changes something is not for everybody who can open the port.
func TestAllOrdersAskWhoGivesThem(t *testing.T) {
	a := &answers{reload: failing("read"), shadow: failing("read")}
	address := onPort(t, a)
	for _, pattern := range allOrders {
		method, path, _ := strings.Cut(pattern, " ")
		status, text := send(t, method, address, path, `{"ref":"case-7","by":"legal-sg","because":"an order"}`)
		says(t, pattern, status, text, http.StatusForbidden, "anybody on this machine")
	}
	if got := a.obeyed(); got != "" {
		t.Errorf("obeyed: %s", got)
	}
}

// The shadow's own answers, by its former name.
func TestShadowReload(t *testing.T) {
	a, address, key, _, _ := startSigned(t)
	const path = "/transfer/candidate/reload"
	reload := func() (int, string) {
		return send(t, http.MethodPost, address, path, "", signed(t, address, key, http.MethodPost, path, "")...)
	}
	a.shadow = func() (adminapi.Reloaded, error) { return adminapi.Reloaded{}, adminapi.ErrNoShadow }
	status, text := reload()
	says(t, "no shadow", status, text, http.StatusNotFound, "shadow FOLDER")
	a.shadow = failing("laws.yaml:4: no law")
	status, text = reload()
	says(t, "a wrong shadow", status, text, http.StatusUnprocessableEntity, "laws.yaml:4")
	a.shadow = func() (adminapi.Reloaded, error) { return adminapi.Reloaded{Digest: "d2"}, nil }
	status, text = reload()
	says(t, "as it was", status, text, http.StatusOK, `{"changed":false,"digest":"d2"}`)
}

// An address is logged: no account belongs into it, and no error says one again, of a
// body neither.
func TestQuestionsThatAreNone(t *testing.T) {
	a := &answers{}
	address := onPort(t, a)
	const secret = "acct-4711"
	for what, c := range map[string]struct{ query, body, said string }{
		"an account in the address": {"account=" + secret, "", "POST the question as JSON"},
		"an unknown key":            {secret + "=1", "", "unknown key in the query"},
		"a word close to a key":     {"countri=BR", "", "country"},
		"a key twice":               {"country=BR&country=DE", "", "'country' stands twice"},
		"no moment":                 {"at=yesterday", "", "'yesterday' is no moment"},
		"staff of nowhere":          {"staff=" + secret, "", "entity@COUNTRY"},
		"what the gateway refuses":  {"country=BR", "", "no activity"},
		"an unknown member":         {"", `{"activity":"serving","` + secret + `":1}`, "not one question"},
		"another type":              {"", `{"activity":"serving","country":["` + secret + `"]}`, "not one question"},
		"two questions":             {"", `{"activity":"serving"}{"activity":"serving"}`, "not one question"},
		"nothing":                   {"", " ", "not one question"},
		"a long one":                {"", `{"activity":"serving","account":"` + strings.Repeat("x", 64<<10) + `"}`, "not one question"},
	} {
		method, path := http.MethodPost, "/transfer/explain"
		if c.query != "" {
			method, path = http.MethodGet, path+"?"+c.query
		}
		status, text := send(t, method, address, path, c.body)
		says(t, what, status, text, http.StatusBadRequest, c.said)
		if strings.Contains(text, secret) {
			t.Errorf("%s: %s", what, text)
		}
	}
}

// The keys of a query are those of 'transfer explain'.
func TestQuestionInAnAddress(t *testing.T) {
	a := &answers{explained: []decision.Explanation{}}
	address := onPort(t, a)
	status, text := send(t, http.MethodGet, address, "/transfer/explain?activity=support&country=BR&contracting_party=p&claimed_party=c"+
		"&at=2026-12-02&regions=ap-southeast-3,sa-brazil-1&staff=sparkoo-cn@CN", "")
	if status != http.StatusOK || text != "[]\n" || len(a.asked) != 1 {
		t.Fatalf("%d %s", status, text)
	}
	got, err := json.Marshal(a.asked[0])
	if err != nil {
		t.Fatal(err)
	}
	want := `{"activity":"support","country":"BR","at":"2026-12-02T12:00:00Z","contracting_party":"p","claimed_party":"c",` +
		`"staff":{"entity":"sparkoo-cn","country":"CN"},"regions":["ap-southeast-3","sa-brazil-1"]}`
	if string(got) != want {
		t.Errorf("asked\n%s, want\n%s", got, want)
	}
}

// A hold that says two things at once, or nothing, is not set, and none is lifted.
func TestHoldsThatAreNone(t *testing.T) {
	a, address, key, _, _ := startSigned(t)
	const holds = "/transfer/ledger/holds"
	order := func(path, body string) (int, string) {
		t.Helper()
		return send(t, http.MethodPost, address, path, body, signed(t, address, key, http.MethodPost, path, body)...)
	}
	hold := func(ref, more string) string {
		return `{"ref":"` + ref + `","by":"legal-sg","because":"an order"` + more + `}`
	}
	if status, text := order(holds, hold("case-7", "")); status != http.StatusOK {
		t.Fatalf("%d %s", status, text)
	}
	for what, c := range map[string]struct {
		path, body string
		status     int
		said       string
	}{
		"nothing":           {holds, "", 400, "reading what is to be done"},
		"an unknown member": {holds, hold("case-8", `,"until":"2027-01-01"`), 400, "until"},
		"two holds":         {holds, hold("case-8", "") + hold("case-9", ""), 400, "one hold"},
		"a long one":        {holds, hold("case-8", `,"class":"`+strings.Repeat("x", 4<<10)+`"`), 400, "too large"},
		"no reference":      {holds, hold("", ""), 422, "reference"},
		"no such class":     {holds, hold("case-8", `,"class":"billing"`), 422, "no class 'billing'"},
		"the end before":    {holds, hold("case-8", `,"from":"2026-02-01T00:00:00Z","to":"2026-01-01T00:00:00Z"`), 422, "before it begins"},
		"another is lifted": {holds + "/case-7/lift", hold("case-8", ""), 422, "another hold"},
		"nobody lifts":      {holds + "/case-7/lift", `{"because":"over"}`, 422, "office"},
		"no such hold":      {holds + "/case-8/lift", hold("case-8", ""), 404, "hold"},
		"two are lifted":    {holds + "/case-7/lift", hold("case-7", "") + "{}", 400, "one hold"},
	} {
		status, text := order(c.path, c.body)
		says(t, what, status, text, c.status, c.said)
	}
	_, text := send(t, http.MethodGet, address, holds, "")
	if strings.Count(text, `"ref":"case-7"`) != 2 || strings.Count(text, `"ref"`) != 2 {
		t.Errorf("there is %s, want case-7 in both classes", text)
	}
	if got := strings.Count(a.obeyed(), "holds"); got != 12 {
		t.Errorf("%d orders were told, want all 12 that were signed", got)
	}
}
