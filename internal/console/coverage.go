package console

import (
	"net/http"
	"sync"

	"github.com/sparkoo/transfergate/config"
	"github.com/sparkoo/transfergate/internal/coverage"
)

// coverage serves the page of what enforces each clause of the statement.
func (v *visit) coverage() error {
	rows, err := covered()
	if err != nil {
		return err
	}
	return v.render(http.StatusOK, "coverage", rows)
}

// covered are the clauses, as the policy that comes with the program has them: the tests
// of another one are known to its folder alone.
var covered = sync.OnceValues(func() ([]coverage.Row, error) {
	registers, err := config.DefaultRegisters()
	if err != nil {
		return nil, err
	}
	tests, err := config.DefaultTests()
	if err != nil {
		return nil, err
	}
	marks, err := coverage.Marks()
	if err != nil {
		return nil, err
	}
	return coverage.Table(registers, tests, marks), nil
})
