package gateway_test

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/sparkoo/transfergate/internal/testsupport"
)

// people is the client of a real OpenID provider, and the people who log in to it.
var people = testsupport.OpenIDClient{
	ID: "developer-portal", Redirect: "https://portal.example.test/callback", Resource: "https://developer.example.test",
	Accounts: map[string]map[string]any{
		"ana":   {"country": "BR"},
		"bruno": {"country": "BR"},
		"noi":   {"country": "TH", "consents": map[string]any{"marketing": false}},
		"agent": {"work": map[string]any{"entity": "huawei-cloud-cn", "country": "CN"}},
	},
}

// A browser logs people in at a real OpenID provider, with the authorization code
// flow, and brings the access tokens it gets to the gateway.
func TestTokensOfARealOpenIDProvider(t *testing.T) {
	issuer, ca := testsupport.StartOpenID(t, people)
	authority := writeFile(t, "ca.pem", string(ca.PEM()))
	source := "identity jwt " + issuer + "/jwks {\nissuer " + issuer + "\naudience " + people.Resource + "\nca " + authority +
		"\nconsents_claim consents\nstaff_entity_claim work.entity\nstaff_country_claim work.country\nticket_field Staff-Ticket\nsubject field Subject-Account\n}"
	config := strings.Replace(withMarketing, "identity header {\n\t\t\tfrom 127.0.0.0/8\n\t\t}", source, 1)
	g, r, _ := startChoices(t, config, `{"account":"bruno","contracting_party":"sparkoo-sg"}
{"account":"ana","country":"BR"}`)

	browser := func(account string) (access, id string) {
		t.Helper()
		access, id, err := logIn(t, issuer, ca, account)
		if err != nil {
			t.Fatalf("logging %s in: %v", account, err)
		}
		return access, id
	}
	ana, idToken := browser("ana")
	bruno, _ := browser("bruno")
	noi, _ := browser("noi")
	agent, _ := browser("agent")
	for _, test := range []struct {
		name, token, path, controller string
		more                          []string
	}{
		{"by country", ana, "/v1/objects/x", "sparkoo-br", nil},
		{"by account record", bruno, "/v1/objects/x", "sparkoo-sg", nil},
		{"by country again", noi, "/v1/objects/x", "sparkoo-th", nil},
		{"staff", agent, "/v1/support/1", "sparkoo-br", []string{"Subject-Account", "ana", "Staff-Ticket", "T-1"}},
	} {
		a := g.get(test.path, append(test.more, "Authorization", "Bearer "+test.token)...)
		if a.StatusCode != 200 || a.Header.Get("Data-Controller") != test.controller {
			t.Errorf("%s: status %d, controller %q: %s", test.name, a.StatusCode, a.Header.Get("Data-Controller"), a.Text)
		}
	}
	wants(t, g, r, "consent_withdrawn", "§7", "GET", "/news/1", "Authorization", "Bearer "+noi)
	wants(t, g, r, "staff_without_subject", "§9", "GET", "/v1/support/1", "Authorization", "Bearer "+agent)
	wantChallenge(t, "an ID token is no access token", g.get("/", "Authorization", "Bearer "+idToken), 401, "identity_broken", "the token's type is not accepted")
	forged := ana[:len(ana)-8] + "AAAAAAAA"
	if a := g.get("/", "Authorization", "Bearer "+forged); a.StatusCode != 401 {
		t.Errorf("a forged signature: status %d", a.StatusCode)
	}
}

// logIn goes through the provider's pages as a browser does, and exchanges the
// code that comes of it (RFC 6749 section 4.1, RFC 7636).
func logIn(t *testing.T, issuer string, ca *testsupport.Authority, account string) (access, id string, err error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return "", "", err
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: ca.Pool()}}
	t.Cleanup(transport.CloseIdleConnections)
	client := &http.Client{Transport: transport, Jar: jar, CheckRedirect: func(req *http.Request, _ []*http.Request) error {
		if strings.HasPrefix(req.URL.String(), people.Redirect) {
			return http.ErrUseLastResponse // nobody is there
		}
		return nil
	}}
	verifier := rand.Text() + rand.Text()
	challenge := sha256.Sum256([]byte(verifier))
	page, err := client.Get(issuer + "/auth?" + url.Values{
		"client_id": {people.ID}, "redirect_uri": {people.Redirect}, "response_type": {"code"}, "scope": {"openid api"}, "resource": {people.Resource},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(challenge[:])}, "code_challenge_method": {"S256"},
	}.Encode())
	for range 5 { // login, consent, and some to spare
		if err != nil {
			return "", "", err
		}
		text, err := io.ReadAll(page.Body)
		page.Body.Close()
		if err != nil {
			return "", "", err
		}
		if back, err := url.Parse(page.Header.Get("Location")); err == nil && back.Query().Get("code") != "" {
			return exchangeCode(client, issuer, back.Query().Get("code"), verifier)
		}
		action, prompt := formAction.FindSubmatch(text), formPrompt.FindSubmatch(text)
		if page.StatusCode != 200 || action == nil || prompt == nil {
			return "", "", fmt.Errorf("status %d from %s: %s", page.StatusCode, page.Request.URL, text)
		}
		page, err = client.PostForm(string(action[1]), url.Values{"prompt": {string(prompt[1])}, "login": {account}, "password": {"any"}})
		if err != nil {
			return "", "", err
		}
	}
	return "", "", fmt.Errorf("no code after five pages")
}

// What the provider's pages ask for.
var (
	formAction = regexp.MustCompile(`<form[^>]* action="([^"]+)"`)
	formPrompt = regexp.MustCompile(`name="prompt" value="([^"]+)"`)
)

func exchangeCode(client *http.Client, issuer, code, verifier string) (access, id string, err error) {
	res, err := client.PostForm(issuer+"/token", url.Values{
		"grant_type": {"authorization_code"}, "client_id": {people.ID}, "redirect_uri": {people.Redirect}, "code": {code}, "code_verifier": {verifier},
	})
	if err != nil {
		return "", "", err
	}
	defer res.Body.Close()
	var tokens struct {
		Access string `json:"access_token"`
		ID     string `json:"id_token"`
		Error  string `json:"error_description"`
	}
	if err := json.NewDecoder(res.Body).Decode(&tokens); err != nil || tokens.Access == "" {
		return "", "", fmt.Errorf("status %d, %s: %w", res.StatusCode, tokens.Error, err)
	}
	return tokens.Access, tokens.ID, nil
}
