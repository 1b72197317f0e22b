package directory

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/sparkoo/transfergate/controllers"
	"github.com/sparkoo/transfergate/internal/fetch"
)

// maxRecord is how much of an answer about one account is read.
const maxRecord = 1 << 20

// recordError is a mistake in the record of one account. The directory itself is
// well.
type recordError struct{ err error }

func (e *recordError) Error() string { return "the record of an account: " + e.err.Error() }
func (e *recordError) Unwrap() error { return e.err }

// unwell reports whether a look-up failed because of the directory, and not because of
// the account that was asked for: one person's odd id or record must not close the
// directory to everybody. An answer, be it refused or not understood, is about the
// account; no answer in time, none that is HTTP, and a status of 500 or more are not.
func unwell(err error) bool {
	var status fetch.StatusError
	var bad *recordError
	switch {
	case err == nil, errors.As(err, &bad), errors.Is(err, errOther), errors.Is(err, fetch.ErrTooLarge):
		return false
	case errors.As(err, &status):
		return status >= http.StatusInternalServerError
	}
	return true
}

// aboutAccount reports whether a failed look-up says that something is wrong with this
// account, its id or its record. A refusal that everybody may have got, for the
// gateway's credential or its pace, does not.
func aboutAccount(err error) bool {
	var status fetch.StatusError
	var bad *recordError
	switch {
	case errors.As(err, &bad), errors.Is(err, errAnother), errors.Is(err, fetch.ErrTooLarge):
		return true
	case errors.As(err, &status):
		return slices.Contains([]int{http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity}, int(status))
	}
	return false
}

// said is for records that were told odd when they were read first.
func said(error) {}

// oddUnless is who hears of records with an invalid country; nobody where they are
// refused.
func oddUnless(strict bool, odd func(error)) func(error) {
	if strict {
		return nil
	}
	return odd
}

// errOther is an answer that is no directory's, a proxy's perhaps; errAnother one of the
// directory, which spells the account in another way or takes it for another.
var (
	errOther   = errors.New("the answer does not name the account that was asked for")
	errAnother = fmt.Errorf("%w, but another", errOther)
)

// ask asks the directory for one account; nil for no record. Its errors hold
// nothing of what the directory said.
func (l *Lookup) ask(ctx context.Context, account string, known controllers.Known) (*controllers.Account, error) {
	question, err := json.Marshal(map[string]string{"account": account})
	if err != nil {
		return nil, err
	}
	res, err := l.client.send(ctx, http.MethodPost, l.config.URL, question, http.Header{"Accept": {"application/json"}})
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK && res.StatusCode != http.StatusNotFound {
		return nil, fetch.StatusError(res.StatusCode)
	}
	raw, err := fetch.ReadAll(res.Body, maxRecord)
	if err != nil {
		return nil, err
	}
	var about struct {
		Account *string `json:"account"`
	}
	if json.Unmarshal(raw, &about) != nil || about.Account == nil || *about.Account != account {
		if res.StatusCode == http.StatusOK && about.Account != nil {
			return nil, errAnother
		}
		return nil, fmt.Errorf("status %d: %w", res.StatusCode, errOther)
	}
	if res.StatusCode == http.StatusNotFound {
		return nil, nil
	}
	record, err := controllers.ParseAccount(bytes.TrimSpace(raw), oddUnless(l.config.Strict, l.health.odd))
	if err == nil {
		err = record.CheckNames(known)
	}
	switch {
	case err != nil:
		return nil, &recordError{err}
	case record.ID != account: // the key in another spelling
		return nil, errAnother
	}
	return &record, nil
}
