package console

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// startPage shows somebody who has just started the demonstration what the gateway does:
// requests to send, each with its answer and the record it made.
type startPage struct {
	At    string // address of the gateway
	Tries []*try
}

// try is a request as the README has it.
type try struct {
	Title, Text  string
	Method, Path string
	Fields       []string // name, value pairs
	Body         string

	Sent   bool
	Status string
	Answer string
	Record string // it made
	Wrong  string // why there is no answer
}

// tries are the requests, for the shipped configuration.
func tries() []*try {
	const country, account = "Registered-Country", "Account-Id"
	return []*try{
		{Title: "Somebody in Brazil", Text: "A person who registered in Brazil is answered from São Paulo, under the Brazilian company.",
			Method: http.MethodGet, Path: "/", Fields: []string{country, "BR"}},
		{Title: "Store an object", Text: "What is stored, is stored in Singapore, whoever stores it (§9).",
			Method: http.MethodPut, Path: "/v1/objects/greeting", Fields: []string{country, "TH"}, Body: "hello"},
		{Title: "Ask for support", Text: "Support by the affiliate in China asks for a Brazilian and a Singaporean safeguard, and for a Chinese one on the way back (§4(c)).",
			Method: http.MethodGet, Path: "/v1/support/tickets", Fields: []string{country, "BR", account, "ana"}},
		{Title: "Ask for too much", Text: "No safeguard covers course results, so they do not go. The denial says why, and what would unlock it.",
			Method: http.MethodGet, Path: "/v1/support/training/7", Fields: []string{country, "BR"}},
		{Title: "A contract with Singapore", Text: "The Account Center prevails over the country table (§11): Bruno registered in Brazil, but his contract is with Singapore.",
			Method: http.MethodGet, Path: "/v1/objects/x", Fields: []string{country, "BR", account, "bruno"}},
		{Title: "Nobody we know", Text: "Nobody identified: Singapore, and Singapore only.", Method: http.MethodGet, Path: "/"},
	}
}

// Command is the request on a command line.
func (t *try) Command(at string) string {
	parts := []string{"curl -s"}
	if t.Method != http.MethodGet {
		parts = append(parts, "-X "+t.Method)
	}
	for i := 0; i < len(t.Fields); i += 2 {
		parts = append(parts, "-H '"+t.Fields[i]+": "+t.Fields[i+1]+"'")
	}
	if t.Body != "" {
		parts = append(parts, "--data "+t.Body)
	}
	return strings.Join(append(parts, strings.TrimSuffix(strings.TrimPrefix(at, "http://"), "/")+t.Path), " ")
}

// Refused reports whether the gateway did not let it pass.
func (t *try) Refused() bool { return !strings.HasPrefix(t.Status, "2") }

// start serves the page, and sends the request that somebody chose.
func (v *visit) start() error {
	p := &startPage{At: v.Example(), Tries: tries()}
	if !v.Demo || p.At == "" {
		return &refusal{http.StatusNotFound, "There is no such page", "Only a demonstration has it."}
	}
	if v.r.Method != http.MethodPost {
		return v.render(http.StatusOK, "start", p)
	}
	if err := v.readForm(); err != nil {
		return err
	}
	i, err := strconv.Atoi(v.form.Get("try"))
	if err != nil || i < 0 || i >= len(p.Tries) {
		return &refusal{http.StatusBadRequest, "There is no such request", "Choose one of the page."}
	}
	v.try(p.At, p.Tries[i])
	return v.render(http.StatusOK, "start", p)
}

// tryClient asks the gateway of this process, by no proxy.
var tryClient = &http.Client{
	Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// try sends a request.
func (v *visit) try(at string, t *try) {
	t.Sent = true
	r, err := http.NewRequestWithContext(v.ctx, t.Method, strings.TrimSuffix(at, "/")+t.Path, strings.NewReader(t.Body))
	if err != nil {
		t.Wrong = err.Error()
		return
	}
	for i := 0; i < len(t.Fields); i += 2 {
		r.Header.Set(t.Fields[i], t.Fields[i+1])
	}
	res, err := tryClient.Do(r)
	if err != nil {
		t.Wrong = "The gateway did not answer: " + err.Error()
		return
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, 64<<10))
	if err != nil {
		t.Wrong = "The answer broke off: " + err.Error()
		return
	}
	t.Status = fmt.Sprintf("%d %s", res.StatusCode, http.StatusText(res.StatusCode))
	t.Record = regexp.MustCompile(regexp.QuoteMeta(v.Node) + `(/[a-z0-9-]+)?#[0-9]+\.[0-9]+`).FindString(string(body))
	var b bytes.Buffer
	if json.Indent(&b, body, "", "  ") != nil {
		b.Reset()
		b.Write(body)
	}
	t.Answer = b.String()
}
