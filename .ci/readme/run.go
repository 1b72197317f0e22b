package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// endsWithin is how long a background block has to end when asked to. It only ends
// what hangs: the machine may be busy.
const endsWithin = 2 * time.Minute

// runAll runs the blocks in order and stops at the first that fails. Blocks
// whose output differs are reported together.
func runAll(ctx context.Context, out io.Writer, blocks []block, root, work, live string) (err error) {
	sh, err := startShell(ctx, root, work)
	if err != nil {
		return err
	}
	var started []*job
	defer func() {
		err = errors.Join(err, sh.end())
		for _, j := range started {
			err = errors.Join(err, j.end())
		}
	}()
	var wrong []error
	for i, b := range blocks {
		show(out, "\n"+b.at()+"\n"+indent("$ ", b.text))
		if b.needs != "" {
			if _, err := exec.LookPath(b.needs); err != nil {
				show(out, "  SKIPPED: no "+b.needs+" on this machine\n")
				continue
			}
		}
		if b.background {
			j, err := startJob(b, root, filepath.Join(work, fmt.Sprint(i)), live)
			if err != nil {
				return err
			}
			started = append(started, j)
			if err := j.awaitLive(ctx); err != nil {
				return err
			}
			continue
		}
		output, err := sh.run(b, filepath.Join(work, fmt.Sprint(i)))
		show(out, indent("  ", output))
		if err != nil {
			return err
		}
		for _, line := range b.missing(output) {
			wrong = append(wrong, fmt.Errorf("%s: the README says the command prints '%s', and it does not", b.at(), line))
		}
	}
	return errors.Join(wrong...)
}

// shell is the one shell that the sh blocks share.
type shell struct {
	cmd   *exec.Cmd
	stdin io.WriteCloser
	done  *bufio.Reader // a line for each block that has succeeded
}

func startShell(ctx context.Context, root, work string) (*shell, error) {
	cmd := exec.CommandContext(ctx, "bash", "-euo", "pipefail")
	cmd.Dir, cmd.Stderr = root, os.Stderr
	ownGroup(cmd)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	done, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	return &shell{cmd: cmd, stdin: stdin, done: bufio.NewReader(done)}, cmd.Start()
}

// run sources the block and returns what it printed. The shell ends when a
// command fails.
func (s *shell) run(b block, base string) (output string, err error) {
	script, log := base+".sh", base+".out"
	// The empty lines make bash's messages name the README's own lines.
	text := strings.Repeat("\n", b.line-1) + b.text
	if err := os.WriteFile(script, []byte(text), 0o600); err != nil {
		return "", err
	}
	_, err = fmt.Fprintf(s.stdin, ". '%s' </dev/null >'%s' 2>&1\necho done\n", script, log)
	if err == nil {
		_, err = s.done.ReadString('\n')
	}
	printed, readErr := os.ReadFile(log)
	if err != nil {
		return string(printed), fmt.Errorf("%s: a command failed, or it took too long", b.at())
	}
	return string(printed), readErr
}

// end closes the shell. How it ended was told by run.
func (s *shell) end() error {
	err := s.stdin.Close()
	var exit *exec.ExitError
	if waitErr := s.cmd.Wait(); waitErr != nil && !errors.As(waitErr, &exit) {
		return waitErr
	}
	if errors.Is(err, os.ErrClosed) {
		return nil
	}
	return err
}

// job is a block in the background.
type job struct {
	block block
	cmd   *exec.Cmd
	live  string
	log   string
	ended chan struct{}
	why   error // how it ended
}

func startJob(b block, root, base, live string) (*job, error) {
	if answers(live) {
		return nil, fmt.Errorf("%s: something answers at %s already: end it first", b.at(), live)
	}
	script := base + ".sh"
	if err := os.WriteFile(script, []byte(b.text), 0o600); err != nil {
		return nil, err
	}
	log, err := os.Create(base + ".out")
	if err != nil {
		return nil, err
	}
	defer log.Close() // the child has its own
	cmd := exec.Command("bash", "-euo", "pipefail", script)
	cmd.Dir, cmd.Stdout, cmd.Stderr = root, log, log
	ownGroup(cmd)
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	j := &job{block: b, cmd: cmd, live: live, log: log.Name(), ended: make(chan struct{})}
	go func() {
		defer close(j.ended)
		j.why = cmd.Wait()
	}()
	return j, nil
}

// awaitLive returns when the job answers.
func (j *job) awaitLive(ctx context.Context) error {
	again := time.NewTicker(100 * time.Millisecond)
	defer again.Stop()
	for !answers(j.live) {
		select {
		case <-j.ended:
			return j.failure("it ended before " + j.live + " answered")
		case <-ctx.Done():
			return j.failure(j.live + " did not answer in time")
		case <-again.C:
		}
	}
	return nil
}

// end ends the job and all it started. A job that ended by itself is an error.
func (j *job) end() error {
	select {
	case <-j.ended:
		return j.failure("it ended before the README did")
	default:
	}
	signalGroup(j.cmd, syscall.SIGTERM)
	select {
	case <-j.ended:
	case <-time.After(endsWithin):
		signalGroup(j.cmd, syscall.SIGKILL)
		<-j.ended
		return j.failure(fmt.Sprintf("it did not end within %v", endsWithin))
	}
	signalGroup(j.cmd, syscall.SIGKILL) // what it left behind
	deadline := time.Now().Add(endsWithin)
	for answers(j.live) {
		if time.Now().After(deadline) {
			return j.failure("something it started still answers at " + j.live)
		}
		time.Sleep(10 * time.Millisecond)
	}
	return nil
}

func (j *job) failure(what string) error {
	printed, err := os.ReadFile(j.log)
	return errors.Join(fmt.Errorf("%s: %s; it printed:\n%s", j.block.at(), what, printed), err)
}

// answers reports whether the address answers 200.
func answers(url string) bool {
	client := http.Client{Timeout: 2 * time.Second}
	response, err := client.Get(url)
	if err != nil {
		return false
	}
	defer response.Body.Close()
	return response.StatusCode == http.StatusOK
}

// ownGroup puts the command and what it starts into a group of their own, which
// is killed when the command's context is done.
func ownGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if cmd.Cancel != nil {
		cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	}
}

// signalGroup signals the command's group, which may be gone already.
func signalGroup(cmd *exec.Cmd, signal syscall.Signal) {
	_ = syscall.Kill(-cmd.Process.Pid, signal)
}

// show tells whoever watches what happens; nothing depends on it.
func show(out io.Writer, text string) { _, _ = io.WriteString(out, text) }

// indent puts a mark before each line.
func indent(mark, text string) string {
	if text == "" {
		return ""
	}
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	return mark + strings.Join(lines, "\n"+mark) + "\n"
}
