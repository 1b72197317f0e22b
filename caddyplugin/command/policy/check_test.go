package policy

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "github.com/caddyserver/caddy/v2/modules/standard"

	"github.com/sparkoo/transfergate/caddyplugin/command/cli"
	"github.com/sparkoo/transfergate/config"
)

// november is when these tests look at the registers.
var november = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)

// checkSite checks the embedded registers against a Caddyfile with these lines in
// its site, and returns what it says about the Caddyfile, with CF for its name.
func checkSite(t *testing.T, option, site string) (lines []string, code int) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "Caddyfile")
	text := "{\n\ttransfer {\n\t\tnode gw-sg-1 SG sparkoo-sg\n\t\tledger " + filepath.Join(t.TempDir(), "ledger") + "\n" + option + "\t}\n}\n\nhttp://gw.test {\n\ttransfer {\n" + site + "\t}\n}\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	code, err := (&check{caddyfile: path, at: november}).run(&out)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(out.String()) {
		if strings.HasPrefix(line, path) && !strings.Contains(line, " activity-unmapped ") && !strings.Contains(line, " countries-denied ") {
			lines = append(lines, strings.TrimSuffix(strings.ReplaceAll(line, path, "CF"), "\n"))
		}
	}
	return lines, code
}

// The handler's lines begin on line 10, after the word demo on line 11.
func TestCheckJoins(t *testing.T) {
	const (
		store  = "\t\tactivity storage\n\t\tregion ap-southeast-3 https://a.ap-southeast-3.myhuaweicloud.com\n" // lines 10 and 11
		brazil = "\t\tregion sa-brazil-1 https://a.sa-brazil-1.myhuaweicloud.com\n"
	)
	for _, test := range []struct {
		name, option, site, want string
	}{
		{"fine", "", store, ""},
		{"unknown region", "", store + "\t\tregion sa-brasil-1 https://a.sa-brazil-1.myhuaweicloud.com\n",
			"CF:12:3 error unknown-region region 'sa-brasil-1' is not in the registers; did you mean 'sa-brazil-1'?"},
		{"unknown activity", "", "\t\tactivity storrage /x\n" + store,
			"CF:10:3 error unknown-activity activity 'storrage' is not in the registers; did you mean 'storage'?"},
		{"region nobody reaches", "", store + brazil,
			"CF:12:3 warning region-unreachable no request may ever be sent to region 'sa-brazil-1': none of this site's activities (storage) has it as a lawful destination for any country; see 'transfergate transfer explain'"},
		{"no storage region", "\t\tdemo\n", "\t\tactivity storage\n" + brazil,
			"CF:11:3 error storage-elsewhere activity 'storage' stores in ap-southeast-3 (§9); no region block says how to reach it\n" +
				"CF:12:3 warning region-unreachable no request may ever be sent to region 'sa-brazil-1': none of this site's activities (storage) has it as a lawful destination for any country; see 'transfergate transfer explain'"},
		{"plain text across a border", "\t\tdemo\n", "\t\tactivity serving /s\n" + store + "\t\tregion sa-brazil-1 http://a.sa-brazil-1.myhuaweicloud.com\n",
			"CF:14:3 error plaintext-upstream region 'sa-brazil-1': upstream 'a.sa-brazil-1.myhuaweicloud.com:80' would be sent personal data in plain text from SG to BR; use https"},
		{"upstream of somebody else", "", "\t\tactivity storage\n\t\tregion ap-southeast-3 https://a.example.com\n",
			"CF:11:3 error caddyfile-refused region 'ap-southeast-3': upstream 'a.example.com:443' lies outside the hosts and networks that the policy gives to the region: .ap-southeast-3.myhuaweicloud.com"},
		{"what the gateway refuses", "\t\tmode report nobody soon\n", store,
			"CF error caddyfile-refused ... report mode needs the day it ends as YYYY-MM-DD, not 'soon', at CF:5"},
	} {
		t.Run(test.name, func(t *testing.T) {
			lines, code := checkSite(t, test.option, test.site)
			begins, ends, _ := strings.Cut(test.want, "...") // Caddy's own words lie between
			if got := strings.Join(lines, "\n"); got != test.want && (ends == "" || !strings.HasPrefix(got, begins) || !strings.HasSuffix(got, ends)) {
				t.Errorf("\n got %s\nwant %s", got, test.want)
			}
			if want := map[bool]int{true: cli.Findings}[strings.Contains(test.want, " error ")]; code != want {
				t.Errorf("exit code %d, want %d", code, want)
			}
		})
	}
}

// What the gateway says when it starts stands in the check too, each at its place, and
// is no error.
func TestCheckAdvises(t *testing.T) {
	dir := t.TempDir()
	key := filepath.Join(dir, "master")
	if err := os.WriteFile(key, []byte(strings.Repeat("k", 32)), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(key, 0o604); err != nil { //nolint:gosec // what is tested
		t.Fatal(err)
	}
	path := filepath.Join(dir, "Caddyfile")
	text := "{\n\ttransfer {\n\t\tnode gw-sg-1 SG sparkoo-sg\n\t\tmode report dpo 2025-12-31\n\t\tledger " + filepath.Join(dir, "ledger") + " {\n\t\t\tmaster " + key + "\n\t\t}\n\t}\n}\n\n" +
		"http://gw.test {\n\ttransfer {\n\t\tactivity storage /x\n\t\tregion ap-southeast-3 https://a.ap-southeast-3.myhuaweicloud.com\n\t}\n}\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if code, err := (&check{caddyfile: path, at: november}).run(&out); err != nil || code != cli.Fine {
		t.Fatal(code, err, out.String())
	}
	for _, want := range []string{
		path + ":4:3 warning report-over report mode ended on 2025-12-31",
		path + ":6:4 warning key-exposed ledger master: others than its owner and group can get at '" + key + "' (mode 0604)",
		path + ":13:3 warning no-catch-all ",
		path + ":12:2 warning countries-denied ",
		" warning law-changing on 2026-12-01 03:00 UTC nothing stops, though law cl ",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %s in\n%s", want, out.String())
		}
	}
}

// Every activity of the registers that no site maps is told.
func TestCheckUnmapped(t *testing.T) {
	path := filepath.Join(t.TempDir(), "Caddyfile")
	if err := os.WriteFile(path, []byte("{\ntransfer {\nnode gw SG sparkoo-sg\nledger "+t.TempDir()+"\n}\n}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if code, err := (&check{caddyfile: path, at: november, json: true}).run(&out); err != nil || code != cli.Fine {
		t.Fatal(code, err)
	}
	var result struct{ Problems []checkRow }
	if err := json.Unmarshal([]byte(out.String()), &result); err != nil {
		t.Fatal(err)
	}
	p, err := config.Default()
	if err != nil {
		t.Fatal(err)
	}
	unmapped := 0
	for _, row := range result.Problems {
		if row.Code == "activity-unmapped" && row.Severity == config.Warning {
			unmapped++
		}
	}
	if unmapped != len(p.Activities) {
		t.Errorf("%d activities are told to be unmapped, want %d", unmapped, len(p.Activities))
	}
}

func TestCheckFolder(t *testing.T) {
	dir := t.TempDir()
	files, err := filepath.Glob("../../../config/policy/*.yaml")
	if err != nil || len(files) < 7 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if filepath.Base(file) == "laws.yaml" {
			data = []byte(strings.Replace(string(data), "countries: [ZA]", "countries: [UK]", 1))
		}
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(file)), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var out strings.Builder
	code, err := (&check{folder: dir, at: november}).run(&out)
	if err != nil || code != cli.Findings {
		t.Fatal(code, err)
	}
	if got := out.String(); !strings.Contains(got, ` error bad-country "UK" is not an ISO 3166-1 alpha-2 code; write GB`) || !strings.HasSuffix(got, "does not load: 1 error, 0 warnings\n") {
		t.Errorf("got %s", got)
	}
	if _, err := (&check{folder: filepath.Join(dir, "nowhere"), at: november}).run(&out); err == nil || !strings.Contains(err.Error(), "name a folder with the register files") {
		t.Errorf("got %v", err)
	}
	if code, err := (&check{at: november, strict: true}).run(&out); err != nil || code != cli.Findings {
		t.Errorf("strict: %d, %v", code, err)
	}
}

func TestHelp(t *testing.T) {
	for _, test := range []struct{ code, want string }{
		{"bad-country", "bad-country (error)\n\nWhat should be a country is no code of ISO 3166-1."},
		{"safeguard-expired", "safeguard-expired (warning)\n"},
		{"no_safeguard", "no_safeguard (denial 403, §9)\n"},
	} {
		var out strings.Builder
		if err := explainCode(&out, test.code, false); err != nil || !strings.HasPrefix(out.String(), test.want) || !strings.Contains(out.String(), "\nWhat to do: ") {
			t.Errorf("%s: %v\n%s", test.code, err, out.String())
		}
	}
	if err := explainCode(&strings.Builder{}, "bad-contry", false); err == nil || err.Error() != "no code 'bad-contry'; did you mean 'bad-country'?" {
		t.Errorf("got %v", err)
	}
	var out strings.Builder
	if err := printCodes(&out, false); err != nil || strings.Count(out.String(), "\n") != len(allCodes()) {
		t.Errorf("%v\n%s", err, out.String())
	}
}
