package testsupport

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"sync"
	"testing"
)

// What a package's tests write to os.Stderr, above all Caddy's logs, goes into a
// pipe once the package asked for it, and from there to the log of the test that
// runs. So it is seen when that test fails, and only then.
var stderr struct {
	pipe *os.File // nil: not taken over

	mu   sync.Mutex
	to   testing.TB        // guarded by mu; nil: nobody's, and left out
	read map[string]func() // guarded by mu: called when that line arrives
	n    int               // guarded by mu: of read so far
}

// TakeStderr begins to keep what is written to os.Stderr for [LogTo]. Call it from
// a test package's init: whoever opens os.Stderr later gets the pipe. What the
// runtime says of a panic still goes to the process's standard error.
func TakeStderr() {
	r, w, err := os.Pipe()
	if err != nil {
		panic(fmt.Sprintf("making a pipe for the logs of tests: %v", err))
	}
	os.Stderr, stderr.pipe, stderr.read = w, w, make(map[string]func())
	go func() {
		for lines := bufio.NewReader(r); ; {
			line, err := lines.ReadBytes('\n')
			deliver(string(bytes.TrimSuffix(line, []byte("\n"))))
			if err != nil {
				return
			}
		}
	}()
}

func deliver(line string) {
	stderr.mu.Lock()
	defer stderr.mu.Unlock()
	if read := stderr.read[line]; read != nil {
		delete(stderr.read, line)
		read()
	} else if stderr.to != nil && line != "" {
		stderr.to.Log(line)
	}
}

// LogTo gives what is written to os.Stderr from now on to a test's log, until the
// test ends and has cleaned up what it began after this call. Within another test
// that called it, the lines are the other's again afterwards. Lines of a benchmark
// and of a fuzz test are left out: the one would print them all, the other may not
// log while its target runs.
func LogTo(t testing.TB) {
	if stderr.pipe == nil {
		return
	}
	to := t
	switch t.(type) {
	case *testing.B, *testing.F:
		to = nil
	}
	arrived()
	was := logTo(to)
	t.Cleanup(func() {
		arrived()
		logTo(was)
	})
}

func logTo(t testing.TB) (was testing.TB) {
	stderr.mu.Lock()
	defer stderr.mu.Unlock()
	was, stderr.to = stderr.to, t
	return was
}

// arrived waits until what was written before has been delivered.
func arrived() {
	read := make(chan struct{})
	stderr.mu.Lock()
	stderr.n++
	mark := fmt.Sprintf("\x00%d", stderr.n)
	stderr.read[mark] = func() { close(read) }
	stderr.mu.Unlock()
	if _, err := fmt.Fprintf(stderr.pipe, "\n%s\n", mark); err == nil {
		<-read
	}
}
