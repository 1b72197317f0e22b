package cli

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/sparkoo/transfergate/caddyplugin/adminapi"
	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/record"
)

// ReadClasses hands on every entry of a ledger, class by class.
func ReadClasses(dir string, f func(ledger.Entry) error) error {
	classes, err := ledger.At(dir).Classes()
	if err != nil {
		return err
	}
	for _, class := range classes {
		for e, err := range class.Entries(record.ID{}) {
			if err == nil {
				err = f(e)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// ReadTransfers hands on every transfer and denial of a ledger, class by class. No
// entry is passed over that might be one: what cannot be read is an error.
func ReadTransfers(dir string, f func(ledger.Entry, *record.Transfer) error) error {
	return ReadClasses(dir, func(e ledger.Entry) error {
		entry, err := record.Parse(e.Data)
		if err != nil {
			return fmt.Errorf("record %s: %w", e.ID, err)
		}
		switch entry := entry.(type) {
		case *record.Transfer:
			return f(e, entry)
		case *record.Other:
			if h := entry.Head(); !slices.Contains(record.Versions(), h.Version) {
				return fmt.Errorf("record %s: it is of version %q, and this program reads %q", e.ID, h.Version, record.Versions())
			}
		}
		return nil
	})
}

// RecordIn finds a record of a ledger by its number as people are shown it, with or
// without the node before it: the ledger in which it lies, which is the class's where
// the number names one, and its place there. A bare index is one of the newest epoch.
func RecordIn(dir, number string) (l ledger.Dir, id record.ID, err error) {
	place := number[strings.LastIndexByte(number, '#')+1:]
	index, err := strconv.ParseUint(place, 10, 64)
	bare := err == nil
	whole := number
	if bare {
		whole = strings.TrimSuffix(number, place) + "1." + strconv.FormatUint(index, 10)
	}
	name, err := record.ParseName(whole)
	if err != nil {
		return l, id, err
	}
	if l = ledger.At(dir); name.Class != "" {
		l = l.Of(name.Class)
	}
	if !bare {
		return l, name.ID, nil
	}
	newest, err := l.Last(1)
	return l, record.ID{Epoch: newest.Epoch, Index: index}, err
}

// FindRecord is RecordIn for FOLDER#NUMBER, or for a number alone: then it is in the
// ledger of the gateway that runs here.
func FindRecord(text string) (l ledger.Dir, id record.ID, err error) {
	for i, c := range text {
		if c != '#' {
			continue
		}
		if info, err := os.Stat(text[:i]); err == nil && info.IsDir() {
			return RecordIn(text[:i], text[i+1:])
		}
	}
	name, err := record.ParseName(text)
	if err != nil || name.Node == "" {
		return l, id, fmt.Errorf("record '%s' is not FOLDER#NUMBER with a folder that is there, such as data/ledger#1.42, and no number with the node, such as gw-1#1.42", text)
	}
	dir, err := runningLedger(name.Node)
	if err != nil {
		return l, id, fmt.Errorf("looking for record %s without a folder: %w", text, err)
	}
	return RecordIn(dir, text)
}

// runningLedger is the ledger's folder of the gateway that runs here, if it is the
// node's.
func runningLedger(node string) (string, error) {
	dir, err := adminapi.Client{}.LedgerFolder()
	switch {
	case err != nil:
		return "", err
	case dir == "":
		return "", errors.New("the running gateway names no folder of a ledger")
	}
	switch found := ledger.At(dir).Node(); {
	case found == "":
		return "", fmt.Errorf("the running gateway's ledger is in %s, which is no ledger as seen from here; name the folder", dir)
	case found != node:
		return "", fmt.Errorf("the ledger %s of the running gateway is that of node %s", dir, found)
	}
	return dir, nil
}
