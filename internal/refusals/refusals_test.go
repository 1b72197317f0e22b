package refusals_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/sparkoo/transfergate/internal/refusals"
)

var noon = time.Date(2027, 1, 10, 12, 0, 0, 0, time.UTC)

// book takes what a counter writes.
type book struct {
	mu      sync.Mutex
	written []refusals.Summary // guarded by mu
	broken  bool
}

var errBroken = errors.New("broken")

func (b *book) write(s refusals.Summary) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.broken {
		return errBroken
	}
	b.written = append(b.written, s)
	return nil
}

// Every denial stands in full or in a number, whoever comes at the same time, however
// many kinds there are, and however the clock goes.
func TestNothingIsLost(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var b book
		c := refusals.New(refusals.Limits{Nobody: 2, Person: 3, Abouts: 3, Persons: 4}, b.write)
		full, all := uint64(0), rapid.IntRange(0, 200).Draw(t, "denials")
		for range all {
			b.broken = rapid.IntRange(0, 9).Draw(t, "disk") == 0
			a := refusals.About{
				Reason:  rapid.SampledFrom([]string{"a", "b"}).Draw(t, "reason"),
				Site:    rapid.StringMatching("[a-e]").Draw(t, "site"),
				Subject: rapid.SampledFrom([]string{"", "", "h1", "h2", "h3", "h4", "h5", "h6"}).Draw(t, "subject"),
			}
			at := noon.Add(time.Duration(rapid.IntRange(-5, 5).Draw(t, "minute")) * time.Minute)
			stands, err := c.Admit(a, at, rapid.Bool().Draw(t, "scarce"))
			if err != nil && (!stands || !b.broken) {
				t.Fatalf("%v, %v", stands, err)
			}
			if stands {
				full++
			}
		}
		b.broken = false
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
		counted := uint64(0)
		for _, s := range b.written {
			counted += s.Counted
			if s.Counted == 0 || !s.From.Before(s.To) {
				t.Fatalf("an empty number: %+v", s)
			}
		}
		if full+counted != uint64(all) {
			t.Fatalf("%d stand in full and %d are counted, of %d", full, counted, all)
		}
	})
}

// What was counted in a minute is written before anything of the next stands in full.
func TestNumbersComeFirst(t *testing.T) {
	var b book
	c := refusals.New(refusals.Limits{}, b.write)
	nobody := refusals.About{Reason: "r", Site: "s"}
	for range 100 {
		if _, err := c.Admit(nobody, noon, false); err != nil {
			t.Fatal(err)
		}
	}
	var callers sync.WaitGroup
	for range 8 {
		callers.Go(func() {
			full, err := c.Admit(nobody, noon.Add(time.Minute), false)
			b.mu.Lock()
			defer b.mu.Unlock()
			if err != nil || full && len(b.written) != 1 {
				t.Errorf("%v, %v after %d numbers", full, err, len(b.written))
			}
		})
	}
	callers.Wait()
	if len(b.written) != 1 || b.written[0] != (refusals.Summary{About: nobody, From: noon.Local(), To: noon.Add(time.Minute).Local(), Counted: 95, Full: 5}) {
		t.Errorf("written: %+v", b.written)
	}
}

// What could not be written is written later, and whoever waits for it is told.
func TestNumbersAreKept(t *testing.T) {
	b := book{broken: true}
	c := refusals.New(refusals.Limits{Nobody: 1}, b.write)
	nobody := refusals.About{Reason: "r"}
	for range 3 {
		if _, err := c.Admit(nobody, noon, false); err != nil {
			t.Fatal(err)
		}
	}
	if full, err := c.Admit(nobody, noon.Add(time.Minute), false); !full || !errors.Is(err, errBroken) {
		t.Errorf("%v, %v with a broken disk", full, err)
	}
	b.broken = false
	if err := c.Settle(noon.Add(time.Minute)); err != nil || len(b.written) != 1 || b.written[0].Counted != 2 {
		t.Errorf("%v, written: %+v", err, b.written)
	}
}

// However many sites, persons and members of staff somebody makes up, a minute leaves
// no more in full, and no more numbers, than the limits say.
func TestHostileCallersAreBounded(t *testing.T) {
	var b book
	limits := refusals.Limits{Nobody: 2, Person: 3, Abouts: 10, Persons: 20}
	c := refusals.New(limits, b.write)
	full := 0
	for i := range 20000 {
		a := refusals.About{Reason: "r", Site: fmt.Sprint("site-", i)}
		switch i % 3 {
		case 1:
			a.Subject = fmt.Sprint("h1:", i)
		case 2:
			a.Requester = fmt.Sprint("entity-", i, "@CN")
		}
		stands, err := c.Admit(a, noon, false)
		if err != nil {
			t.Fatal(err)
		}
		if stands {
			full++
		}
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if most := 11*2 + 21*3; full > most {
		t.Errorf("%d stand in full, want at most %d", full, most)
	}
	if len(b.written) != 2 {
		t.Errorf("%d numbers, want the two of those that are not told apart: %+v", len(b.written), b.written)
	}
	for _, s := range b.written {
		if s.Site != refusals.Several || !strings.Contains("*", s.Subject) {
			t.Errorf("%+v", s)
		}
	}
}
