package testsupport_test

import (
	"fmt"
	"os"
	"slices"
	"testing"

	"github.com/sparkoo/transfergate/internal/testsupport"
)

// logged is a test that remembers what is logged.
type logged struct {
	testing.TB
	lines []string
	ends  []func()
}

func (l *logged) Log(args ...any)  { l.lines = append(l.lines, fmt.Sprint(args...)) }
func (l *logged) Cleanup(f func()) { l.ends = append(l.ends, f) }
func (l *logged) end() {
	for _, f := range slices.Backward(l.ends) {
		f()
	}
}

// What is written while a test runs is in its log when it ends, and in no other's.
func TestLogsGoToTheTestThatRuns(t *testing.T) {
	was := os.Stderr
	defer func() { os.Stderr = was }()
	testsupport.TakeStderr()
	fmt.Fprintln(os.Stderr, "nobody's")
	outer, inner := new(logged), new(logged)
	testsupport.LogTo(outer)
	fmt.Fprintln(os.Stderr, "first")
	testsupport.LogTo(inner)
	fmt.Fprint(os.Stderr, "second\nthird, without an end")
	inner.end()
	fmt.Fprintln(os.Stderr, "fourth")
	outer.end()
	fmt.Fprintln(os.Stderr, "too late")
	testsupport.LogTo(new(logged)) // by now all have arrived
	for name, got := range map[string][2][]string{
		"outer": {kept(outer), {"first", "fourth"}}, "inner": {kept(inner), {"second", "third, without an end"}},
	} {
		if !slices.Equal(got[0], got[1]) {
			t.Errorf("%s got %q, want %q", name, got[0], got[1])
		}
	}
}

// What a fuzz test's target writes is left out: its log may not be used while the
// target runs.
func FuzzLogs(f *testing.F) {
	was := os.Stderr
	f.Cleanup(func() { os.Stderr = was })
	testsupport.TakeStderr()
	testsupport.LogTo(f)
	f.Add("a line")
	f.Fuzz(func(t *testing.T, line string) {
		fmt.Fprintln(os.Stderr, line)
		testsupport.LogTo(t) // by now it has arrived
	})
}

// kept are the lines that are not empty.
func kept(l *logged) []string {
	return slices.DeleteFunc(l.lines, func(line string) bool { return line == "" })
}
