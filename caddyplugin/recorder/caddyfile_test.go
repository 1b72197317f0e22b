package recorder_test

import (
	"crypto/ed25519"
	"encoding/json"
	"strings"
	"testing"

	"filippo.io/torchwood"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/sparkoo/transfergate/caddyplugin/recorder"
)

// witnessKey is a key of the type for cosignatures.
var witnessKey = func() string {
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		panic(err)
	}
	signer, err := torchwood.NewCosignatureSigner("witness.example/w", key)
	if err != nil {
		panic(err)
	}
	return signer.Verifier().String()
}()

// parse reads the option as it stands in a file of the name Caddyfile.
func parse(t *testing.T, text string) (l recorder.Ledger, err error) {
	t.Helper()
	tokens, err := caddyfile.Tokenize([]byte(text), "Caddyfile")
	if err != nil {
		t.Fatal(err)
	}
	d := caddyfile.NewDispenser(tokens)
	d.Next()
	return l, l.UnmarshalCaddyfile(d)
}

// Every word there is, as it becomes JSON.
func TestLedgerOption(t *testing.T) {
	for text, want := range map[string]string{
		"ledger /srv/ledger": `{"folder":"/srv/ledger"}`,
		`ledger /srv/ledger {
			key /etc/checkpoint.key
			min_free 64MiB
			reserve 1GB
			epoch_entries 65536
			retain 5 years
			class support {
				activities support support-training
				retain 18 months
			}
			class old {
				retain 90 days
			}
			master /etc/master value {env.OLD}
			key_months 12
			witness https://witness.example/w ` + witnessKey + `
			copy /mnt/other/checkpoint
			copy https://copies.example/gw-sg-1
		}`: `{"folder":"/srv/ledger","key":"/etc/checkpoint.key","min_free":67108864,"reserve":1000000000,"epoch_entries":65536,` +
			`"master":"/etc/master","old_master":{"value":"{env.OLD}"},"retain":"5 years",` +
			`"classes":[{"name":"support","activities":["support","support-training"],"retain":"18 months"},{"name":"old","retain":"90 days"}],` +
			`"key_months":12,"witnesses":[{"url":"https://witness.example/w","key":"` + witnessKey + `"}],` +
			`"copies":["/mnt/other/checkpoint","https://copies.example/gw-sg-1"]}`,
		"ledger /l {\nretain 1 day\n}":                            `{"folder":"/l","retain":"1 day"}`,
		"ledger /l {\nretain 100 years\nmaster value {env.M}\n}":  `{"folder":"/l","master":{"value":"{env.M}"},"retain":"100 years"}`,
		"ledger /l {\nkey_months 1\nreserve 1\nmin_free 1.5kB\n}": `{"folder":"/l","min_free":1500,"reserve":1,"key_months":1}`,
	} {
		l, err := parse(t, text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		got, err := json.Marshal(l)
		if err != nil || string(got) != want {
			t.Errorf("%s: %v\n%s, want\n%s", text, err, got, want)
		}
		var back recorder.Ledger
		if err := json.Unmarshal(got, &back); err != nil {
			t.Errorf("%s: %v", got, err)
		} else if again, err := json.Marshal(back); err != nil || string(again) != want {
			t.Errorf("read back: %s, %v", again, err)
		}
	}
}

// What is wrong is told with its line, and no secret with it.
func TestLedgerOptionErrors(t *testing.T) {
	in := func(line string) string { return "ledger /l {\n" + line + "\n}" }
	class := func(line string) string { return in("class support {\n" + line + "\n}") }
	for text, want := range map[string]string{
		"ledger":                                     "0 arguments where 'ledger FOLDER' is meant, at Caddyfile:1",
		"ledger /a /b":                               "2 arguments where 'ledger FOLDER' is meant, at Caddyfile:1",
		in("folder /a"):                              "unrecognized ledger option 'folder'",
		in("retian 5 years"):                         "'retain'",
		in("key"):                                    "0 arguments where 'key FILE' is meant, at Caddyfile:2",
		in("key a {\nb\n}"):                          "Caddyfile:2",
		in("key a\nkey b"):                           "'key' is written twice, at Caddyfile:3",
		in("retain 1 day\nretain 1 day"):             "'retain' is written twice, at Caddyfile:3",
		in("min_free much"):                          "'much' is not a size such as 512MiB, at Caddyfile:2",
		in("min_free 0"):                             "'0' is not a size",
		in("min_free -1"):                            "'-1' is not a size",
		in("reserve 1 GB"):                           "2 arguments where 'reserve SIZE' is meant",
		in("reserve 99999999EB"):                     "'99999999EB' is not a size",
		in("epoch_entries 0"):                        "'0' is not a number of entries, at Caddyfile:2",
		in("epoch_entries 1e6"):                      "'1e6' is not a number of entries",
		in("epoch_entries -5"):                       "'-5' is not a number of entries",
		in("epoch_entries 99999999999999999999"):     "is not a number of entries",
		in("key_months 0"):                           "'0' is not a number of months from 1 to 12, at Caddyfile:2",
		in("key_months 13"):                          "'13' is not a number of months from 1 to 12",
		in("key_months two"):                         "'two' is not a number of months",
		in("retain 5"):                               "1 arguments where 'retain NUMBER days|months|years' is meant, at Caddyfile:2",
		in("retain five years"):                      "'five years' is not a length of time such as '5 years'",
		in("retain 05 years"):                        "'05 years' is not a length of time",
		in("retain 0 days"):                          "'0 days' is not a length of time",
		in("retain -1 days"):                         "'-1 days' is not a length of time",
		in("retain 5 weeks"):                         "'5 weeks' is not a length of time",
		in("retain 5 yearss"):                        "'5 yearss' is not a length of time",
		in("retain 5 s"):                             "'5 s' is not a length of time",
		in("retain 101 years"):                       "'101 years' is more than 100 years, at Caddyfile:2",
		in("class"):                                  "0 arguments where 'class NAME' is meant, at Caddyfile:2",
		in("class Support"):                          "'Support' cannot name a class",
		in("class ../x"):                             "'../x' cannot name a class",
		in("class default"):                          "'default' is the class of what belongs to no other, at Caddyfile:2",
		in("class support"):                          "the class 'support' says nothing else than the ledger",
		class("activities a"):                        "as in 'retain 18 months', at Caddyfile:4",
		class("activities"):                          "Caddyfile:3",
		class("retain 1 day\nretain 2 days"):         "'retain' is written twice, at Caddyfile:4",
		class("key /k"):                              "unrecognized option 'key' of a ledger's class",
		class("retain 1 week"):                       "'1 week' is not a length of time",
		in("witness https://w.example"):              "1 arguments where 'witness URL KEY' is meant, at Caddyfile:2",
		in("witness https://w.example key"):          "Caddyfile:2",
		in("witness http://w.example " + witnessKey): "Caddyfile:2",
		in("copy relative/file"):                     "the copy 'relative/file' is neither an absolute path nor a URL, at Caddyfile:2",
		in("copy http://c.example/x"):                "Caddyfile:2",
		in("copy https://c.example/x?y=z"):           "may have no query",
		in("copy /a /b"):                             "2 arguments where 'copy FILE|URL' is meant, at Caddyfile:2",
		in("master"):                                 "0 arguments where 'master [value] SECRET [[value] OLD]' is meant, at Caddyfile:2",
		in("master value"):                           "no secret follows the word 'value'",
		in("master value hush-4711 value hush-4711 hush-4711"): "5 arguments where",
		in("mastre value hush-4711"):                           "'master'",
		in("master value hush-4711\nmaster value hush-4711"):   "'master' is written twice, at Caddyfile:3",
	} {
		_, err := parse(t, text)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "at Caddyfile:") {
			t.Errorf("%s\n\tgot the error '%v', want '%s' and the line", text, err, want)
		} else if strings.Contains(err.Error(), "hush") {
			t.Errorf("%s\n\tthe error shows a secret: %v", text, err)
		}
	}
}
