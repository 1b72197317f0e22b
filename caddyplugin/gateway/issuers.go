package gateway

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/sparkoo/transfergate/controllers"
)

// AccountIDs says what the account ids of an issuer are. An issuer's subjects are
// unique among themselves (RFC 7519 section 4.1.2): the same one of another issuer is
// another person, unless the operator says that both speak of the same accounts.
type AccountIDs string

// The account ids. With one issuer nothing needs to be said, and they are shared.
const (
	// SharedIDs are ids of the account directory, whoever names them.
	SharedIDs AccountIDs = "shared"
	// OwnIDs are the issuer's own: the account is [OwnAccount].
	OwnIDs AccountIDs = "own"
)

// AccountIssuer is implemented by identity sources that believe one issuer.
type AccountIssuer interface {
	// AccountIssuer is the issuer, and what was said about its account ids; empty if
	// nothing was.
	AccountIssuer() (issuer string, ids AccountIDs)
}

// OwnAccount is the account that an issuer's own id stands for: in account records,
// in what pseudonyms are made of and in what a member of staff asks for.
func OwnAccount(issuer, id string) string { return issuer + "#" + id }

// issuerOf is the source's issuer; empty if it has none.
func issuerOf(source IdentitySource) (issuer string, ids AccountIDs) {
	if s, ok := source.(AccountIssuer); ok {
		return s.AccountIssuer()
	}
	return "", ""
}

// checkIssuers refuses a chain that leaves open whether two issuers' ids are the same
// accounts, and notes the issuers whose ids are their own.
func (c *chain) checkIssuers() error {
	said := make(map[string]AccountIDs)
	var unsaid []string
	var errs []error
	for i, source := range c.sources {
		issuer, ids := issuerOf(source)
		if issuer == "" {
			continue
		}
		if before, twice := said[issuer]; twice && before != ids {
			errs = append(errs, fmt.Errorf("identity source %d: issuer '%s' has account_ids '%s' here and '%s' before: its ids are one or the other", i+1, issuer, ids, before))
			continue
		}
		said[issuer] = ids
		switch {
		case ids == "" && !slices.Contains(unsaid, issuer):
			unsaid = append(unsaid, issuer)
		case ids == OwnIDs && (strings.Contains(issuer, "#") || !controllers.ValidID(issuer)):
			errs = append(errs, fmt.Errorf("identity source %d: issuer '%s' cannot stand before its own account ids: it has '#', or is no text in Unicode's form C", i+1, issuer))
		case ids == OwnIDs && !slices.Contains(c.ownIDs, issuer):
			c.ownIDs = append(c.ownIDs, issuer)
		}
	}
	if len(said) > 1 && len(unsaid) > 0 {
		errs = append(errs, fmt.Errorf("identity: %d issuers, and the same subject may be another person with each: "+
			"write 'account_ids shared' in the source of an issuer whose subjects are ids of the account directory, 'account_ids own' in any other; nothing is said for '%s'",
			len(said), strings.Join(unsaid, "', '")))
	}
	return errors.Join(errs...)
}

// ownerOf is the issuer of whose own accounts an account is; empty if of none.
func (c *chain) ownerOf(account string) string {
	issuer, _, found := strings.Cut(account, "#")
	if !found || !slices.Contains(c.ownIDs, issuer) {
		return ""
	}
	return issuer
}

// speaksFor reports whether the source may name the account of a person: one of an
// issuer's own is named by that issuer, or by who is believed for its address.
func (c *chain) speaksFor(source IdentitySource, id *Identity) bool {
	owner := c.ownerOf(id.Account)
	issuer, ids := issuerOf(source)
	return owner == "" || id.Staff != nil || owner == issuer && ids == OwnIDs || believesPeers(source)
}
