package controllers_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sparkoo/transfergate/controllers"
)

// accountsFile is a file of account records, the table it fills, and what was
// logged about it.
type accountsFile struct {
	t     *testing.T
	path  string
	table *controllers.Table
	log   bytes.Buffer
	time  time.Time // of the next write, so that no two look alike
	*controllers.File
}

const goodLine = `{"account":"a-1","contracting_party":"sparkoo-br"}` + "\n"

func loadFile(t *testing.T) *accountsFile {
	t.Helper()
	f := &accountsFile{t: t, path: filepath.Join(t.TempDir(), "accounts.ndjson"), table: newTable(t), time: time.Unix(1_700_000_000, 0)}
	f.write(goodLine)
	logger := slog.New(slog.NewTextHandler(&f.log, &slog.HandlerOptions{
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			a.Value = slog.StringValue(strings.ReplaceAll(a.Value.String(), filepath.Dir(f.path), "DIR"))
			return a
		},
	}))
	var err error
	if f.File, err = controllers.LoadFile(controllers.FileConfig{Path: f.path, Logger: logger}, f.table); err != nil {
		t.Fatal(err)
	}
	return f
}

// write edits the file in place.
func (f *accountsFile) write(content string) { f.put(f.path, content) }

// rename puts a whole new file in place.
func (f *accountsFile) rename(content string) {
	f.t.Helper()
	f.put(f.path+".new", content)
	if err := os.Rename(f.path+".new", f.path); err != nil {
		f.t.Fatal(err)
	}
}

func (f *accountsFile) put(path, content string) {
	f.t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		f.t.Fatal(err)
	}
	f.time = f.time.Add(time.Second)
	if err := os.Chtimes(path, f.time, f.time); err != nil {
		f.t.Fatal(err)
	}
}

// want checks whose controller account a-1 has (empty: no record), how many
// failures are counted, and what was logged since it was last asked.
func (f *accountsFile) want(controller string, failures uint64, log ...string) {
	f.t.Helper()
	s := f.table.Snapshot()
	got := ""
	if a, ok := s.Account("a-1"); ok {
		got = a.Controller
	}
	if got != controller {
		f.t.Errorf("controller of a-1: got %q, want %q", got, controller)
	}
	if _, n := f.Status(); n != failures {
		f.t.Errorf("failures: got %d, want %d", n, failures)
	}
	wanted := ""
	for _, line := range log {
		wanted += line + "\n"
	}
	if f.log.String() != wanted {
		f.t.Errorf("log\n got: %swant: %s", f.log.String(), wanted)
	}
	f.log.Reset()
}

// failure is the log line for a file that could not be used.
func failure(format string, args ...any) string {
	return fmt.Sprintf(`level=ERROR msg="account records not replaced, the old ones stay in force" error=%q`, fmt.Sprintf(format, args...))
}

const replaced = `level=INFO msg="account records replaced" file=DIR/accounts.ndjson accounts=1`

func TestFileLoad(t *testing.T) {
	dir := t.TempDir()
	bad := filepath.Join(dir, "bad.ndjson")
	if err := os.WriteFile(bad, []byte(goodLine+"{}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		bad:                         bad + ":2: account is missing or empty",
		filepath.Join(dir, "none"):  "reading accounts: open " + filepath.Join(dir, "none") + ": no such file or directory",
		dir:                         "reading accounts: open " + dir + ": it is a folder, not a regular file; put a file in its place, or remove it",
		filepath.Join(bad, "below"): "reading accounts: open " + filepath.Join(bad, "below") + ": not a directory",
	} {
		table := newTable(t, controllers.Account{ID: "old"})
		f, err := controllers.LoadFile(controllers.FileConfig{Path: path, Logger: slog.New(slog.DiscardHandler)}, table)
		wantError(t, err, want)
		if _, ok := table.Snapshot().Account("old"); !ok || f != nil {
			t.Errorf("%s: got %v; old account still there: %t", path, f, ok)
		}
	}
	f := loadFile(t)
	f.want("sparkoo-br", 0)
	if synced, _ := f.Status(); synced.IsZero() {
		t.Error("loaded, but never synced")
	}
}

// A file that changes under the reader is refused: half of it may be old.
func TestFileLoadWhileChanging(t *testing.T) {
	f := loadFile(t)
	done := make(chan struct{})
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		for i := int64(0); ; i++ {
			select {
			case <-done:
				return
			default:
			}
			if err := os.Chtimes(f.path, time.Time{}, time.Unix(i, 0)); err != nil {
				t.Error(err)
				return
			}
		}
	}()
	var err error
	for deadline := time.Now().Add(3 * time.Minute); err == nil && time.Now().Before(deadline); {
		_, err = controllers.LoadFile(controllers.FileConfig{Path: f.path, Logger: slog.New(slog.DiscardHandler)}, f.table)
	}
	close(done)
	<-stopped
	wantError(t, err, "reading accounts: "+f.path+" was changed while being read; replace it by rename")
}

// A file that can be opened and not read: the memory of this process at address 0.
func TestFileLoadBrokenDisk(t *testing.T) {
	const path = "/proc/self/mem"
	if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
		t.Skipf("no %s here", path)
	}
	_, err := controllers.LoadFile(controllers.FileConfig{Path: path, Logger: slog.New(slog.DiscardHandler)}, newTable(t))
	wantError(t, err, path+":1: read "+path+": input/output error")
}

func TestFileChanges(t *testing.T) {
	sg := strings.ReplaceAll(goodLine, "-br", "-sg")
	cl := strings.ReplaceAll(goodLine, "-br", "-cl")
	for name, put := range map[string]func(f *accountsFile, content string){
		"edit": (*accountsFile).write, "rename": (*accountsFile).rename,
	} {
		t.Run(name, func(t *testing.T) {
			f := loadFile(t)
			f.Check()
			f.want("sparkoo-br", 0) // nothing new

			put(f, sg)
			f.Check()
			f.want("sparkoo-br", 0) // seen, not settled
			f.Check()
			f.want("sparkoo-sg", 0, replaced)
			f.Check()
			f.Check()
			f.want("sparkoo-sg", 0) // and not read again

			put(f, cl)
			f.Check()
			put(f, goodLine) // still being changed
			f.Check()
			f.want("sparkoo-sg", 0)
			f.Check()
			f.want("sparkoo-br", 0, replaced)
		})
	}
}

func TestFileBad(t *testing.T) {
	f := loadFile(t)
	bad := failure("DIR/accounts.ndjson:2: country is not text")
	line := `{"account":"jane","country":7}` + "\n"
	checks := func(n int) {
		for range n {
			f.Check()
		}
	}

	f.rename(goodLine + line)
	checks(5)
	f.want("sparkoo-br", 1, bad) // once
	synced, _ := f.Status()
	checks(1)
	if again, _ := f.Status(); !again.Equal(synced) {
		t.Error("synced moves on while the file is bad")
	}

	f.write(goodLine + line + line) // another change, the same mistake
	checks(5)
	f.want("sparkoo-br", 2, bad)

	f.write("")
	checks(5)
	f.want("sparkoo-br", 3, failure("DIR/accounts.ndjson: no account records; if there are none, configure no accounts"))

	f.write(goodLine)
	checks(5)
	f.want("sparkoo-br", 3, replaced)
	checks(1)
	if again, _ := f.Status(); !again.After(synced) {
		t.Error("synced stands still though the file is good again")
	}
}

func TestFileGone(t *testing.T) {
	f := loadFile(t)
	gone := failure("reading accounts: stat DIR/accounts.ndjson: no such file or directory")
	if err := os.Rename(f.path, f.path+".away"); err != nil {
		t.Fatal(err)
	}
	f.Check()
	f.want("sparkoo-br", 1, gone)
	f.Check()
	f.Check()
	f.want("sparkoo-br", 3) // counted each time, reported once

	// The very same file comes back.
	if err := os.Rename(f.path+".away", f.path); err != nil {
		t.Fatal(err)
	}
	f.Check()
	f.Check()
	f.want("sparkoo-br", 3, replaced)

	if err := os.Remove(f.path); err != nil {
		t.Fatal(err)
	}
	f.Check()
	f.want("sparkoo-br", 4, gone) // reported again after a success

	if err := os.Mkdir(f.path, 0o700); err != nil {
		t.Fatal(err)
	}
	for range 6 { // tried at every second check
		f.Check()
	}
	f.want("sparkoo-br", 7, failure("reading accounts: open DIR/accounts.ndjson: it is a folder, not a regular file; put a file in its place, or remove it"))
}

// A file can be good in itself and yet not fit the table any more.
func TestFileAndTableDiffer(t *testing.T) {
	f := loadFile(t)
	wantError(t, f.table.ReplaceAccounts(nil), "")
	fewer := section11()
	fewer[3].ID = "sparkoo-brazil"
	wantError(t, f.table.SetControllers(fewer), "")
	f.rename(goodLine)
	f.Check()
	f.Check()
	f.want("", 1, failure(`DIR/accounts.ndjson:1: contracting_party is not a controller of the registers; `+
		`list it there, or give its "name" and "address" instead of an id`))
}

// Watch checks at each interval and returns when its context is done. The clock
// is the test's, the file system is not.
func TestFileWatch(t *testing.T) {
	f := loadFile(t)
	f.File, _ = controllers.LoadFile(controllers.FileConfig{Path: f.path, Logger: slog.New(slog.DiscardHandler)}, f.table)
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		returned := make(chan struct{})
		go func() {
			f.Watch(ctx, 2*time.Second)
			close(returned)
		}()
		f.rename(strings.ReplaceAll(goodLine, "-br", "-hk"))
		synctest.Wait()
		f.want("sparkoo-br", 0)     // no interval has passed
		time.Sleep(5 * time.Second) // of the bubble's clock: two checks
		synctest.Wait()
		f.want("sparkoo-hk", 0)
		cancel()
		<-returned
	})
}

// A line with an invalid country is named, by file and line and without its account,
// and refused alone; with strict it refuses the file.
func TestFileInvalidCountry(t *testing.T) {
	f := loadFile(t)
	f.write(goodLine + `{"account":"secret-1","country":"XX"}` + "\n" + `{"account":"secret-2","country":"BR"}` + "\n")
	f.Check()
	f.Check()
	f.want("sparkoo-br", 0,
		`level=ERROR msg="an account record has an invalid country: its person counts as one whose country is unknown, and only rights requests and public activities pass" error="DIR/accounts.ndjson:2: country \"XX\" is not an ISO 3166-1 alpha-2 code; use the two capital letters of that standard"`,
		`level=INFO msg="account records replaced" file=DIR/accounts.ndjson accounts=3`)
	s := f.table.Snapshot()
	if a, ok := s.Account("secret-1"); !ok || !a.Invalid || a.Country != "" {
		t.Errorf("the record is %+v", a)
	}
	if a, ok := s.Account("secret-2"); !ok || a.Invalid || a.Country != "BR" {
		t.Errorf("the line after it is %+v", a)
	}
	_, err := controllers.LoadFile(controllers.FileConfig{Path: f.path, Strict: true, Logger: slog.New(slog.DiscardHandler)}, f.table)
	wantError(t, err, f.path+`:2: country "XX" is not an ISO 3166-1 alpha-2 code; use the two capital letters of that standard`)

	var lines strings.Builder
	lines.WriteString(goodLine)
	for i := range 25 {
		fmt.Fprintf(&lines, `{"account":"s-%d","country":"UK"}`+"\n", i)
	}
	f.write(lines.String())
	f.Check()
	f.Check()
	if n := strings.Count(f.log.String(), "level=ERROR"); n != 21 || !strings.Contains(f.log.String(), "records=5") {
		t.Errorf("%d lines:\n%s", n, f.log.String())
	}
}
