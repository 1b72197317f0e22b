package sitecheck

import (
	"fmt"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp/headers"

	"github.com/sparkoo/transfergate/internal/fields"
)

// checkHeaderOps refuses operations on our own fields.
func checkHeaderOps(handler *headers.Handler) error {
	if handler == nil {
		return nil
	}
	names := operatedOn(handler.Request)
	if handler.Response != nil {
		names = append(names, operatedOn(handler.Response.HeaderOps)...)
	}
	for _, name := range names {
		if touchesOurs(name) {
			return fmt.Errorf("a header operation on '%s': the gateway alone sets its fields", name)
		}
	}
	for _, name := range operatedOn(handler.Request) {
		if reaches(name, hopFields) {
			return fmt.Errorf("a header operation on '%s': by it the proxy would drop the fields that it names, the gateway's among them", name)
		}
	}
	return nil
}

// hopFields name other fields that a proxy drops or moves.
var hopFields = []string{"Connection", "Trailer"}

// judgedBy are the fields by which an upstream may take a request for another
// one than was judged.
var judgedBy = []string{
	"Content-Type", "X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override", "X-Original-URL", "X-Rewrite-URL", "X-Original-URI",
}

// checkRequestOps refuses operations in a region's block that make another
// request of the one that was judged. What they take away makes no more of it.
func checkRequestOps(ops *headers.HeaderOps) error {
	if ops == nil {
		return nil
	}
	for _, name := range operatedOn(&headers.HeaderOps{Add: ops.Add, Set: ops.Set, Replace: ops.Replace}) {
		if reaches(name, judgedBy) {
			return fmt.Errorf("a header operation on '%s' in a region would make another request of the one that was judged: write it before transfer", name)
		}
	}
	return nil
}

// checkIdentityOps refuses operations on the request fields that an identity
// source reads: it believes the peer, so the site may not speak for it.
func checkIdentityOps(handler *headers.Handler, identityFields []string) error {
	for _, name := range operatedOn(handler.Request) {
		if reaches(name, identityFields) {
			return fmt.Errorf("a header operation on '%s' would say who the request is about: identity header believes that field from the peer alone; "+
				"let an authentication handler say it, and read it with identity auth", name)
		}
	}
	return nil
}

// checkLateOps refuses operations that would come after the gateway's last word
// on what a shared cache may keep and which privacy statement holds. Ones that
// are not deferred come before it.
func checkLateOps(handler *headers.Handler) error {
	response := handler.Response
	if response == nil || !response.Deferred && response.Require == nil {
		return nil
	}
	for _, name := range operatedOn(response.HeaderOps) {
		if reaches(name, []string{"Cache-Control", "Link"}) {
			return fmt.Errorf("a deferred header operation on '%s' would come after the gateway, which sets it last: write it in a region's block", name)
		}
	}
	return nil
}

// operatedOn lists the names of the fields that the operations name.
func operatedOn(ops *headers.HeaderOps) (names []string) {
	if ops == nil {
		return nil
	}
	for name := range ops.Add {
		names = append(names, name)
	}
	for name := range ops.Set {
		names = append(names, name)
	}
	for name := range ops.Replace {
		names = append(names, name)
	}
	names = append(names, ops.Delete...)
	slices.Sort(names)
	return names
}

// touchesOurs reports whether a header operation's name reaches one of our fields.
func touchesOurs(name string) bool {
	return fields.Reserved(name) || reaches(name, append(fields.RequestNames(), fields.TransferStatus))
}

// reaches reports whether a header operation's name, perhaps with wildcards,
// reaches one of the fields. A placeholder might.
func reaches(name string, targets []string) bool {
	if strings.Contains(name, "{") {
		return true
	}
	core, open, end := fields.Fold(name), strings.HasPrefix(name, "*"), strings.HasSuffix(name, "*")
	return slices.ContainsFunc(targets, func(target string) bool {
		folded := fields.Fold(target)
		switch {
		case open && end:
			return strings.Contains(folded, core)
		case open:
			return strings.HasSuffix(folded, core)
		case end:
			return strings.HasPrefix(folded, core)
		}
		return folded == core
	})
}
