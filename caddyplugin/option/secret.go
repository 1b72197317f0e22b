package option

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/sparkoo/transfergate/internal/regular"
)

// Secret says where a secret is: in a file of that name or, after the word value,
// right there. A placeholder such as {env.X} may stand for either. As JSON it is the
// file's name, or an object with the member value.
type Secret struct {
	File  string
	Value string
}

// secretValue is a value as JSON.
type secretValue struct {
	Value string `json:"value"`
}

// IsZero reports whether no secret is named.
func (s Secret) IsZero() bool { return s == Secret{} }

// MarshalJSON implements json.Marshaler.
func (s Secret) MarshalJSON() ([]byte, error) {
	if s.Value != "" {
		return json.Marshal(secretValue{s.Value})
	}
	return json.Marshal(s.File)
}

// UnmarshalJSON implements json.Unmarshaler.
func (s *Secret) UnmarshalJSON(raw []byte) error {
	*s = Secret{}
	if !bytes.HasPrefix(raw, []byte("{")) {
		return json.Unmarshal(raw, &s.File)
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	var v secretValue
	if err := dec.Decode(&v); err != nil {
		return err
	}
	if s.Value = v.Value; s.Value == "" {
		return errors.New("the value of a secret is empty")
	}
	return nil
}

// Secrets reads a secret for each target; only the first must be there. The syntax is
// what an error shows: an argument may be secret, so no error shows one.
func Secrets(d *caddyfile.Dispenser, syntax string, targets ...*Secret) error {
	args := d.RemainingArgs()
	wrong := d.Errf("%d arguments where '%s' is meant", len(args), syntax)
	for i, target := range targets {
		switch {
		case len(args) == 0 && i > 0:
			return nil
		case len(args) == 0:
			return wrong
		case args[0] != "value":
			*target, args = Secret{File: args[0]}, args[1:]
		case len(args) == 1 || args[1] == "":
			return d.Errf("no secret follows the word 'value': '%s' is meant", syntax)
		default:
			*target, args = Secret{Value: args[1]}, args[2:]
		}
	}
	if len(args) > 0 {
		return wrong
	}
	return nil
}

// Read returns the secret, and what errors may call it; nil if none is named. The
// name of the option begins all errors.
//
// Former reports whether what was written in a file's place, and what it stands for
// now, was formerly taken for the secret itself. It still is, with a warning.
func (s Secret) Read(option string, former func(written, value string) bool, logger *slog.Logger) (secret []byte, name string, err error) {
	switch {
	case s.Value != "":
		return s.readValue(option)
	case s.File == "":
		return nil, option, nil
	}
	value, err := caddy.NewReplacer().ReplaceOrErr(s.File, true, true)
	name = fmt.Sprintf("%s '%s'", option, s.File)
	if err != nil {
		return nil, name, fmt.Errorf("%s: %w", name, err)
	}
	value = strings.TrimSpace(value)
	if former(s.File, value) {
		if value == strings.TrimSpace(s.File) {
			name = option // it is the secret
		}
		logger.Warn("a secret stands where a file's name does, which is deprecated: write the word 'value' before it, as in 'value {env.X}'", "option", name)
		return []byte(value), name, nil
	}
	secret, err = regular.ReadFile(value, regular.KeyLimit)
	var file *os.PathError
	switch {
	case errors.As(err, &file) && value != s.File: // the error may repeat a secret
		return nil, name, fmt.Errorf("%s names no file that can be read: %w", name, file.Err)
	case err != nil:
		return nil, name, fmt.Errorf("%s: %w", option, err)
	}
	return secret, name, nil
}

// readValue does not repeat what is not a placeholder and nothing else.
func (s Secret) readValue(option string) (secret []byte, name string, err error) {
	if strings.ContainsAny(s.Value, "\"\n") { // a key: its braces are its own
		return []byte(s.Value), option, nil
	}
	name = option
	if strings.HasPrefix(s.Value, "{") && strings.Index(s.Value, "}") == len(s.Value)-1 {
		name = fmt.Sprintf("%s 'value %s'", option, s.Value)
	}
	value, err := caddy.NewReplacer().ReplaceOrErr(s.Value, true, true)
	switch {
	case err != nil && name == option:
		return nil, name, fmt.Errorf("%s: a placeholder after the word 'value' stands for nothing", option)
	case err != nil:
		return nil, name, fmt.Errorf("%s: %w", name, err)
	}
	return bytes.TrimSpace([]byte(value)), name, nil
}
