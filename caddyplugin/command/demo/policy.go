package demo

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/sparkoo/transfergate/config"
)

// Dates of the demonstration's policy, from the day it is started.
const (
	endedBefore = 5  // days since a safeguard ended
	beginsIn    = 21 // days until a law begins
)

// lawThatBegins is a row of laws.yaml, with its first day.
const lawThatBegins = `
  # Made up for the demonstration.
  - id: pe-example
    title: "Example: a law of Peru that begins soon, made up for this demonstration"
    articles: none
    countries: [PE]
    default: prohibited
    source: made up
    direct_collection: {as: transfer, source: made up}
    returns: {as: transfer, source: made up}
    mechanisms:
      - {tag: pe-example-permit, title: "A permit, made up", dpv: [dpv:DataTransferLegalBasis]}
    valid_from: %s
`

// writePolicy writes the embedded policy into a new folder, with two changes: support of
// people in Brazil by the affiliate has lost its safeguard, and a law of Peru begins.
func writePolicy(dir string, today time.Time) error {
	if err := config.Export(dir); err != nil {
		return err
	}
	// Its tests are of the policy as it was.
	if err := os.Remove(filepath.Join(dir, config.TestsFile)); err != nil {
		return err
	}
	day := func(days int) string { return today.UTC().AddDate(0, 0, days).Format(time.DateOnly) }
	return errors.Join(
		change(filepath.Join(dir, "laws.yaml"), "\nclocks:", fmt.Sprintf(lawThatBegins, day(beginsIn))+"\nclocks:"),
		change(filepath.Join(dir, "safeguards.yaml"), "  - id: br-support-cn\n", "  - id: br-support-cn\n    valid_until: "+day(-endedBefore)+"\n"),
	)
}

// change replaces what stands in a file once.
func change(file, old, with string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if n := strings.Count(string(text), old); n != 1 {
		return fmt.Errorf("%s has %q %d times, not once", filepath.Base(file), old, n)
	}
	return os.WriteFile(file, []byte(strings.Replace(string(text), old, with, 1)), 0o600)
}

// account is a line of the accounts.
type account struct {
	ID         string `json:"account"`
	Country    string `json:"country"`
	Party      string `json:"contracting_party,omitempty"`
	Restricted bool   `json:"restricted,omitempty"`
	Minor      bool   `json:"minor,omitempty"`
	Withdrawn  bool   `json:"withdrawn,omitempty"`
}

// writeAccounts writes the accounts of the people who ask, and those that the start page
// and the README name.
func writeAccounts(path string) (err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("writing the demonstration's accounts: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	out := bufio.NewWriter(f)
	lines := json.NewEncoder(out)
	named := []account{{ID: "ana", Country: "BR", Party: "sparkoo-br"}, {ID: "bruno", Country: "BR", Party: "sparkoo-sg"}}
	for _, a := range append(named, people()...) {
		if err := lines.Encode(a); err != nil {
			return err
		}
	}
	return out.Flush()
}
