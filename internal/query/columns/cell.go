package columns

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"strings"
	"sync"

	"github.com/sparkoo/transfergate/internal/query"
)

// cell is a set of values as it stands in a column.
func cell(set []string) (string, error) {
	if len(set) == 0 {
		return "", nil
	}
	if len(set) == 1 && set[0] != "" && !strings.HasPrefix(set[0], "[") {
		return set[0], nil
	}
	data, err := json.Marshal(set)
	return string(data), err
}

// readCell is the inverse of cell, of a list with the text alone. It keeps the list.
func readCell(text []string) (set []string, err error) {
	switch {
	case text[0] == "":
		return nil, nil
	case !strings.HasPrefix(text[0], "["):
		return text, nil
	}
	if err := json.Unmarshal([]byte(text[0]), &set); err != nil {
		return nil, fmt.Errorf("a cell of several values: %w", err)
	}
	return set, nil
}

// keysDigest tells which keys have columns: with others, files are made anew.
var keysDigest = sync.OnceValue(func() string {
	h := fnv.New64a()
	for _, k := range query.Stored() {
		fmt.Fprintf(h, "%s %s %t\n", k.Name, k.Kind, k.Marked()) //nolint:errcheck // a hash fails never
	}
	return fmt.Sprintf("%016x", h.Sum64())
})

// ended is the error of what has been read to its end.
func ended(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}
