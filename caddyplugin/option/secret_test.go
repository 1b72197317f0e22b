package option_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/sparkoo/transfergate/caddyplugin/option"
)

// formerly takes what begins with a dash for a secret itself.
func formerly(_, value string) bool { return strings.HasPrefix(value, "-") }

func TestSecretRead(t *testing.T) {
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte("of the file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TEST_SECRET_FILE", file)
	t.Setenv("TEST_SECRET", " hidden ")
	t.Setenv("TEST_SECRET_DASH", "-hidden")
	t.Setenv("TEST_SECRET_EMPTY", "")
	for _, c := range []struct {
		written           option.Secret
		want, name, fails string
		warns             bool
	}{
		{written: option.Secret{}, name: "key"},
		{written: option.Secret{File: file}, want: "of the file\n", name: "key '" + file + "'"},
		{written: option.Secret{File: "{env.TEST_SECRET_FILE}"}, want: "of the file\n", name: "key '{env.TEST_SECRET_FILE}'"},
		{written: option.Secret{File: "/nowhere"}, fails: "key: open /nowhere: no such file or directory"},
		{written: option.Secret{File: "{env.TEST_SECRET}"}, fails: "key '{env.TEST_SECRET}' names no file that can be read: no such file or directory"},
		{written: option.Secret{File: "{env.TEST_SECRET_EMPTY}"}, fails: "key '{env.TEST_SECRET_EMPTY}': "},
		{written: option.Secret{File: "{env.TEST_SECRET_DASH}"}, want: "-hidden", name: "key '{env.TEST_SECRET_DASH}'", warns: true},
		{written: option.Secret{File: "-hidden"}, want: "-hidden", name: "key", warns: true},
		{written: option.Secret{Value: "{env.TEST_SECRET}"}, want: "hidden", name: "key 'value {env.TEST_SECRET}'"},
		{written: option.Secret{Value: "hidden"}, want: "hidden", name: "key"},
		{written: option.Secret{Value: `{"hidden":"{x}"}`}, want: `{"hidden":"{x}"}`, name: "key"},
		{written: option.Secret{Value: "{env.TEST_SECRET_EMPTY}"}, fails: "key 'value {env.TEST_SECRET_EMPTY}': "},
		{written: option.Secret{Value: "hidden{nothing}"}, fails: "key: a placeholder after the word 'value' stands for nothing"},
	} {
		var log bytes.Buffer
		secret, name, err := c.written.Read("key", formerly, slog.New(slog.NewTextHandler(&log, nil)))
		if c.fails != "" {
			if err == nil || !strings.HasPrefix(err.Error(), c.fails) || strings.Contains(err.Error(), "hidden") {
				t.Errorf("%+v: %v, want %s", c.written, err, c.fails)
			}
			continue
		}
		if err != nil || string(secret) != c.want || name != c.name {
			t.Errorf("%+v: %q called %s, %v", c.written, secret, name, err)
		}
		if warned := strings.Contains(log.String(), "level=WARN"); warned != c.warns || strings.Contains(log.String(), "hidden") {
			t.Errorf("%+v: logged %s", c.written, log.String())
		}
	}
}

func TestSecrets(t *testing.T) {
	for text, want := range map[string]string{
		"key a":                 `"a" ""`,
		"key a b":               `"a" "b"`,
		"key value a":           `{"value":"a"} ""`,
		"key value a b":         `{"value":"a"} "b"`,
		"key a value value":     `"a" {"value":"value"}`,
		"key value a value {b}": `{"value":"a"} {"value":"{b}"}`,
		"key":                   "0 arguments where 'key SECRET' is meant",
		"key a b c":             "3 arguments where 'key SECRET' is meant",
		"key value":             "no secret follows the word 'value': 'key SECRET' is meant",
		`key value ""`:          "no secret follows the word 'value': 'key SECRET' is meant",
	} {
		d := caddyfile.NewTestDispenser(text)
		d.Next()
		var secrets [2]option.Secret
		err := option.Secrets(d, "key SECRET", &secrets[0], &secrets[1])
		if err != nil {
			if !strings.HasPrefix(err.Error(), want) {
				t.Errorf("%s: %v", text, err)
			}
			continue
		}
		var forms []string
		for _, s := range secrets {
			form, err := json.Marshal(s)
			if err != nil {
				t.Fatal(err)
			}
			var back option.Secret
			if err := json.Unmarshal(form, &back); err != nil || back != s {
				t.Errorf("%s: %s is read as %+v, %v", text, form, back, err)
			}
			forms = append(forms, string(form))
		}
		if got := strings.Join(forms, " "); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
	for _, bad := range []string{`{"value":""}`, `{"file":"x"}`, `7`} {
		if err := json.Unmarshal([]byte(bad), new(option.Secret)); err == nil {
			t.Errorf("%s is taken for a secret", bad)
		}
	}
}
