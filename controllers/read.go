package controllers

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/sparkoo/transfergate/internal/decision"
	"github.com/sparkoo/transfergate/internal/regular"
)

// MaxLine is how long a line of account records may be, in bytes.
const MaxLine = 64 << 10

// ReadAccounts reads account records from r, one JSON object a line (NDJSON):
//
//	{"account":"a-1","country":"BR","contracting_party":"sparkoo-sg"}
//	{"account":"a-2","contracting_party":{"name":"Foo Ltd","address":"1 Bar St","country":"SG"}}
//	{"account":"a-3","country":"FR","objections":["2b","huawei-cloud-cn"],"withdrawn":"2026-11-23T12:00:00Z"}
//
// The keys are
//
//	account            the account id, as identity sources spell it
//	country            the registered country, ISO 3166-1 alpha-2
//	contracting_party  the controller: an id of the registers, or name, address and country
//	born               when the person was born: a year such as 2010, or a day such as 2010-05-17 (§8)
//	salt               the person's own salt: 16 to 128 bytes of random text; see Account.Salt
//	references         the consents, instructions and cases on file (§4), by id of the activity each is for
//	restricted         true: the person restricted the processing (§7)
//	closed             true: the account is closed (§6, §7)
//	minor              true: the person is not of age where they live (§8)
//	guardian           true: a parent or guardian stands by the minor (§8)
//	objections         list of purposes (2a to 2g) and ids of recipients the person objects to (§7)
//	withdrawn          true, or from which moment on: consent is withdrawn (§7)
//	disabled           list of ids of activities the person switched off, which withdraws consent for those (§7)
//
// Only the account is required; null is the same as leaving a key out, and so
// are false and an empty list. What the choices stop is told with
// [decision.Choices]. Whether an objection is founded is for the Account Center to
// say. So is who is a minor, or the record says when the person was born and the
// registers from which age on they are of age. Empty lines are skipped. Known are the ids a
// record may name.
//
// The first mistake ends the reading with an error that begins with the name
// and line, and shows neither account ids nor anything else of the line but
// country codes. Mistakes are: invalid JSON or UTF-8, a key that is unknown or
// written twice, a value of the wrong type, an account without id or written
// twice, an invalid country, an unknown contracting party, recipient or activity
// (the nearest id is named), a line longer than [MaxLine], and no record at all, because a file
// caught empty while being written would undo every record.
func ReadAccounts(r io.Reader, name string, known Known) ([]Account, error) {
	return readAccounts(r, name, known, nil)
}

// readAccounts is [ReadAccounts]. If odd is not nil, an invalid country is no mistake:
// it is left out of the record, and odd is told what was wrong, with name and line.
func readAccounts(r io.Reader, name string, known Known, odd func(error)) ([]Account, error) {
	var accounts []Account
	first := make(map[string]int) // account -> line
	err := eachLine(r, name, func(n int, line []byte) error {
		a, wrong, err := parseAccount(line)
		switch {
		case wrong == nil || err != nil:
		case odd == nil:
			err = wrong
		default:
			odd(fmt.Errorf("%s:%d: %w", name, n, wrong))
		}
		if err := cmp.Or(err, a.CheckNames(known)); err != nil {
			return err
		}
		if earlier, twice := first[a.ID]; twice {
			return fmt.Errorf("the account of line %d again; keep one of the two lines", earlier)
		}
		first[a.ID] = n
		accounts = append(accounts, a)
		return nil
	})
	if err == nil && len(accounts) == 0 {
		err = fmt.Errorf("%s: no account records; if there are none, configure no accounts", name)
	}
	if err != nil {
		return nil, err
	}
	return accounts, nil
}

// ParseAccount reads one record, which is all that raw may hold, as [ReadAccounts]
// reads a line. Whether registers have what it names is left to
// [Account.CheckNames]. If odd is not nil, an invalid country is no mistake: it is left
// out of the record, see [Account.Invalid], and odd is told what was wrong.
func ParseAccount(raw []byte, odd func(error)) (Account, error) {
	a, wrong, err := parseAccount(raw)
	if odd == nil {
		return a, cmp.Or(err, wrong)
	}
	if err == nil && wrong != nil {
		odd(wrong)
	}
	return a, err
}

// parseAccount is [ParseAccount] but for an invalid country, which is left out of the
// record; wrong tells what was.
func parseAccount(raw []byte) (a Account, wrong, err error) {
	dec, err := object(raw)
	if err != nil {
		return a, nil, err
	}
	err = members(dec, func(key string, value json.Token) error { return a.member(dec, key, value) })
	if err == nil {
		wrong = a.leaveOutCountries()
		err = a.checkForm()
	}
	return a, wrong, err
}

// eachLine hands each line of r that is not empty to take, with its number. The
// first error ends the reading; it is returned with the name and the line.
func eachLine(r io.Reader, name string, take func(n int, line []byte) error) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, MaxLine+len("\r\n"))
	n := 0
	for lines.Scan() {
		n++
		if len(lines.Bytes()) > MaxLine {
			return tooLong(name, n)
		}
		line := lines.Bytes()
		if n == 1 {
			line = bytes.TrimPrefix(line, regular.BOM)
		}
		line = bytes.TrimSpace(line)
		if len(line) == 0 {
			continue
		}
		if err := take(n, line); err != nil {
			return fmt.Errorf("%s:%d: %w", name, n, err)
		}
	}
	switch err := lines.Err(); {
	case errors.Is(err, bufio.ErrTooLong):
		return tooLong(name, n+1)
	case err != nil:
		return fmt.Errorf("%s:%d: %w", name, n+1, err)
	}
	return nil
}

func tooLong(name string, line int) error {
	return fmt.Errorf("%s:%d: the line is longer than %d bytes", name, line, MaxLine)
}

// member takes one member of a record.
func (a *Account) member(dec *json.Decoder, key string, value json.Token) (err error) {
	switch key {
	case "account":
		a.ID, err = text(key, value)
	case "country":
		a.Country, err = text(key, value)
	case "contracting_party":
		if value != json.Delim('{') {
			a.Controller, err = text(key, value)
			break
		}
		a.Party = new(Party)
		err = parseParty(dec, a.Party)
	case "born":
		var written string
		if written, err = text(key, value); written != "" {
			if a.Born, err = decision.ParseBirth(written); err != nil {
				err = fmt.Errorf("born is %w", err)
			}
		}
	case "salt":
		a.Salt, err = text(key, value)
	case "references":
		a.References, err = references(dec, value)
	case "restricted", "closed", "minor", "guardian", "objections", "withdrawn", "disabled":
		err = choiceReader{dec, a}.read(key, value)
	default:
		err = errors.New("unknown key; a record has account, country, contracting_party, born, salt, references, restricted, closed, minor, guardian, objections, withdrawn and disabled")
	}
	return err
}

// object begins the reading of a JSON object after its opening brace.
func object(line []byte) (*json.Decoder, error) {
	if !utf8.Valid(line) {
		return nil, errors.New("not valid UTF-8")
	}
	// The decoder's own errors quote what they stumbled over; these don't.
	if !json.Valid(line) {
		return nil, errors.New("not one valid JSON object")
	}
	dec := json.NewDecoder(bytes.NewReader(line))
	if open, err := dec.Token(); err != nil || open != json.Delim('{') {
		return nil, errors.New("not a JSON object")
	}
	return dec, nil
}

// parseParty reads the members of an unlisted contracting party.
func parseParty(dec *json.Decoder, p *Party) error {
	return members(dec, func(key string, value json.Token) (err error) {
		switch key {
		case "name":
			p.Name, err = text("contracting_party.name", value)
		case "address":
			p.Address, err = text("contracting_party.address", value)
		case "country":
			p.Country, err = text("contracting_party.country", value)
		default:
			err = errors.New("unknown key; a contracting_party has name, address and country")
		}
		return err
	})
}

// members hands every member of an object whose opening brace has been read to
// set, with its value's first token. Unlike [json.Unmarshal] it takes no key
// twice and leaves the spelling of keys to set.
func members(dec *json.Decoder, set func(key string, value json.Token) error) error {
	seen := make(map[string]bool, 3)
	for dec.More() {
		token, err := dec.Token()
		if err != nil {
			return errors.New("not one valid JSON object")
		}
		value, err := dec.Token()
		if err != nil {
			return errors.New("not one valid JSON object")
		}
		key := token.(string) // the decoder gives nothing else here
		if err := set(key, value); err != nil {
			return err
		}
		if seen[key] {
			return fmt.Errorf("key %q is written twice", key) // a known key
		}
		seen[key] = true
	}
	if _, err := dec.Token(); err != nil {
		return errors.New("not one valid JSON object")
	}
	return nil
}

// text is the value of a key that holds text. Text that is there but empty is
// a mistake; null is as good as no key.
func text(key string, value json.Token) (string, error) {
	if value == nil {
		return "", nil
	}
	s, ok := value.(string)
	if !ok {
		return "", fmt.Errorf("%s is not text", key)
	}
	if s == "" {
		return "", fmt.Errorf("%s is empty; leave the key out instead", key)
	}
	return s, nil
}
