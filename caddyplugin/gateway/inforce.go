package gateway

import (
	"errors"
	"io/fs"
	"sync/atomic"

	"go.uber.org/zap"

	"github.com/sparkoo/transfergate/caddyplugin/recorder"
	"github.com/sparkoo/transfergate/internal/approval"
	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/policystore"
	"github.com/sparkoo/transfergate/internal/record"
)

// This file gives the store of the policy in force what it needs of the gateway.

// inCommon is what the configurations of this process share.
var inCommon policystore.Common

// policyInterval is how often a policy's folder is looked at, in nanoseconds.
// Tests shorten it.
var policyInterval atomic.Int64

func init() { policyInterval.Store(int64(sourceInterval)) }

// serials are what the ledger's entries say of the approved policy that was in force
// last, which must not be gone back behind: no file does, which could be removed.
type serials struct{ class *recorder.Class }

func (s serials) Last() (serial uint64, policy string, err error) {
	standing, err := s.class.Standing()
	if err != nil || standing.Approved == nil {
		return 0, "", err
	}
	return standing.Approved.Serial, standing.Approved.Policy, nil
}

func (s serials) Note(serial uint64, policy string) error {
	return s.class.State(func(standing *record.Standing) {
		standing.Approved = &record.Approved{Serial: serial, Policy: policy}
	})
}

// provisionPolicy reads the policy for the first time.
func (a *App) provisionPolicy() (err error) {
	kept := func(string) ([]byte, error) { return nil, fs.ErrNotExist } // without a ledger nothing is
	if a.Ledger != nil {
		kept = ledger.At(a.Ledger.Folder).Snapshot
	}
	a.store, err = policystore.New(policystore.Options{
		Folder: a.Policy, Common: &inCommon, Now: now, Logger: a.ctx.Slogger(),
		Keep: func(digest string, archive []byte, by *approval.Status) error {
			return a.recorder.KeepPolicy(digest, archive, signedBy(by))
		},
		Kept: kept, Last: a.lastGood, Failed: notTaken, Advise: a.adviseOnPolicy,
	})
	if err != nil {
		return err
	}
	a.table = a.store.Controllers()
	return nil
}

// signedBy is who stands behind a policy, by the hashes of their keys: their names may be
// those of persons.
func signedBy(by *approval.Status) record.Signed {
	if by == nil {
		return record.Signed{}
	}
	return record.Signed{Serial: by.Serial, Author: hashes([]string{by.Author})[0], Approvers: hashes(by.Keys)}
}

func (a *App) provisionMode() error { return a.Mode.Prepare() }

func (a *App) provisionApprovals() error {
	if a.Approvals == nil {
		return nil
	}
	return a.store.RequireApprovals(a.Approvals, serials{a.recorder.Class("")})
}

// provisionShadow reads the policy on trial for the first time.
func (a *App) provisionShadow() error {
	if a.Candidate != "" {
		if a.Shadow != "" && a.Shadow != a.Candidate {
			return errors.New("'candidate' is the former name of 'shadow', and the two name different folders: keep 'shadow'")
		}
		a.logger.Warn("'candidate' is deprecated: it is now called 'shadow'", zap.String("folder", a.Candidate))
		a.Shadow = a.Candidate
	}
	if a.Shadow == "" {
		return nil
	}
	return a.store.TryShadow(a.Shadow)
}

// register adds a handler, whose tables are from now on part of the state.
func (a *App) register(h *Handler) error {
	for _, activity := range h.Activities {
		h.site.Activities = append(h.site.Activities, activity.Name)
	}
	a.handlers = append(a.handlers, h)
	return a.store.Register(&h.site)
}
