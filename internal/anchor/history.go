package anchor

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/sparkoo/transfergate/internal/tiles"
)

// A copy's history is a second file beside it: the first checkpoint of each day that
// had one, a line each of the day in UTC and the signed note in base64. What was there
// when a day began cannot be cut off afterwards without contradicting its line.

// historySuffix is what the history's name has more than the copy's.
const historySuffix = ".history"

// KeptLimit bounds what [ReadKept] reads, in bytes: a history of some thirty years.
const KeptLimit = 4 << 20

// historyRetry is how long a history that could not be kept waits for the next try.
const historyRetry = time.Hour

// KeepHistory adds a day's first checkpoint to the history. What is there and is no
// history stays as it is.
func (c *Copy) KeepHistory(ctx context.Context, signed []byte, now time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	day := now.UTC().Format(time.DateOnly)
	if day <= c.day || now.Before(c.again) {
		return nil
	}
	c.again = now.Add(historyRetry)
	err := c.addLine(ctx, signed, day)
	if err != nil {
		return fmt.Errorf("keeping the history of the %s: %w", c.Name(), err)
	}
	c.again = time.Time{}
	return nil
}

func (c *Copy) addLine(ctx context.Context, signed []byte, day string) error {
	target := c.target + historySuffix
	kept, err := c.read(ctx, target, KeptLimit)
	if err != nil {
		return err
	}
	last, lines, err := parseHistory(kept)
	if err != nil {
		return fmt.Errorf("%w; it stays as it is", err)
	}
	if last >= day {
		c.day = last
		return nil
	}
	if len(lines) > 0 && kept[len(kept)-1] != '\n' {
		return errors.New("its last line is cut off; it stays as it is")
	}
	line := day + " " + base64.StdEncoding.EncodeToString(signed) + "\n"
	if err := c.replace(ctx, target, append(kept, line...)); err != nil {
		return err
	}
	c.day = day
	return nil
}

// parseHistory reads a history, and the day of its last line.
func parseHistory(data []byte) (last string, signed [][]byte, err error) {
	for line := range strings.Lines(string(data)) {
		day, text, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		note, err := base64.StdEncoding.Strict().DecodeString(text)
		if err == nil {
			_, err = time.Parse(time.DateOnly, day)
		}
		if err == nil {
			_, err = tiles.ReadCheckpoint(note)
		}
		if err != nil || day <= last {
			return "", nil, errors.New("it is no history of checkpoints, a line for each day")
		}
		last, signed = day, append(signed, note)
	}
	return last, signed, nil
}

// ReadKept reads the signed checkpoints of a file that was kept elsewhere: of one
// checkpoint, or of a copy's history.
func ReadKept(data []byte) (signed [][]byte, err error) {
	if _, err := tiles.ReadCheckpoint(data); err == nil {
		return [][]byte{data}, nil
	}
	_, signed, err = parseHistory(bytes.TrimLeft(data, "\n"))
	if err != nil || len(signed) == 0 {
		return nil, errors.New("neither a signed checkpoint nor a copy's history of them")
	}
	return signed, nil
}
