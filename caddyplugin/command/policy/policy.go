package policy

import (
	"fmt"
	"os"
	"strings"

	"github.com/sparkoo/transfergate/config"
	"github.com/sparkoo/transfergate/controllers"
	"github.com/sparkoo/transfergate/internal/country"
	"github.com/sparkoo/transfergate/internal/decision"
	"github.com/sparkoo/transfergate/internal/question"
	"github.com/sparkoo/transfergate/internal/regular"
)

// embeddedPolicy is the word for the policy that is built into the program.
const embeddedPolicy = "embedded"

// loadPolicy reads the registers in a folder, or the embedded ones for that word
// or for none.
func loadPolicy(dir string) (*config.Registers, error) {
	if dir == "" || dir == embeddedPolicy {
		return config.DefaultRegisters()
	}
	if _, err := os.ReadDir(dir); err != nil {
		return nil, fmt.Errorf("reading the registers: %w; name a folder with the register files, or write '%s'", err, embeddedPolicy)
	}
	return config.LoadRegisters(regular.FS(dir), dir)
}

// loadAccounts reads a file of account records under a policy.
func loadAccounts(p *decision.Policy, path string) (*controllers.Snapshot, error) {
	table, err := controllers.ForPolicy(p)
	if err != nil {
		return nil, fmt.Errorf("reading the controllers: %w", err)
	}
	f, err := regular.Open(path, regular.TableLimit)
	if err != nil {
		return nil, fmt.Errorf("reading the account records: %w", err)
	}
	defer f.Close()
	accounts, err := controllers.ReadAccounts(f, path, table.Known())
	if err != nil {
		return nil, err
	}
	if err := table.ReplaceAccounts(accounts); err != nil {
		return nil, err
	}
	return table.Snapshot(), nil
}

// parseStaff reads entity@CN. Empty is nil.
func parseStaff(text string) (*decision.Place, error) {
	if text == "" {
		return nil, nil
	}
	staff, err := question.ParsePlace(text)
	if err != nil {
		return nil, fmt.Errorf("staff %w", err)
	}
	return &staff, nil
}

// parseNode reads NAME:CC:ENTITY or CC:ENTITY. Empty is the zero Place.
func parseNode(text string) (decision.Place, error) {
	if text == "" {
		return decision.Place{}, nil
	}
	parts := strings.Split(text, ":")
	if len(parts) < 2 || len(parts) > 3 || !country.Valid(parts[len(parts)-2]) || parts[len(parts)-1] == "" {
		return decision.Place{}, fmt.Errorf("node '%s' is not NAME:COUNTRY:ENTITY, such as gw-sg-1:SG:sparkoo-sg", text)
	}
	return decision.Place{Entity: parts[len(parts)-1], Country: parts[len(parts)-2]}, nil
}

// split reads a list written with commas; nil for nothing.
func split(text string) []string {
	if text == "" {
		return nil
	}
	var items []string
	for item := range strings.SplitSeq(text, ",") {
		if item = strings.TrimSpace(item); item != "" {
			items = append(items, item)
		}
	}
	return items
}
