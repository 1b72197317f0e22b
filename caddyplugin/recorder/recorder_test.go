package recorder_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/sparkoo/transfergate/caddyplugin/option"
	"github.com/sparkoo/transfergate/caddyplugin/recorder"
	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/record"
	"github.com/sparkoo/transfergate/internal/refusals"
	"github.com/sparkoo/transfergate/internal/tiles"
)

// journal is what is logged.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer // guarded by mu
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

// find is New, and gives the ledgers back with the test.
func find(t *testing.T, l *recorder.Ledger) (*recorder.Recorder, *journal) {
	t.Helper()
	logged := new(journal)
	r, err := recorder.New(l, recorder.Options{Node: "gw-sg-1", Logger: slog.New(slog.NewTextHandler(logged, nil))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { end(t, r) })
	return r, logged
}

// open is find and Open.
func open(t *testing.T, l *recorder.Ledger) (*recorder.Recorder, *journal) {
	t.Helper()
	r, logged := find(t, l)
	if err := r.Open(); err != nil {
		t.Fatal(err)
	}
	return r, logged
}

func end(t *testing.T, r *recorder.Recorder) {
	t.Helper()
	if err := r.Close(); err != nil {
		t.Errorf("closing: %v", err)
	}
}

// entry is a record that says nothing but when.
func entry() []byte {
	c := record.Counted{Header: record.Header{Time: time.Now(), Node: "gw-sg-1"}, Reason: "no_activity", From: time.Now(), To: time.Now(), Counted: 1}
	return c.Append(nil)
}

// add appends so many entries to a class.
func add(t *testing.T, c *recorder.Class, n int) {
	t.Helper()
	for range n {
		if _, err := c.Append(entry()); err != nil {
			t.Fatal(err)
		}
	}
}

// entries are what a closed ledger holds.
func entries(t *testing.T, dir string) (all []string) {
	t.Helper()
	for e, err := range ledger.At(dir).Entries(record.ID{}) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, string(e.Data))
	}
	return all
}

// folder is where a test's ledger will be.
func folder(t *testing.T) string { return filepath.Join(t.TempDir(), "ledger") }

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// wants makes sure that an error says all of that.
func wants(t *testing.T, what string, err error, said ...string) {
	t.Helper()
	for _, s := range said {
		if err == nil || !strings.Contains(err.Error(), s) {
			t.Errorf("%s: got the error '%v', want '%s' in it", what, err, s)
		}
	}
}

// A configuration is read beside the gateway that runs: what is found opens nothing and
// writes nothing until it starts.
func TestNewWritesNothing(t *testing.T) {
	dir := folder(t)
	r, _ := find(t, &recorder.Ledger{Folder: dir, Copies: []string{dir + "-copy"}, Classes: []recorder.LedgerClass{{Name: "support", Retain: "18 months"}}})
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the folder: %v", err)
	}
	if r.Dir() != dir || len(r.Classes()) != 2 || r.Ready() == nil {
		t.Errorf("found %s with %d classes, ready: %v", r.Dir(), len(r.Classes()), r.Ready())
	}
}

// What the Caddyfile's parser cannot see, or JSON says, is refused before anything opens.
func TestNewRefuses(t *testing.T) {
	dir := folder(t)
	short := filepath.Join(t.TempDir(), "master")
	write(t, short, "hush-4711")
	classes := func(c ...recorder.LedgerClass) recorder.Ledger { return recorder.Ledger{Folder: dir, Classes: c} }
	copies := func(c ...string) recorder.Ledger { return recorder.Ledger{Folder: dir, Copies: c} }
	for what, c := range map[string]struct {
		l    recorder.Ledger
		said string
	}{
		"no folder":                 {recorder.Ledger{}, "as in 'ledger /var/lib/transfergate/ledger'"},
		"an odd time":               {recorder.Ledger{Folder: dir, Retain: "5 weeks"}, "'5 weeks' is not a length of time"},
		"an odd time of a class":    {classes(recorder.LedgerClass{Name: "support", Retain: "18"}), "class 'support': retain: '18'"},
		"a class twice":             {classes(recorder.LedgerClass{Name: "a", Retain: "1 day"}, recorder.LedgerClass{Name: "a", Retain: "2 days"}), "class 'a' is written twice"},
		"a class outside":           {classes(recorder.LedgerClass{Name: "../a", Retain: "1 day"}), "'../a' cannot name a class"},
		"the default class":         {classes(recorder.LedgerClass{Name: "default", Retain: "1 day"}), "'default' is the class of what belongs to no other"},
		"an activity in two":        {classes(recorder.LedgerClass{Name: "a", Retain: "1 day", Activities: []string{"x"}}, recorder.LedgerClass{Name: "b", Retain: "1 day", Activities: []string{"x"}}), "activity 'x' belongs to the ledger's classes 'a' and 'b'"},
		"a relative copy":           {copies("copy"), "neither an absolute path nor a URL"},
		"a copy inside":             {copies(filepath.Join(dir, "copy")), "lies in the ledger's own folder"},
		"a copy inside, oddly":      {copies(filepath.Join(dir, "..copy")), "lies in the ledger's own folder"},
		"a copy inside, by detour":  {copies(dir + "/../ledger/copy"), "lies in the ledger's own folder"},
		"the folder as a copy":      {copies(dir), "lies in the ledger's own folder"},
		"a copy twice":              {copies("/mnt/other/copy", "/mnt/other/copy"), "'/mnt/other/copy' is named twice"},
		"a copy over plain HTTP":    {copies("http://copies.example/x"), "copies.example"},
		"a copy with a query":       {copies("https://copies.example/x?y=z"), "may have no query"},
		"no witness's key":          {recorder.Ledger{Folder: dir, Witnesses: []recorder.LedgerWitness{{URL: "https://w.example", Key: "key"}}}, "key"},
		"a witness over plain HTTP": {recorder.Ledger{Folder: dir, Witnesses: []recorder.LedgerWitness{{URL: "http://w.example", Key: witnessKey}}}, "w.example"},
		"no master file":            {recorder.Ledger{Folder: dir, Master: option.Secret{File: "/no/such/file"}}, "/no/such/file"},
		"a short master":            {recorder.Ledger{Folder: dir, Master: option.Secret{File: short}}, "has 9 bytes; at least 32"},
		"a short value":             {recorder.Ledger{Folder: dir, Master: option.Secret{Value: "hush-4711"}}, "has 9 bytes; at least 32"},
		"a short old master":        {recorder.Ledger{Folder: dir, OldMaster: option.Secret{File: short}}, "the old master secret"},
	} {
		r, err := recorder.New(&c.l, recorder.Options{Node: "gw-sg-1", Logger: slog.New(slog.DiscardHandler)})
		wants(t, what, err, c.said)
		if err != nil && strings.Contains(err.Error(), "hush") {
			t.Errorf("%s: the error shows a secret: %v", what, err)
		}
		end(t, r)
	}
	_, err := recorder.New(nil, recorder.Options{})
	wants(t, "nothing at all", err, "no ledger")
}

// Each class has a copy of its own beside the one that is written: two that would be the
// same file would overwrite each other.
func TestCopiesOfClassesDoNotMeet(t *testing.T) {
	l := recorder.Ledger{Folder: folder(t), Copies: []string{"/mnt/other/copy", "/mnt/other/copy-support"}}
	find(t, &l)
	l.Classes = []recorder.LedgerClass{{Name: "support", Retain: "18 months"}}
	r, err := recorder.New(&l, recorder.Options{Node: "gw-sg-1", Logger: slog.New(slog.DiscardHandler)})
	wants(t, "a copy that a class takes", err, "'/mnt/other/copy-support' is named twice", "support")
	end(t, r)
}

// Records of a class that no configuration names any more would be kept for ever.
func TestNewMissesAClass(t *testing.T) {
	l := recorder.Ledger{Folder: folder(t), Classes: []recorder.LedgerClass{{Name: "support", Retain: "18 months"}}}
	r, _ := open(t, &l)
	end(t, r)
	l.Classes = nil
	_, err := recorder.New(&l, recorder.Options{Node: "gw-sg-1", Logger: slog.New(slog.DiscardHandler)})
	wants(t, "without the class", err, "class 'support' that the configuration does not know", "'class support { retain ... }'")
}

// Two configurations and a request in flight write through one writer, and the last of
// them closes it. Nothing is lost on the way, and the ledger opens again.
func TestTheLastOneClosesALedger(t *testing.T) {
	l := recorder.Ledger{Folder: folder(t)}
	a, _ := open(t, &l)
	release, ok := a.Class("").Acquire()
	if !ok {
		t.Fatal("an open ledger is closed")
	}
	b, _ := open(t, &l)
	if a.Class("").Log() != b.Class("").Log() {
		t.Error("two writers of one folder")
	}
	end(t, a)
	add(t, b.Class(""), 1)
	end(t, b)
	add(t, a.Class(""), 1)
	release()
	if _, err := a.Class("").Append(entry()); !errors.Is(err, ledger.ErrClosed) {
		t.Errorf("after the last one: %v", err)
	}
	if _, ok := b.Class("").Acquire(); ok {
		t.Error("a closed ledger is acquired")
	}
	end(t, b) // once more is nothing
	again, _ := open(t, &l)
	add(t, again.Class(""), 1)
	end(t, again)
	if got := strings.Count(strings.Join(entries(t, l.Folder), "\n"), `"no_activity"`); got != 3 {
		t.Errorf("%d of 3 records are there", got)
	}
}

// What keeps a ledger from opening is told with the place, and once it is mended the
// same configuration opens: nothing of the try is left.
func TestOpeningFails(t *testing.T) {
	t.Run("a file in the folder's place", func(t *testing.T) {
		l := recorder.Ledger{Folder: folder(t)}
		write(t, l.Folder, "x")
		failsThenOpens(t, &l, l.Folder, func() error { return os.Remove(l.Folder) })
	})
	t.Run("a key that is none", func(t *testing.T) {
		l := recorder.Ledger{Folder: folder(t)}
		l.Key = l.Folder + ".key"
		write(t, l.Key, "x")
		failsThenOpens(t, &l, l.Key, func() error { return os.Remove(l.Key) })
	})
	t.Run("a class's folder is a file", func(t *testing.T) {
		l := recorder.Ledger{Folder: folder(t), Classes: []recorder.LedgerClass{{Name: "support", Retain: "18 months"}}}
		place := filepath.Join(l.Folder, "class-support")
		if err := os.MkdirAll(l.Folder, 0o700); err != nil {
			t.Fatal(err)
		}
		write(t, place, "x")
		failsThenOpens(t, &l, "class-support", func() error { return os.Remove(place) })
	})
	t.Run("another writer", func(t *testing.T) {
		l := recorder.Ledger{Folder: folder(t)}
		other := ledger.New(l.Folder, ledger.Options{Node: "gw-sg-1"})
		if err := other.Open(); err != nil {
			t.Fatal(err)
		}
		failsThenOpens(t, &l, l.Folder, other.Close)
	})
}

func failsThenOpens(t *testing.T, l *recorder.Ledger, said string, mend func() error) {
	t.Helper()
	r, _ := find(t, l)
	wants(t, "opening", r.Open(), "opening the ledger", said)
	if r.Ready() == nil {
		t.Error("a ledger that did not open is ready")
	}
	if _, err := r.Class("").Append(entry()); err == nil && !strings.Contains(said, "class-") {
		t.Error("a record is taken by a ledger that did not open")
	}
	_ = r.Close() // a ledger that did not open may say so again
	if err := mend(); err != nil {
		t.Fatal(err)
	}
	r, _ = open(t, l)
	add(t, r.Class(""), 1)
	if err := r.Ready(); err != nil {
		t.Error(err)
	}
}

// Every class's last checkpoint is in a copy of its own before its ledger has closed; a
// ledger that is gone, or was set back, does not open while a copy knows better.
func TestCopiesRememberALedger(t *testing.T) {
	base := t.TempDir()
	l := recorder.Ledger{
		Folder: filepath.Join(base, "ledger"), Copies: []string{filepath.Join(base, "copy")},
		Classes: []recorder.LedgerClass{{Name: "support", Retain: "18 months", Activities: []string{"support"}}},
	}
	r, _ := open(t, &l)
	add(t, r.Class("serving"), 2)
	before := filepath.Join(base, "before")
	end(t, r)
	if err := os.CopyFS(before, os.DirFS(l.Folder)); err != nil {
		t.Fatal(err)
	}
	r, _ = open(t, &l)
	add(t, r.Class("serving"), 2)
	add(t, r.Class("support"), 1)
	end(t, r)
	for _, class := range []string{"", "support"} {
		file, dir := l.Copies[0], l.Folder
		if class != "" {
			file, dir = file+"-"+class, filepath.Join(dir, "class-"+class)
		}
		signed, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		c, err := tiles.ReadCheckpoint(signed)
		if want := int64(len(entries(t, dir))); err != nil || c.N != want {
			t.Errorf("the copy %s has %d of %d entries: %v", file, c.N, want, err)
		}
	}
	whole := filepath.Join(base, "whole")
	if err := os.Rename(l.Folder, whole); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(l.Folder + ".begun"); err != nil { // what lies beside it remembers too
		t.Fatal(err)
	}
	r, _ = find(t, &l)
	wants(t, "a ledger that is gone", r.Open(), "copy "+l.Copies[0])
	_ = r.Close()
	if err := os.RemoveAll(l.Folder); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(before, l.Folder); err != nil {
		t.Fatal(err)
	}
	r, _ = find(t, &l)
	wants(t, "a ledger that was set back", r.Open(), "copy "+l.Copies[0])
	_ = r.Close()
}

// A place that cannot be asked keeps no gateway from starting, and no record from being
// taken; the log names it.
func TestPlacesThatCannotBeOpened(t *testing.T) {
	base := t.TempDir()
	l := recorder.Ledger{
		Folder: filepath.Join(base, "ledger"), Copies: []string{filepath.Join(base, "folder"), filepath.Join(base, "no", "file"), "http://127.0.0.1:1/copy"},
		Witnesses: []recorder.LedgerWitness{{URL: "http://127.0.0.1:1", Key: witnessKey}},
	}
	if err := os.Mkdir(l.Copies[0], 0o700); err != nil {
		t.Fatal(err)
	}
	r, logged := open(t, &l)
	add(t, r.Class(""), 1)
	if err := r.OfferLatest(); err != nil {
		t.Error(err)
	}
	if err := r.Ready(); err != nil {
		t.Errorf("not ready: %v", err)
	}
	end(t, r)
	for _, place := range []string{"copy " + l.Copies[0], "copy " + l.Copies[1], "copy http://127.0.0.1:1", "witness witness.example/w"} {
		if !strings.Contains(logged.String(), place) {
			t.Errorf("nothing is said of the %s:\n%s", place, logged)
		}
	}
	if len(entries(t, l.Folder)) == 0 {
		t.Error("the record is not there")
	}
}

// The classes by activity and by name, and what their records are called.
func TestClassesOfRecords(t *testing.T) {
	r, _ := open(t, &recorder.Ledger{Folder: folder(t), Classes: []recorder.LedgerClass{
		{Name: "support", Retain: "18 months", Activities: []string{"support", "training"}}, {Name: "short", Retain: "90 days"},
	}})
	for activity, class := range map[string]string{"": "default", "serving": "default", "support": "support", "training": "support", "short": "default"} {
		if got := r.Class(activity).Name(); got != class {
			t.Errorf("activity '%s' is of class '%s', want '%s'", activity, got, class)
		}
	}
	if r.Find("billing") != nil || r.Find("") != nil {
		t.Error("a class that nobody named")
	}
	id := record.ID{Epoch: 7, Index: 18402}
	last := time.Date(2026, 11, 30, 23, 59, 59, 0, time.UTC)
	for class, want := range map[string]struct{ dir, name, until, next string }{
		"default": {r.Dir(), "gw-sg-1#7.18402", "2031-11-30", "2031-12-01"}, // 5 years, as the option's documentation says
		"support": {filepath.Join(r.Dir(), "class-support"), "gw-sg-1/support#7.18402", "2028-05-30", "2028-06-01"},
		"short":   {filepath.Join(r.Dir(), "class-short"), "gw-sg-1/short#7.18402", "2027-02-28", "2027-03-01"},
	} {
		c := r.Find(class)
		if got := fmt.Sprint(c.Dir(), " ", c.RecordName(id), " ", c.Until(last), " ", c.Until(last.Add(time.Second)), " ", c.Until(last)); got !=
			want.dir+" "+want.name+" "+want.until+" "+want.next+" "+want.until {
			t.Errorf("class %s: %s, want %+v", class, got, want)
		}
	}
}

// What a request of nobody's was denied is counted, and stands in the ledger when it has
// closed.
func TestCountedDenialsAreWritten(t *testing.T) {
	l := recorder.Ledger{Folder: folder(t)}
	r, _ := open(t, &l)
	full := 0
	for range 500 {
		whole, err := r.Class("").Refuse(refusals.About{Reason: "no_activity", Site: "s"}, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		if whole {
			full++
		}
	}
	end(t, r)
	counted := 0
	for _, text := range entries(t, l.Folder) {
		var n int
		if _, after, ok := strings.Cut(text, `"counted":`); ok {
			fmt.Sscanf(after, "%d", &n)
		}
		counted += n
	}
	if full == 0 || counted == 0 || full+counted != 500 {
		t.Errorf("%d stand in full and %d are counted, of 500", full, counted)
	}
}

// The records of all classes are counted together.
func TestMetricsAreOfAllClasses(t *testing.T) {
	l := recorder.Ledger{Folder: folder(t), Classes: []recorder.LedgerClass{{Name: "support", Retain: "18 months", Activities: []string{"support"}}}}
	r, _ := open(t, &l)
	registry := prometheus.NewRegistry()
	for _, c := range r.Collectors() {
		if err := registry.Register(c); err != nil {
			t.Fatal(err)
		}
	}
	value := func(name string) (v float64) {
		families, err := registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range families {
			if f.GetName() == name {
				v = f.GetMetric()[0].GetCounter().GetValue() + f.GetMetric()[0].GetGauge().GetValue()
			}
		}
		return v
	}
	before := value("caddy_transfer_ledger_records_total")
	add(t, r.Class("serving"), 3)
	add(t, r.Class("support"), 4)
	if got := value("caddy_transfer_ledger_records_total") - before; got != 7 {
		t.Errorf("%v of 7 records are counted", got)
	}
	if value("caddy_transfer_ledger_free_bytes") <= 0 {
		t.Error("nothing is free")
	}
}
