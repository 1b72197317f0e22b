package gateway

import (
	"github.com/sparkoo/transfergate/caddyplugin/adminapi"
)

// PolicyStatus is what operators are told about the policy.
func (a *App) PolicyStatus() adminapi.PolicyStatus {
	s, t := a.store.State(), now()
	shadow := a.store.ShadowStatus(s)
	status := adminapi.PolicyStatus{
		Digest: s.Policy.Digest, Source: a.policySource(), Statement: statementAt(s.Policy, t),
		Loaded: s.Loaded.UTC(), Mode: a.Mode.Status(s.Policy, t), Shadow: shadow, Candidate: shadow, Failure: a.store.Failure(),
	}
	if next := s.NextChange(t); !next.IsZero() {
		next = next.UTC()
		status.NextChange = &next
	}
	if by := s.Approved; by != nil {
		status.Approvals = &adminapi.ApprovalStatus{Required: by.Required, Serial: by.Serial, Author: by.Author, Approvers: by.Approvers}
	}
	return status
}

// policySource is where the policy comes from, for people.
func (a *App) policySource() string {
	if a.Policy == "" {
		return "embedded"
	}
	return a.Policy
}

// ReloadPolicy reads the policy's folder now. After an error the policy before stays
// in force.
func (a *App) ReloadPolicy() (answer adminapi.Reloaded, err error) {
	if answer.Changed, err = a.store.Reload(); err == nil {
		answer.Digest = a.store.State().Policy.Digest
	}
	return answer, err
}

// ReloadShadow does the same for the policy on trial; adminapi.ErrNoShadow if there is
// none.
func (a *App) ReloadShadow() (answer adminapi.Reloaded, err error) {
	if a.Shadow == "" {
		return answer, adminapi.ErrNoShadow
	}
	if answer.Changed, err = a.store.ReloadShadow(); err == nil {
		answer.Digest = a.store.State().Shadow.Policy.Digest
	}
	return answer, err
}

// Interface guards
var (
	_ adminapi.Gateway = (*App)(nil)
)
