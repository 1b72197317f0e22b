package cli

import (
	"strings"

	"github.com/sparkoo/transfergate/internal/ledger"
)

// ReadClasses hands on every entry of a ledger, class by class.
func ReadClasses(dir string, f func(ledger.Entry) error) error {
	classes, err := ledger.Classes(dir)
	if err != nil {
		return err
	}
	for _, class := range classes {
		if err := ledger.Read(ledger.ClassFolder(dir, class), ledger.ID{}, f); err != nil {
			return err
		}
	}
	return nil
}

// ClassOf is the folder in which a record of a ledger lies, given the record's name:
// in gw-1/support#1.42 the node's name is followed by the class.
func ClassOf(dir, record string) (string, error) {
	node, _, found := strings.Cut(record, "#")
	_, class, apart := strings.Cut(node, "/")
	if !found || !apart {
		return dir, nil
	}
	if err := ledger.CheckClass(class); err != nil {
		return "", err
	}
	return ledger.ClassFolder(dir, class), nil
}
