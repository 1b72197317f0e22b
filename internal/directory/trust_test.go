package directory_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sparkoo/transfergate/internal/directory"
)

// A clock that is turned back makes no record younger than it is.
func TestFeedClockTurnedBack(t *testing.T) {
	c := newFeedCenter(t)
	clock := newClock()
	c.put("a", isBR)
	f := c.open(t, c.memory(""), func(config *directory.FeedConfig) { config.Now = clock.now })
	stop := run(t, f)
	f.comesTo("a", "sparkoo-br")
	stop()
	clock.forward(-time.Minute) // as far apart as clocks may be
	if got := f.says("a"); got != "sparkoo-br" {
		t.Errorf("a minute back: %s", got)
	}
	clock.forward(-time.Hour)
	if got := f.says("a"); got != "refused" {
		t.Errorf("an hour back: %s", got)
	}
}

// What was deleted leaves the disk in time while the directory is down, too.
func TestDeletedLeavesTheDiskWhileDown(t *testing.T) {
	c := newFeedCenter(t)
	state := filepath.Join(t.TempDir(), "feed.state")
	c.put("a", isBR+`,"salt":"0123456789abcdef"`)
	c.put("b", isBR)
	memory := c.memory(state)
	f := c.open(t, memory, nil)
	stop := run(t, f)
	f.comesTo("a", "sparkoo-br")
	c.put("a", "")
	f.comesTo("a", "none")
	c.does(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) })
	stop()
	memory.Age(11 * time.Minute)
	stop = run(t, f)
	defer stop()
	waitFor(t, "the salt is gone", func() bool {
		text, err := os.ReadFile(state)
		return err == nil && !strings.Contains(string(text), "0123456789abcdef")
	})
}

// Changes are only added to the file that holds what they follow. Two gateways that
// were given one file by mistake would otherwise leave a mixture in it, in which what
// one of them deleted is back.
func TestStateFileOfAnother(t *testing.T) {
	c := newFeedCenter(t)
	dir := t.TempDir()
	state, theirs := filepath.Join(dir, "feed.state"), filepath.Join(dir, "other.state")
	c.put("a", isBR)
	c.put("b", isBR)
	other := c.open(t, c.memory(theirs), nil)
	stop := run(t, other)
	other.comesTo("a", "sparkoo-br")
	stop()
	one := c.open(t, c.memory(state), nil)
	stop = run(t, one)
	one.comesTo("a", "sparkoo-br")
	c.put("a", "")
	one.comesTo("a", "none")
	// The other's file, of before a was deleted, comes into its place.
	if err := os.Rename(theirs, state); err != nil {
		t.Fatal(err)
	}
	c.put("b", isSG)
	one.comesTo("b", "sparkoo-sg")
	stop()
	f := c.open(t, c.memory(state), nil)
	if a, b := f.says("a"), f.says("b"); a != "none" || b != "sparkoo-sg" {
		t.Errorf("after a restart a is %s, b is %s", a, b)
	}
}

// The state file may be named by mistake: what is no such file stays as it is.
func TestStateFileOfSomethingElse(t *testing.T) {
	c := newFeedCenter(t)
	c.put("a", isBR)
	for name, content := range map[string]string{"accounts": `{"account":"a"}` + "\n", "short": "x"} {
		path := writeFile(t, name, []byte(content))
		f := c.open(t, c.memory(path), nil)
		stop := run(t, f)
		f.comesTo("a", "sparkoo-br")
		stop()
		if now, err := os.ReadFile(path); err != nil || string(now) != content {
			t.Errorf("%s: now it is %q, %v", name, now, err)
		}
		wantText(t, f.said.String(), "holds something else than account records kept by the gateway: name another file")
	}
	empty := writeFile(t, "empty", nil)
	f := c.open(t, c.memory(empty), nil)
	stop := run(t, f)
	f.comesTo("a", "sparkoo-br")
	stop()
	if got := c.open(t, c.memory(empty), nil).says("a"); got != "sparkoo-br" {
		t.Errorf("an empty file: after a restart the record is %s", got)
	}
}

// A directory that has changes whenever it is asked is not asked all the time.
func TestEndlessChanges(t *testing.T) {
	t.Parallel() // it waits most of the time
	c := newFeedCenter(t)
	c.put("a", isBR)
	c.does(func(w http.ResponseWriter, r *http.Request) {
		c.put("a", isBR)
		c.serveFeed(w, r)
	})
	f := c.open(t, c.memory(""), func(config *directory.FeedConfig) { config.Interval, config.Wait = time.Minute, 2*time.Second })
	stop := run(t, f)
	began := time.Now()
	waitFor(t, "it is asked for the tenth time", func() bool { return c.asked.Load() >= 10 })
	if took := time.Since(began); took < 700*time.Millisecond {
		t.Errorf("asked %d times within %s", c.asked.Load(), took)
	}
	stop()
	if got := f.says("a"); got != "sparkoo-br" {
		t.Errorf("the record is %s", got)
	}
}
