package gateway

import (
	"fmt"
	"io"
	"runtime"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/sparkoo/transfergate/internal/decision"
	"github.com/sparkoo/transfergate/internal/refusals"
)

// SetClock replaces the clock of decisions and records until restore is called.
func SetClock(now func() time.Time) (restore func()) {
	clock.Store(&now)
	return func() { clock.Store(nil) }
}

// Most tests look for the record of each denial.
func init() { refusalLimits.Store(&refusals.Limits{Nobody: 1 << 30, Person: 1 << 30}) }

// Most tests set the clock, and count entries.
func init() { heartbeatLook.Store(-1) }

// SetHeartbeatLook says how often ledgers that open meanwhile look whether a heartbeat is
// due, until restore is called.
func SetHeartbeatLook(d time.Duration) (restore func()) {
	was := heartbeatLook.Swap(int64(d))
	return func() { heartbeatLook.Store(was) }
}

// MatcherLine says which requests matchers match, as the ledger has it.
func MatcherLine(sets caddyhttp.RawMatcherSets) string { return matcherLine(sets) }

// CountRefusals has gateways that start from now on count denials as they do outside
// of tests, until restore is called.
func CountRefusals() (restore func()) {
	was := refusalLimits.Swap(new(refusals.Limits))
	return func() { refusalLimits.Store(was) }
}

// BreakLedger makes the open ledger of that folder refuse every record.
func BreakLedger(dir string) error {
	app, err := caddy.ActiveContext().AppIfConfigured("transfer")
	if err != nil {
		return err
	}
	for _, c := range app.(*App).recorder.Classes() {
		if c.Dir() == dir {
			return c.Log().Close()
		}
	}
	return fmt.Errorf("no ledger %s is open", dir)
}

// SetStartWait says for how long requests wait for a gateway that starts, until
// restore is called.
func SetStartWait(d time.Duration) (restore func()) {
	was := startWait.Swap(int64(d))
	return func() { startWait.Store(was) }
}

// SetOpenAgain says how long the first pause is between tries to open a ledger, until
// restore is called.
func SetOpenAgain(d time.Duration) (restore func()) {
	was := openAgain.Swap(int64(d))
	return func() { openAgain.Store(was) }
}

// SetPolicyInterval says how often folders of policies are looked at until
// restore is called, by gateways that start meanwhile.
func SetPolicyInterval(d time.Duration) (restore func()) {
	was := policyInterval.Swap(int64(d))
	return func() { policyInterval.Store(was) }
}

// Tables returns the tables that serve now, by handler.
func Tables() []*decision.Table {
	app, err := caddy.ActiveContext().AppIfConfigured("transfer")
	if err != nil {
		return nil
	}
	return app.(*App).store.State().Current()
}

// ForgetInCommon leaves out of InCommon what was loaded before: Caddy lets go late
// of servers that spoke HTTP/3.
func ForgetInCommon() {
	inCommon.Forget()
}

// InCommon counts the tables that are found by a configuration that is loaded
// next, once the garbage is collected.
func InCommon() (alive int) {
	runtime.GC()
	return inCommon.Alive()
}

// FreezePolicy makes whoever wants to replace the policy of the running
// gateway wait until release is called, as if a compilation took so long.
func FreezePolicy() (release func(), err error) {
	app, err := caddy.ActiveContext().AppIfConfigured("transfer")
	if err != nil {
		return nil, err
	}
	return app.(*App).store.Freeze(), nil
}

// SetRetentionInterval says how often expired epochs are looked for until restore
// is called, by ledgers that open meanwhile.
func SetRetentionInterval(d time.Duration) (restore func()) {
	was, patience := retentionInterval.Swap(int64(d)), retentionPatience.Swap(-1)
	return func() { retentionInterval.Store(was); retentionPatience.Store(patience) }
}

// ArrivedWhole reads a body of that declared length as a region does, and says
// whether the record will call it whole.
func ArrivedWhole(body io.Reader, length int64) bool {
	b := requestBody{ReadCloser: io.NopCloser(body), length: length}
	_, _ = io.Copy(io.Discard, &b) // the error is the body's, which is told by its state
	return b.whole()
}

// SetTidyAfter says how long after a start what no source needs any more is removed, until
// restore is called, by gateways that start meanwhile.
func SetTidyAfter(d time.Duration) (restore func()) {
	was := tidyAfter.Swap(int64(d))
	return func() { tidyAfter.Store(was) }
}

// DenialLanguages are the languages of the page of a denial.
func DenialLanguages() (tags []string) {
	for _, tag := range denialLanguages {
		tags = append(tags, tag.String())
	}
	return tags
}

// DenialTexts are all texts in a language, none if it has none.
func DenialTexts(tag string) (texts []string) {
	t := denialWords[tag]
	if t == nil {
		return nil
	}
	for _, said := range t.classes {
		texts = append(texts, said.heading, said.text)
	}
	return append(texts, t.reason, t.clause, t.record, t.details)
}

// DenialHeading is what the page says first of a reason, in English.
func DenialHeading(reason decision.Reason) string {
	return denialWords["en"].classes[classOf(reason)].heading
}
