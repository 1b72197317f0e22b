package directory_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sparkoo/transfergate/controllers"
	"github.com/sparkoo/transfergate/internal/directory"
	"github.com/sparkoo/transfergate/internal/testsupport"
)

func TestFeed(t *testing.T) {
	for _, wait := range []time.Duration{0, time.Minute} {
		c := newFeedCenter(t)
		c.put("a", isBR)
		c.put("b", isBR)
		f := c.open(t, c.memory(""), func(config *directory.FeedConfig) {
			config.Wait, config.MaxAge = wait, 2*time.Hour
			if wait > 0 {
				config.Interval = time.Hour // who is held needs no pause
			}
		})
		if got := f.says("a"); got != "refused" {
			t.Errorf("before the snapshot: %s", got)
		}
		if asOf, _ := f.Status(); !asOf.IsZero() {
			t.Errorf("before the snapshot complete as of %s", asOf)
		}
		if wait > 0 { // the first request for changes follows the snapshot at once
			c.put("x", isBR)
		}
		stop := run(t, f)
		f.comesTo("a", "sparkoo-br")
		if got := f.says("nobody"); got != "none" {
			t.Errorf("an account without a record: %s", got)
		}
		c.put("a", isSG)
		f.comesTo("a", "sparkoo-sg")
		c.put("a", "")
		f.comesTo("a", "none")
		c.put("a", isBR)
		f.comesTo("a", "sparkoo-br")
		if got := f.says("b"); got != "sparkoo-br" {
			t.Errorf("untouched: %s", got)
		}
		asOf, failures := f.Status()
		if time.Since(asOf) > time.Minute || failures != 0 {
			t.Errorf("as of %s, %d failures; the log:\n%s", asOf, failures, f.said)
		}
		stop()
		c.mu.Lock()
		if want := map[bool]string{true: "wait=60"}[wait > 0]; slices.ContainsFunc(c.waits, func(s string) bool { return s != want }) {
			t.Errorf("Prefer was %q", c.waits)
		}
		c.mu.Unlock()
		if strings.Contains(f.said.String(), `"a"`) {
			t.Errorf("the log names an account:\n%s", f.said)
		}
	}
}

// Whatever is wrong with an answer, nothing of it is taken and the old records stay.
func TestFeedAnswersThatAreNotTaken(t *testing.T) {
	now := time.Now()
	good := `{"account":"a",` + isSG + "}\n"
	for _, test := range []struct {
		name string
		to   string // snapshot or changes; both when empty
		body string
		want string // in the log
	}{
		{"bad line", "", good + "{\n" + end(now, "c-9", 2), "line:2: not one valid JSON object"},
		{"unknown controller", "", good + `{"account":"b","contracting_party":"sparkoo-zz"}` + "\n" + end(now, "c-9", 2), "line:2: contracting_party is not a controller"},
		{"unknown recipient", "", good + `{"account":"b","objections":["x"]}` + "\n" + end(now, "c-9", 2), "line:2: an item of objections"},
		{"tombstone with more", "", good + `{"account":"a","deleted":true,"country":"BR"}` + "\n" + end(now, "c-9", 2), "line:2: a line that says deleted has account and no other key"},
		{"tombstone of nobody", "", `{"deleted":true}` + "\n" + end(now, "c-9", 1), "line:1: account is missing or empty"},
		{"tombstone that isn't", "", `{"account":"a","deleted":false}` + "\n" + end(now, "c-9", 1), "line:1: deleted is not true"},
		{"no end", "", good, "the last line does not end it"},
		{"nothing", "", "", "the last line does not end it"},
		{"HTML", "", "<html>log in</html>", "line:1: not one valid JSON object"},
		{"other count", "", good + end(now, "c-9", 2), "line:2: the end counts 2 lines, and 1 stand before it"},
		{"no count", "", good + `{"end":{"as_of":"2026-01-01T00:00:00Z"}}`, "the end does not count the lines"},
		{"no moment", "", good + `{"end":{"cursor":"c-9","lines":1}}`, "the end lacks as_of"},
		{"bad moment", "", good + `{"end":{"as_of":"yesterday","lines":1}}`, "as_of is no moment"},
		{"end with more", "", good + `{"end":{"as_of":"2026-01-01T00:00:00Z","lines":1},"account":"a"}`, "the end of the answer has no other key"},
		{"unknown key of the end", "", good + `{"end":{"as_of":"2026-01-01T00:00:00Z","lines":1,"more":true}}`, "unknown key; the end has"},
		{"line after the end", "", good + end(now, "c-9", 1) + good, "line:3: a line after the end"},
		{"of the past", "", good + end(now.Add(-time.Hour), "c-9", 1), "before what is in force"},
		{"of the future", "", good + end(now.Add(time.Hour), "c-9", 1), "as_of lies in the future"},
		{"long line", "", `{"account":"a","country":"` + strings.Repeat("B", controllers.MaxLine) + `"}` + "\n" + end(now, "c-9", 1), "longer than 65536 bytes"},
		{"long cursor", "", good + end(now, strings.Repeat("c", 1025), 1), "the cursor is longer"},
		{"empty snapshot", "snapshot", end(now, "c-9", 0), "the snapshot has no account records"},
		{"no cursor", "changes", good + `{"end":{"as_of":"` + now.Add(time.Minute).UTC().Format(time.RFC3339) + `","lines":1}}`, "changes without a cursor"},
	} {
		for _, to := range []string{"snapshot", "changes"} {
			if test.to != "" && test.to != to {
				continue
			}
			t.Run(test.name+"/"+to, func(t *testing.T) {
				c := newFeedCenter(t)
				c.put("a", isBR)
				f := c.open(t, c.memory(""), nil)
				stop := run(t, f)
				f.comesTo("a", "sparkoo-br")
				c.does(func(w http.ResponseWriter, r *http.Request) {
					if to == "snapshot" && strings.HasSuffix(r.URL.Path, "/changes") {
						w.WriteHeader(http.StatusGone)
						return
					}
					io.WriteString(w, test.body)
				})
				waitFor(t, "the answer is refused", func() bool { _, failures := f.Status(); return failures > 0 })
				stop()
				wantText(t, f.said.String(), test.want)
				if got := f.says("a"); got != "sparkoo-br" {
					t.Errorf("the record is %s", got)
				}
			})
		}
	}
}

// Statuses, a truncated answer and silence are failures too.
func TestFeedFails(t *testing.T) {
	for name, test := range map[string]struct {
		handler http.HandlerFunc
		want    string
	}{
		"500":      {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) }, "status 500"},
		"404":      {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(404) }, "status 404"},
		"204":      {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) }, "status 204"},
		"304":      {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(304) }, "status 304"},
		"redirect": {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", http.StatusFound) }, "redirects are not followed"},
		"truncated": {func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, `{"account":"a",`+isSG+"}\n")
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		}, "feed of 127.0.0.1:"},
		"silent": {func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, "no word for 100ms"},
		"stalls": {func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, `{"account":"a",`+isSG+"}\n")
			w.(http.Flusher).Flush()
			<-r.Context().Done()
			panic(http.ErrAbortHandler)
		}, "no word for 100ms"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // each waits a second for the next try
			c := newFeedCenter(t)
			c.put("a", isBR)
			f := c.open(t, c.memory(""), func(config *directory.FeedConfig) { config.Timeout = 100 * time.Millisecond })
			stop := run(t, f)
			f.comesTo("a", "sparkoo-br")
			c.does(test.handler)
			waitFor(t, "the failure is counted", func() bool { _, failures := f.Status(); return failures > 0 })
			wantText(t, f.said.String(), test.want)
			if got := f.says("a"); got != "sparkoo-br" {
				t.Errorf("the record is %s", got)
			}
			c.does(c.serveFeed)
			c.put("a", isSG)
			f.comesTo("a", "sparkoo-sg") // it is tried again
			stop()
		})
	}
}

// Records that are too old are not believed any more, and again once the directory
// answers.
func TestFeedTooOld(t *testing.T) {
	c := newFeedCenter(t)
	clock := newClock()
	c.put("a", isBR)
	f := c.open(t, c.memory(""), func(config *directory.FeedConfig) {
		config.Now, config.MaxAge = clock.now, 10*time.Minute
	})
	stop := run(t, f)
	defer stop()
	f.comesTo("a", "sparkoo-br")
	c.does(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) })
	waitFor(t, "the failure is counted", func() bool { _, failures := f.Status(); return failures > 0 })
	clock.forward(9 * time.Minute)
	if got := f.says("a"); got != "sparkoo-br" {
		t.Errorf("after 9 minutes: %s", got)
	}
	clock.forward(2 * time.Minute)
	for _, account := range []string{"a", "nobody"} {
		if got := f.says(account); got != "refused" {
			t.Errorf("after 11 minutes %s is %s", account, got)
		}
	}
	clock.forward(-11 * time.Minute)
	c.does(c.serveFeed)
	f.comesTo("a", "sparkoo-br")
}

// A forgotten cursor leads to a new snapshot. One that is older than what is in force
// is only taken together with the changes since.
func TestCursorForgotten(t *testing.T) {
	c := newFeedCenter(t)
	c.put("a", isBR)
	c.put("b", isBR)
	f := c.open(t, c.memory(""), nil)
	stop := run(t, f)
	f.comesTo("a", "sparkoo-br")
	c.does(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) })
	waitFor(t, "it is down", func() bool { _, failures := f.Status(); return failures > 0 })
	c.put("a", isSG)
	c.put("b", "")
	c.forget()
	c.does(c.serveFeed)
	f.comesTo("a", "sparkoo-sg")
	f.comesTo("b", "none")

	// The snapshot was made before b was deleted; the changes since then are known.
	old := `{"account":"a",` + isBR + "}\n" + `{"account":"b",` + isBR + "}\n" + end(time.Now().Add(-time.Hour), "c-2", 2)
	c.mu.Lock()
	c.first = 2
	c.mu.Unlock()
	resurrected := make(chan string, 1)
	var mu sync.Mutex
	var cursors []string // guarded by mu
	c.does(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if got := f.says("b"); got != "none" {
			select {
			case resurrected <- got:
			default:
			}
		}
		cursor := r.URL.Query().Get("cursor")
		switch {
		case r.URL.Path == "/accounts":
			io.WriteString(w, old)
		case len(cursors) == 0:
			w.WriteHeader(http.StatusGone)
		default:
			c.changes(w, r)
		}
		cursors = append(cursors, cursor)
	})
	c.put("a", isBR)
	f.comesTo("a", "sparkoo-br")
	f.comesTo("b", "none")
	stop()
	select {
	case got := <-resurrected:
		t.Errorf("a deleted record came back as %s", got)
	default:
	}
	mu.Lock()
	defer mu.Unlock()
	if len(cursors) < 3 || cursors[0] != "c-4" || cursors[1] != "" || cursors[2] != "c-2" {
		t.Errorf("asked for %q", cursors)
	}
}

// A deleted record stays deleted over a restart, be it orderly or a crash right
// after, while the directory is down.
func TestTombstoneSurvivesRestart(t *testing.T) {
	c := newFeedCenter(t)
	state := filepath.Join(t.TempDir(), "feed.state")
	c.put("a", isBR)
	c.put("b", isBR)
	f := c.open(t, c.memory(state), nil)
	if _, err := os.Stat(state); err == nil {
		t.Error("the file is there before anybody runs")
	}
	stop := run(t, f)
	f.comesTo("a", "sparkoo-br")
	c.put("b", isSG)
	c.put("a", "")
	f.comesTo("a", "none")
	c.does(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) })
	crashed, err := os.ReadFile(state) // as the disk is now
	if err != nil {
		t.Fatal(err)
	}
	stop()
	if info, err := os.Stat(state); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file: %v, %v", info, err)
	}
	for what, path := range map[string]string{"stopped": state, "crashed": writeFile(t, "feed.state", crashed)} {
		c.does(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) })
		f := c.open(t, c.memory(path), nil)
		if a, b := f.says("a"), f.says("b"); a != "none" || b != "sparkoo-sg" {
			t.Errorf("%s: a is %s, b is %s", what, a, b)
		}
		stop := run(t, f)
		waitFor(t, "it is down", func() bool { _, failures := f.Status(); return failures > 0 })
		stop()
		c.does(c.serveFeed)
		f = c.open(t, c.memory(path), nil)
		before := c.asked.Load()
		stop = run(t, f)
		waitFor(t, "it goes on", func() bool { return c.asked.Load() > before+3 })
		stop()
		if strings.Contains(f.said.String(), "account records replaced") {
			t.Errorf("%s: the snapshot was read anew:\n%s", what, f.said)
		}
	}
}

// What was deleted leaves the disk, a person's salt above all, once it has stood
// there for a while.
func TestDeletedLeavesTheDisk(t *testing.T) {
	c := newFeedCenter(t)
	state := filepath.Join(t.TempDir(), "feed.state")
	c.put("a", isBR+`,"salt":"0123456789abcdef"`)
	c.put("b", isBR)
	memory := c.memory(state)
	f := c.open(t, memory, nil)
	holds := func() bool {
		text, err := os.ReadFile(state)
		if err != nil {
			t.Fatal(err)
		}
		return strings.Contains(string(text), "0123456789abcdef")
	}
	stop := run(t, f)
	f.comesTo("a", "sparkoo-br")
	c.put("a", "")
	f.comesTo("a", "none")
	stop()
	if !holds() {
		t.Error("the snapshot is not on disk as it was read")
	}
	memory.Age(9 * time.Minute)
	asked := c.asked.Load()
	stop = run(t, f)
	waitFor(t, "it goes on", func() bool { return c.asked.Load() > asked+3 })
	stop()
	if !holds() {
		t.Error("the file is written anew too soon")
	}
	memory.Age(2 * time.Minute)
	stop = run(t, f)
	waitFor(t, "the salt is gone", func() bool { return !holds() })
	stop()
	f = c.open(t, c.memory(state), nil)
	if a, b := f.says("a"), f.says("b"); a != "none" || b != "sparkoo-br" {
		t.Errorf("after a restart a is %s, b is %s", a, b)
	}
}

// A restart with records that are too old serves nobody.
func TestRestartTooOld(t *testing.T) {
	c := newFeedCenter(t)
	state := filepath.Join(t.TempDir(), "feed.state")
	c.put("a", isBR)
	f := c.open(t, c.memory(state), nil)
	stop := run(t, f)
	f.comesTo("a", "sparkoo-br")
	stop()
	clock := newClock()
	clock.forward(2 * time.Hour)
	if got := c.open(t, c.memory(state), func(config *directory.FeedConfig) { config.Now = clock.now }).says("a"); got != "refused" {
		t.Errorf("the record is %s", got)
	}
}

// A state file that is not as it was written is not used. One that was cut off while
// something was added is used up to there: what was cut was never in force.
func TestDamagedFeedState(t *testing.T) {
	c := newFeedCenter(t)
	state := filepath.Join(t.TempDir(), "feed.state")
	c.put("a", isBR)
	f := c.open(t, c.memory(state), nil)
	stop := run(t, f)
	f.comesTo("a", "sparkoo-br")
	snapshot, err := os.ReadFile(state)
	if err != nil {
		t.Fatal(err)
	}
	c.put("a", isSG)
	f.comesTo("a", "sparkoo-sg")
	whole, err := os.ReadFile(state)
	if err != nil {
		t.Fatal(err)
	}
	stop()
	try := func(what string, content []byte, want string) {
		t.Helper()
		f := c.open(t, c.memory(writeFile(t, "feed.state", content)), nil)
		if got := f.says("a"); got != want {
			t.Errorf("%s: the record is %s, want %s", what, got, want)
		}
		if reported := strings.Contains(f.said.String(), "the account records kept on disk are not used"); reported != (want == "refused") {
			t.Errorf("%s: the log:\n%s", what, f.said)
		}
	}
	try("whole", whole, "sparkoo-sg")
	if !strings.HasPrefix(string(whole), string(snapshot)) {
		t.Fatal("the changes were not added at the end")
	}
	step := 3
	switch {
	case testsupport.Race:
		step = 7
	case testsupport.Full():
		step = 1
	}
	for i := 0; i < len(whole); i += step {
		changed := slices.Clone(whole)
		changed[i] ^= 1
		try(fmt.Sprint("byte ", i, " changed"), changed, "refused")
		want := "refused"
		if i >= len(snapshot) {
			want = "sparkoo-br"
		}
		try(fmt.Sprint("cut at ", i), whole[:i], want)
	}
	zeros := append(slices.Clone(snapshot), make([]byte, len(whole)-len(snapshot))...)
	try("zeros for what was added", zeros, "sparkoo-br")
	// What was cut off is written over.
	cut := writeFile(t, "feed.state", whole[:len(whole)-1])
	f = c.open(t, c.memory(cut), nil)
	stop = run(t, f)
	f.comesTo("a", "sparkoo-sg")
	stop()
	if got := c.open(t, c.memory(cut), nil).says("a"); got != "sparkoo-sg" {
		t.Errorf("after a cut end was written over: %s", got)
	}
}

// A memory goes from one configuration to the next without a new snapshot, and one
// reads at a time.
func TestFeedReload(t *testing.T) {
	c := newFeedCenter(t)
	c.put("a", isBR)
	memory := c.memory(filepath.Join(t.TempDir(), "feed.state"))
	old := c.open(t, memory, nil)
	stopOld := run(t, old)
	old.comesTo("a", "sparkoo-br")
	next := c.open(t, memory, nil)
	if got := next.says("a"); got != "sparkoo-br" {
		t.Errorf("the next one begins with %s", got)
	}
	stopNext := run(t, next)
	c.put("a", isSG)
	old.comesTo("a", "sparkoo-sg")
	stopOld()
	next.comesTo("a", "sparkoo-sg")
	c.put("a", "")
	next.comesTo("a", "none")
	stopNext()
	if strings.Contains(next.said.String(), "account records replaced") {
		t.Errorf("the snapshot was read anew:\n%s", next.said)
	}
}

// A feed without cursors is read as snapshots, and only when they have changed.
func TestSnapshotsOnly(t *testing.T) {
	c := newFeedCenter(t)
	state := filepath.Join(t.TempDir(), "feed.state")
	var mu sync.Mutex
	etag, party, full := `"v1"`, isBR, 0
	made := time.Now()
	c.does(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if r.URL.Path != "/accounts" {
			t.Errorf("asked for %s", r.URL.Path)
		}
		if r.Header.Get("If-None-Match") == etag {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		full++
		w.Header().Set("ETag", etag)
		fmt.Fprintf(w, "{\"account\":\"a\",%s}\n{\"end\":{\"as_of\":%q,\"lines\":1}}\n", party, made.Format(time.RFC3339Nano))
	})
	f := c.open(t, c.memory(state), nil)
	stop := run(t, f)
	f.comesTo("a", "sparkoo-br")
	waitFor(t, "it is asked again", func() bool { return c.asked.Load() > 5 })
	mu.Lock()
	if full != 1 {
		t.Errorf("%d snapshots were read", full)
	}
	etag, party, made = `"v2"`, isSG, time.Now().Add(-time.Millisecond)
	mu.Unlock()
	f.comesTo("a", "sparkoo-sg")
	if asOf, failures := f.Status(); time.Since(asOf) > time.Minute || failures != 0 {
		t.Errorf("as of %s, %d failures:\n%s", asOf, failures, f.said)
	}
	stop()
	f = c.open(t, c.memory(state), nil)
	if got := f.says("a"); got != "sparkoo-sg" {
		t.Errorf("after a restart: %s", got)
	}
	before := c.asked.Load()
	stop = run(t, f)
	waitFor(t, "it goes on", func() bool { return c.asked.Load() > before+3 })
	stop()
	if mu.Lock(); full != 2 {
		t.Errorf("%d snapshots were read, one of them after a restart", full)
	}
	mu.Unlock()
}

// Whoever asks while records change is answered from before or after a change, and
// nobody is refused.
func TestFeedChangesWhileRequestsRun(t *testing.T) {
	c := newFeedCenter(t)
	accounts := []string{"a", "b", "c", "d"}
	flip := func(party string) {
		for _, account := range accounts {
			c.put(account, party)
		}
	}
	flip(isBR)
	f := c.open(t, c.memory(""), func(config *directory.FeedConfig) { config.Interval = time.Millisecond })
	stop := run(t, f)
	f.comesTo("d", "sparkoo-br")
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	for range 3 {
		all.Go(func() {
			for ctx.Err() == nil {
				for _, account := range accounts {
					a, err := f.Find(account)
					if err != nil || a == nil || a.Controller != "sparkoo-br" && a.Controller != "sparkoo-sg" {
						t.Errorf("%s: %+v, %v", account, a, err)
						return
					}
				}
			}
		})
	}
	for i := range 40 {
		flip([]string{isSG, isBR}[i%2])
		f.comesTo("d", []string{"sparkoo-sg", "sparkoo-br"}[i%2])
	}
	cancel()
	all.Wait()
	stop()
}

func TestFeedConfig(t *testing.T) {
	for _, test := range []struct {
		config directory.FeedConfig
		want   string
	}{
		{directory.FeedConfig{URL: "http://accounts.internal/x"}, "the directory at accounts.internal would be asked in plain text, and anybody on the way could read and replace what is said: use https"},
		{directory.FeedConfig{URL: "https://x", Changes: "http://accounts.internal/x"}, "the directory at accounts.internal would be asked in plain text, and anybody on the way could read and replace what is said: use https"},
		{directory.FeedConfig{URL: "https://x", Wait: 2 * time.Hour}, "wait of 2h0m0s: records would be older than max_age, 1h0m0s, before the directory answers"},
		{directory.FeedConfig{URL: "https://x", MaxAge: time.Second}, "interval of 5s: records would be older than max_age, 1s, before the directory is asked"},
		{directory.FeedConfig{URL: "https://x", MaxAge: -1}, "a duration below zero"},
		{directory.FeedConfig{URL: "https://x"}, ""},
	} {
		_, err := directory.NewFeed(test.config, directory.NewFeedMemory(test.config.URL, ""))
		if got := fmt.Sprint(err); err == nil != (test.want == "") || err != nil && got != test.want {
			t.Errorf("%+v:\n got %s\nwant %s", test.config, got, test.want)
		}
	}
}
