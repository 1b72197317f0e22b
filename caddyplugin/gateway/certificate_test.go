package gateway_test

import (
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/sparkoo/transfergate/internal/testsupport"
)

// staffCertificate is a client's certificate.
func staffCertificate(t testing.TB, ca *testsupport.Authority, unit string, uris ...string) tls.Certificate {
	t.Helper()
	cert, err := tls.X509KeyPair(ca.IssueClient("agent-7", unit, uris...))
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

// fingerprintOf is a certificate's SHA-256, as openssl prints it.
func fingerprintOf(cert tls.Certificate) string {
	return strings.ReplaceAll(fmt.Sprintf("% X", sha256.Sum256(cert.Certificate[0])), " ", ":")
}

// startCertificates runs a site whose staff have certificates of an authority.
// Subject says where the data subject is named.
func startCertificates(t testing.TB, authority *testsupport.Authority, options, subject, more string) (*secure, regions) {
	t.Helper()
	r := regions{newUpstream(t, "sg", nil), newUpstream(t, "br", nil), newUpstream(t, "cn", nil)}
	config := chain(t, `identity certificate {
		ca {staff}
		staff uri spiffe://example.test/support huawei-cloud-cn CN
		staff uri spiffe://example.test/support/* huawei-cloud-cn CN
		staff ou Support huawei-cloud-cn CN
		staff ou Singapore sparkoo-sg SG
		ticket_field Work-Ticket
		`+more+"\n"+subject+"\n}", "identity header {\nfrom 127.0.0.0/8\n}")
	s := startSecure(t, config, options, map[string]string{
		"accounts": writeFile(t, "accounts.ndjson", `{"account":"ana","country":"BR"}`+"\n"+`{"account":"nocountry"}`+"\n"),
		"staff":    writeFile(t, "staff.pem", string(authority.PEM())),
		"sg":       r.sg.addr, "br": r.br.addr, "cn": r.cn.addr,
	})
	return s, r
}

// verifyIfGiven lets people without a certificate in, and staff with one of the
// authority's or of the server's own.
const verifyIfGiven = "client_auth {\nmode verify_if_given\ntrust_pool file {staff} {clients}\n}"

func TestStaffCertificate(t *testing.T) {
	authority := testsupport.CA(t)
	pinned := staffCertificate(t, authority, "")
	s, r := startCertificates(t, authority, verifyIfGiven, "subject field Subject-Account", "staff fingerprint "+fingerprintOf(pinned)+" huawei-cloud-cn CN")
	support := staffCertificate(t, authority, "Support")
	ana := []string{"Subject-Account", "ana"}
	for _, test := range []struct {
		name   string
		cert   tls.Certificate
		fields []string
		status int
		reason string
	}{
		{"unit", support, ana, 200, ""},
		{"URI", staffCertificate(t, authority, "", "spiffe://example.test/support"), ana, 200, ""},
		{"URI below", staffCertificate(t, authority, "", "spiffe://other.test/x", "spiffe://example.test/support/7"), ana, 200, ""},
		{"fingerprint", pinned, ana, 200, ""},
		{"two rows that agree", staffCertificate(t, authority, "Support", "spiffe://example.test/support"), ana, 200, ""},
		{"proxy's fields count for nothing", support, append(ana, "Registered-Country", "TH", "Account-Id", "x"), 200, ""},
		{"two rows that disagree", staffCertificate(t, authority, "Singapore", "spiffe://example.test/support"), ana, 400, "identity_ambiguous"},
		{"no row", staffCertificate(t, authority, "support"), ana, 403, "staff_unknown_recipient"},
		{"URI beside", staffCertificate(t, authority, "", "spiffe://example.test/supporters"), ana, 403, "staff_unknown_recipient"},
		{"URI that climbs out", staffCertificate(t, authority, "", "spiffe://example.test/support/../x"), ana, 403, "staff_unknown_recipient"},
		{"URI that climbs out, encoded", staffCertificate(t, authority, "", "spiffe://example.test/support/%2e%2e/x"), ana, 403, "staff_unknown_recipient"},
		{"no row, and a proxy's fields", staffCertificate(t, authority, "x"), []string{"Registered-Country", "BR"}, 403, "staff_unknown_recipient"},
		{"no subject", support, nil, 403, "staff_without_subject"},
		{"empty subject", support, []string{"Subject-Account", ""}, 403, "staff_without_subject"},
		{"a subject nobody knows", support, []string{"Subject-Account", "nobody"}, 403, "staff_denied"},
		{"a subject without a country", support, []string{"Subject-Account", "nocountry"}, 403, "staff_denied"},
		{"a subject too long", support, []string{"Subject-Account", strings.Repeat("a", 300)}, 403, "staff_without_subject"},
		{"two subjects", support, append(ana, "Subject-Account", "ana"), 400, "identity_ambiguous"},
	} {
		for _, protocol := range protocols {
			before := r.seen()
			a := ask(t, s.over(protocol, s.client(test.cert)), "GET", "/v1/support/1", append(test.fields, "Work-Ticket", "T-1")...)
			if a.Proto != protocol || a.StatusCode != test.status {
				t.Errorf("%s over %s: %s status %d, want %d: %s", test.name, protocol, a.Proto, a.StatusCode, test.status, a.Text)
				continue
			}
			if test.status != 200 {
				if p := problemOf(t, a); p["reason"] != test.reason || r.seen() != before {
					t.Errorf("%s over %s: reason %v, want %s; %d requests reached a region", test.name, protocol, p["reason"], test.reason, r.seen()-before)
				}
				continue
			}
			if got := r.cn.last(t).Header; a.Header.Get("Data-Controller") != "sparkoo-br" || got.Values("Subject-Account") != nil || got.Values("Work-Ticket") != nil || got.Get("Account-Id") != "" {
				t.Errorf("%s over %s: controller %q, the affiliate got %v", test.name, protocol, a.Header.Get("Data-Controller"), got)
			}
		}
	}
	rec := ofType(s.records(), "transfer.accepted")[0]
	if rec["requester"] != "huawei-cloud-cn@CN" || rec["country"] != "BR" || rec["country_source"] != "certificate" || !strings.HasPrefix(fmt.Sprint(rec["subject"]), "h1:") {
		t.Errorf("record %v", rec)
	}
}

// Who brings no certificate of the staff's authority is no staff, whatever the
// certificate and the subject's field say, and the field reaches nobody.
func TestCertificatesOfOthers(t *testing.T) {
	authority, stranger := testsupport.CA(t), testsupport.CA(t)
	for name, options := range map[string]string{
		"verified": verifyIfGiven,
		// Caddy takes any certificate and verifies none.
		"unverified": "client_auth {\nmode request\n}",
	} {
		t.Run(name, func(t *testing.T) {
			s, r := startCertificates(t, authority, options, "subject field Subject-Account", "")
			certificates := map[string][]tls.Certificate{"none": nil, "of the server's authority": {staffCertificate(t, s.ca, "Support", "spiffe://example.test/support")}}
			if name == "unverified" {
				certificates["forged"] = []tls.Certificate{staffCertificate(t, stranger, "Support", "spiffe://example.test/support")}
				certificates["real, but unverified"] = []tls.Certificate{staffCertificate(t, authority, "Support", "spiffe://example.test/support")}
			}
			for whose, certs := range certificates {
				for _, protocol := range protocols {
					a := ask(t, s.over(protocol, s.client(certs...)), "GET", "/", "Subject-Account", "ana")
					if a.StatusCode != 200 || a.Text != "sg" {
						t.Errorf("%s over %s: status %d: %s", whose, protocol, a.StatusCode, a.Text)
						continue
					}
					got := r.sg.last(t).Header
					if got.Get("Data-Controller-Basis") != "not-registered" || got.Values("Subject-Account") != nil {
						t.Errorf("%s over %s: the region got %v", whose, protocol, got)
					}
				}
			}
		})
	}
	s, r := startCertificates(t, authority, verifyIfGiven, "subject field Subject-Account", "")
	for _, protocol := range protocols {
		client := s.over(protocol, s.client(staffCertificate(t, stranger, "Support")))
		if res, err := client.Get("https://gw.test/"); err == nil {
			res.Body.Close()
			t.Errorf("%s: a forged certificate was taken: status %d", protocol, res.StatusCode)
		}
	}
	if n := r.seen(); n != 0 {
		t.Errorf("%d requests reached a region", n)
	}
}

// A certificate that expires while a connection lasts is staff no more. The connection
// ends, so that the client comes back with a new one.
func TestCertificateExpiresOnAConnection(t *testing.T) {
	authority := testsupport.CA(t)
	s, r := startCertificates(t, authority, verifyIfGiven, "subject field Subject-Account", "")
	var until time.Time
	clients := make(map[string]*http.Client)
	connect := func(lasts time.Duration) (inTime bool) {
		until = time.Now().Add(lasts).Truncate(time.Second)
		short, err := tls.X509KeyPair(authority.IssueClientUntil(until, "agent-7", "Support"))
		if err != nil {
			t.Fatal(err)
		}
		for _, protocol := range protocols {
			clients[protocol] = s.over(protocol, s.client(short))
			a, err := trial(clients[protocol], "GET", "/v1/support/1", "Subject-Account", "ana", "Work-Ticket", "T-1")
			if !time.Now().Before(until) {
				return false
			}
			if err != nil || a.StatusCode != 200 || a.Text != "cn" {
				t.Fatalf("%s: %v, %+v", protocol, err, a)
			}
		}
		return true
	}
	// It must be in force while the connections are made, however slow the machine.
	for lasts := 3 * time.Second; !connect(lasts); lasts *= 2 {
		if lasts > time.Minute {
			t.Fatalf("no connection in %s", lasts)
		}
	}
	for protocol, client := range clients {
		a := ask(t, client, "GET", "/v1/support/1", "Subject-Account", "ana", "Work-Ticket", "T-1")
		for a.StatusCode == 200 && time.Now().Before(until.Add(3*time.Minute)) {
			time.Sleep(10 * time.Millisecond)
			a = ask(t, client, "GET", "/v1/support/1", "Subject-Account", "ana", "Work-Ticket", "T-1")
		}
		before := r.seen()
		if p := problemOf(t, a); a.StatusCode != 401 || p["reason"] != "identity_broken" || !strings.Contains(a.Header.Get("WWW-Authenticate"), "the client certificate has expired") {
			t.Errorf("%s: status %d, %q: %s", protocol, a.StatusCode, a.Header.Get("WWW-Authenticate"), a.Text)
		}
		if refused := ofType(s.records(), "transfer.refused"); refused[len(refused)-1]["cause"] != "certificate_expired" {
			t.Errorf("%s: recorded %v", protocol, refused[len(refused)-1])
		}
		if protocol == "HTTP/3.0" {
			continue
		}
		if res, err := client.Get("https://gw.test/"); err == nil {
			res.Body.Close()
			t.Errorf("%s: the connection goes on", protocol)
		}
		if r.seen() != before {
			t.Error("a region was reached")
		}
	}
}

// pathsOfSubjects are paths of staff whose third segment names the subject.
var pathsOfSubjects = []struct {
	path   string
	status int
	reason string
}{
	{"/v1/support/ana", 200, ""},
	{"/v1/support/ana/tickets/7?account=bob", 200, ""},
	{"/v1/support/%C3%A1na", 200, ""}, // ána
	{"/v1/support", 403, "staff_without_subject"},
	{"/v1/support/", 403, "staff_without_subject"},
	{"/v1/support/bob", 403, "staff_denied"},
	{"/v1/support/ANA", 403, "staff_denied"},
	{"/v1/support/%61na", 400, "path_ambiguous"},
	{"/v1/support/x%2Fana", 400, "path_ambiguous"},
	{"/v1//support/ana", 400, "path_ambiguous"},
	{"/v1/support//ana", 400, "path_ambiguous"},
	{"/v1/./support/ana", 400, "path_ambiguous"},
	{"/v1/support/bob/../ana", 400, "path_ambiguous"},
	{"/v1/support/ana;x=1", 400, "path_ambiguous"},
	{"/v1/support/ana%00", 400, "path_ambiguous"},
	{"/v1/support/ana%252F", 400, "path_ambiguous"},
	{"/v1/support/" + strings.Repeat("a", 300), 403, "staff_without_subject"},
}

// The subject is found in the path as it was sent, for certificates and tokens
// alike, even where the site rewrites it first or tells activities apart by host
// alone, so that odd paths are let through to others.
func TestSubjectFromThePath(t *testing.T) {
	authority := testsupport.CA(t)
	login := newIssuer(t)
	r := regions{newUpstream(t, "sg", nil), newUpstream(t, "br", nil), newUpstream(t, "cn", nil)}
	token := login.bearer(map[string]any{"sub": "agent-7", "work": map[string]any{"entity": "huawei-cloud-cn", "country": "CN"}})
	config := `{
	admin off
	transfer {
		demo
		node gw-sg-1 SG sparkoo-sg
		ledger {ledger}
		accounts file {accounts}
		identity certificate {
			ca {staff}
			staff ou Support huawei-cloud-cn CN
			subject path 3
			ticket_field Work-Ticket
		}
		` + login.source("staff_entity_claim work.entity", "staff_country_claim work.country", "ticket_field Work-Ticket", "subject path 3") + `
	}
}
http://{addr} {
	rewrite * /elsewhere{uri}
	transfer {
		activity support
		region ap-southeast-3 {sg}
		region cn-north-4 {cn}
	}
}`
	s := startSecure(t, config, "client_auth {\nmode verify_if_given\ntrust_pool file {staff}\n}", map[string]string{
		"accounts": writeFile(t, "accounts.ndjson", `{"account":"ana","country":"BR"}`+"\n"+`{"account":"ána","country":"BR"}`+"\n"),
		"staff":    writeFile(t, "staff.pem", string(authority.PEM())),
		"sg":       r.sg.addr, "cn": r.cn.addr,
	})
	bySupport := s.client(staffCertificate(t, authority, "Support"))
	for _, protocol := range protocols {
		for who, try := range map[string]struct {
			client *http.Client
			fields []string
		}{"certificate": {s.over(protocol, bySupport), nil}, "token": {s.over(protocol, s.client()), token}} {
			for _, test := range pathsOfSubjects {
				before := len(r.cn.requests())
				a := ask(t, try.client, "GET", test.path, append(try.fields, "Work-Ticket", "T-1")...)
				reached := len(r.cn.requests()) - before
				if a.StatusCode != test.status || reached != map[bool]int{true: 1}[test.status == 200] {
					t.Errorf("%s, %s, %s: status %d, %d requests reached the affiliate: %s", protocol, who, test.path, a.StatusCode, reached, a.Text)
				} else if test.status != 200 && problemOf(t, a)["reason"] != test.reason {
					t.Errorf("%s, %s, %s: %s", protocol, who, test.path, a.Text)
				}
			}
		}
	}
	for _, rec := range ofType(s.records(), "transfer.accepted") {
		if rec["requester"] != "huawei-cloud-cn@CN" || rec["country"] != "BR" {
			t.Errorf("record %v", rec)
		}
	}
}

// Staff by token who name the subject in a field: two sources may read the same
// field, it is not lost where a request is resolved again because somebody was
// authenticated, and customers who send it are not believed.
func TestSubjectFromAField(t *testing.T) {
	first, second := newIssuer(t), newIssuer(t)
	options := []string{"from field Access-Token", "staff_entity_claim entity", "staff_country_claim place", "ticket_field work-ticket", "subject field subject-account", "account_ids shared"}
	config := chain(t, first.source(options...), second.source(options...), "identity auth")
	config = replaced(t, config, "transfer_health\n", "transfer_health\n\t@asked transfer_country BR\n\theader @asked Asked yes\n\tbasic_auth {\n\t\tuser {hash}\n\t}\n")
	r := regions{newUpstream(t, "sg", nil), newUpstream(t, "br", nil), newUpstream(t, "cn", nil)}
	g := startGate(t, config, map[string]string{
		"accounts": writeFile(t, "accounts.ndjson", `{"account":"ana","country":"BR"}`+"\n"),
		"hash":     bcryptOf(t, "password"),
		"sg":       r.sg.addr, "br": r.br.addr, "cn": r.cn.addr,
	})
	for name, login := range map[string]*issuer{"first": first, "second": second} {
		send := func(method, path string, claims map[string]any) answer {
			return g.do(method, path, "", "Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte("user:password")),
				"Access-Token", login.token(claims), "Subject-Account", "ana", "Work-Ticket", "T-1")
		}
		a := send("GET", "/v1/support/1", map[string]any{"sub": "agent-7", "entity": "huawei-cloud-cn", "place": "CN"})
		if a.StatusCode != 200 || a.Text != "cn" || a.Header.Get("Asked") != "yes" || r.cn.last(t).Header.Values("Subject-Account") != nil {
			t.Errorf("%s: status %d, asked %q: %s", name, a.StatusCode, a.Header.Get("Asked"), a.Text)
		}
		a = send("PUT", "/v1/objects/x", map[string]any{"sub": "jane", "country": "TH"})
		if a.StatusCode != 200 || a.Header.Get("Data-Controller") != "sparkoo-th" || r.sg.last(t).Header.Values("Subject-Account") != nil {
			t.Errorf("%s, a customer: status %d, controller %q: %s", name, a.StatusCode, a.Header.Get("Data-Controller"), a.Text)
		}
	}
}

func TestCertificateGrammar(t *testing.T) {
	ca := writeFile(t, "ca.pem", string(testsupport.CA(t).PEM()))
	empty := writeFile(t, "empty.pem", "")
	_, key := testsupport.CA(t).Issue("x")
	keyFile := writeFile(t, "key.pem", string(key))
	const row, subject = "\nstaff ou Support huawei-cloud-cn CN", "\nsubject path 3"
	certificate := func(options string) string {
		return goodOptions + "\nidentity certificate {\n" + options + "\n}"
	}
	for _, c := range []grammarCase{
		{name: "everything", options: certificate("ca " + ca + row + "\nstaff uri spiffe://a.test/b/* sparkoo-sg SG\nstaff fingerprint " + strings.Repeat("Ab:", 31) + "ab sparkoo-sg SG\nsubject field Subject-Account")},
		{name: "argument", options: goodOptions + "\nidentity certificate x", want: "wrong argument count or unexpected line ending after 'x', at Caddyfile:7"},
		{name: "unknown word", options: certificate("cb x"), want: "unrecognized option 'cb' of identity certificate; use one of ca, staff, subject, ticket_field, access_reason_field, at Caddyfile:8"},
		{name: "ca twice", options: certificate("ca x\nca y"), want: "'ca' is written twice, at Caddyfile:9"},
		{name: "ca of nothing", options: certificate("ca"), want: "wrong argument count or unexpected line ending after 'ca', at Caddyfile:8"},
		{name: "subject twice", options: certificate("subject path 1\nsubject path 2"), want: "'subject' is written twice, at Caddyfile:9"},
		{name: "half a row", options: certificate("staff ou Support huawei-cloud-cn"), want: "wrong argument count or unexpected line ending after 'huawei-cloud-cn', at Caddyfile:8"},
		{name: "no authority", options: certificate(row + subject), want: "identity certificate: no authority vouches for staff: name its certificates, as in 'ca /etc/transfergate/staff-ca.pem'"},
		{name: "nobody", options: certificate("ca " + ca + subject), want: "identity certificate: no certificate is anybody's: say whose, as in 'staff ou support huawei-cloud-cn CN'"},
		{name: "no subject", options: certificate("ca " + ca + row), want: "identity certificate: a certificate does not say whose data is asked for: write 'subject field NAME' or 'subject path N'"},
		{name: "subject by claim", options: certificate("ca " + ca + row + "\nsubject claim x"), want: "identity certificate: a certificate does not say whose data is asked for"},
		{name: "by name", options: certificate("ca " + ca + "\nstaff cn agent huawei-cloud-cn CN" + subject), want: "identity certificate: staff 'cn': certificates are told apart by uri, ou or fingerprint"},
		{name: "no URI", options: certificate("ca " + ca + "\nstaff uri /support huawei-cloud-cn CN" + subject), want: "identity certificate: staff uri '/support' is no URI such as spiffe://example.com/support or spiffe://example.com/support/*"},
		{name: "star in a URI", options: certificate("ca " + ca + "\nstaff uri spiffe://*/support huawei-cloud-cn CN" + subject), want: "identity certificate: staff uri 'spiffe://*/support' is no URI"},
		{name: "fingerprint", options: certificate("ca " + ca + "\nstaff fingerprint abcd huawei-cloud-cn CN" + subject), want: "identity certificate: staff fingerprint 'abcd' is no SHA-256 in hexadecimal"},
		{name: "row twice", options: certificate("ca " + ca + row + row + subject), want: "identity certificate: staff ou 'Support' is written twice"},
		{name: "unknown entity", options: certificate("ca " + ca + "\nstaff ou x evil-corp CN" + subject), want: "identity certificate: staff ou 'x': 'evil-corp' is no recipient of the policy in 'CN'"},
		{name: "another country", options: certificate("ca " + ca + "\nstaff ou x huawei-cloud-cn SG" + subject), want: "identity certificate: staff ou 'x': 'huawei-cloud-cn' is no recipient of the policy in 'SG'"},
		{name: "authority missing", options: certificate("ca /nonexistent" + row + subject), want: "identity certificate: reading the authorities: open /nonexistent: no such file or directory"},
		{name: "authority empty", options: certificate("ca " + empty + row + subject), want: "identity certificate: " + empty + " holds something else than certificates in PEM"},
		{name: "authority a key", options: certificate("ca " + keyFile + row + subject), want: "identity certificate: " + keyFile + " holds something else than certificates in PEM"},
	} {
		t.Run(c.name, func(t *testing.T) {
			switch err := validate(c.caddyfile(t)); {
			case c.want == "" && err != nil:
				t.Error(err)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
		})
	}
}
