package console

import (
	"net/http"
	"os"
	"sync"

	"github.com/sparkoo/transfergate/config"
	"github.com/sparkoo/transfergate/internal/coverage"
)

// coveragePage is what enforces each clause, by the policy in force.
type coveragePage struct {
	Digest, Source string
	Own            bool // it is none that comes with the program
	Tested         bool // the tests of its folder are known
	Rows           []coverage.Row
}

// coverages keeps what was found out last, which holds for as long as the policy does.
type coverages struct {
	mu   sync.Mutex
	kept *coveragePage
}

// coverage serves the page of what enforces each clause of the statement.
func (v *visit) coverage() error {
	c := &v.covered
	c.mu.Lock()
	defer c.mu.Unlock()
	if digest := v.Policy().Digest; c.kept == nil || c.kept.Digest != digest {
		page, err := v.covering(digest)
		if err != nil {
			return err
		}
		c.kept = page
	}
	return v.render(http.StatusOK, "coverage", c.kept)
}

// covering finds out what a policy enforces: of the one that comes with the program by its
// own tests, of another by those of its folder, if that still has it.
func (v *visit) covering(digest string) (*coveragePage, error) {
	p := &coveragePage{Digest: digest, Source: v.InForce().Source, Tested: true}
	registers, err := config.DefaultRegisters()
	if err != nil {
		return nil, err
	}
	var tests []config.Test
	if p.Own = registers.Policy.Digest != digest; !p.Own {
		tests, err = config.DefaultTests()
	} else if registers, err = v.archived("", digest); err == nil {
		tests, p.Tested = testsIn(p.Source, digest)
	}
	if err != nil {
		return nil, err
	}
	marks, err := coverage.Marks()
	if err != nil {
		return nil, err
	}
	p.Rows = coverage.Table(registers, tests, marks)
	return p, nil
}

// testsIn are the tests of a policy in a folder, if it still has that policy. What else
// the folder may be is no subject of the page.
func testsIn(folder, digest string) ([]config.Test, bool) {
	now, err := config.LoadFolder(folder)
	if err != nil || now.Registers.Policy.Digest != digest {
		return nil, false
	}
	tests, err := config.LoadTests(os.DirFS(folder), folder, now.Registers)
	return tests, err == nil
}
