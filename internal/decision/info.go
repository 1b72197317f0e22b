package decision

import (
	"net/http"
	"slices"
)

// documented is a reason with its documentation.
type documented struct {
	reason Reason
	info   Info
}

// reasons documents every code, in the order of the constants.
var reasons = []documented{
	{NoActivity, Info{http.StatusForbidden, "§2",
		"The request belongs to no declared activity.",
		"an activity whose matcher takes the request, and whose row names its exporter, purposes and categories"}},
	{NoController, Info{http.StatusForbidden, "§11",
		"No controller is responsible for the person.",
		"a controller that serves the registered country, or a default one"}},
	{CountryUnknown, Info{http.StatusForbidden, "§11",
		"The person is known, but not the country they registered in.",
		"the registered country in the person's identity or account record"}},
	{AnonymousSingapore, Info{http.StatusForbidden, "§9",
		"Without a registered person, requests are answered in Singapore only.",
		"a person with a registered country"}},
	{LawUnknown, Info{http.StatusForbidden, "§9",
		"The registers hold no transfer law for a country concerned.",
		"a law for that country in the register of laws"}},
	{NoSafeguard, Info{http.StatusForbidden, "§9",
		"A law that applies is not satisfied by any safeguard.",
		"a safeguard in force for that law, exporter, recipient and country that covers every category and purpose"}},
	{SafeguardUnproven, Info{http.StatusForbidden, "§9",
		"The only safeguards are examples or not confirmed by counsel.",
		"an instrument that exists and is confirmed, in the row of the safeguard"}},
	{NoRegion, Info{http.StatusForbidden, "§9",
		"The site declares no region whose operator may receive such a request.",
		"a declared region whose operator may receive under the activity's row of §4 or §9"}},
	{StorageInSingapore, Info{http.StatusForbidden, "§9",
		"Personal data is stored in Singapore and nowhere else.",
		"the storage region among the site's regions"}},
	{RecipientNotAllowed, Info{http.StatusForbidden, "§4",
		"The recipient fits no row of §4 or §9 for this activity.",
		"a recipient of the activity's kind"}},
	{SupportNotAllowed, Info{http.StatusForbidden, "§4(c)",
		"The affiliate does not give this kind of support.",
		"an affiliate whose row names the activity's kind of support"}},
	{IdentityDocuments, Info{http.StatusForbidden, "§4(c)",
		"Identity documents do not go to affiliates or partners.",
		"an activity that does not carry category 1b"}},
	{StaffWithoutSubject, Info{http.StatusForbidden, "§9",
		"Staff asked for data without saying whose it is.",
		"the account whose data is asked for, in the claim, field or path segment set up for it"}},
	{StaffUnknownRecipient, Info{http.StatusForbidden, "§4",
		"The staff's entity is not a recipient in that country.",
		"the entity and its country in the register of recipients"}},
	{NoStatement, Info{http.StatusForbidden, "§10",
		"No version of the privacy statement is in force.",
		"a version of the statement whose validity has begun and not ended"}},
	{InstructionMissing, Info{http.StatusForbidden, "§4(a)",
		"Nothing says that the person consented to this or instructed it.",
		"the reference of the person's consent or instruction, in the account record or from a trusted source"}},
	{CaseMissing, Info{http.StatusForbidden, "§4(b)",
		"No approved case stands behind this.",
		"the reference of a case with who approved it and when it ends, in the account record or from a trusted source"}},
	{CaseExpired, Info{http.StatusForbidden, "§4(b)",
		"The case behind this has ended.",
		"a case that is approved for the moment of the request"}},
	{Localised, Info{http.StatusForbidden, "introduction",
		"The law of the person's country wants the data kept there, and personal data is stored in Singapore (§9).",
		"a safeguard that says where the data is kept in that country, if its law lets a copy leave; otherwise the person's data may not be collected here"}},
	{StaffUnnamed, Info{http.StatusForbidden, "§5(f)",
		"Nothing says which member of staff asks.",
		"the id of the member of staff, in the claim, field or certificate set up for it"}},
	{TicketMissing, Info{http.StatusForbidden, "§5(f)",
		"Staff asked for data without saying for which ticket.",
		"the number of a ticket, in the claim or field set up for it"}},
	{ApprovalMissing, Info{http.StatusForbidden, "§5(f)",
		"Nobody approved that staff from there have access.",
		"the reference of an approval with who gave it and when it ends, in the claim or field set up for it"}},
	{ApprovalExpired, Info{http.StatusForbidden, "§5(f)",
		"The approval of the access by staff has ended.",
		"an approval that holds at the moment of the request"}},

	{AccountClosed, Info{http.StatusForbidden, "§7",
		"The account is closed.",
		"an open account; of a closed one only deletion and rights requests go on"}},
	{MinorWithoutGuardian, Info{http.StatusForbidden, "§8",
		"The person is a minor, and no parent or guardian stands by them.",
		"a parent or guardian in the account record; until then only rights requests go on"}},
	{ProcessingRestricted, Info{http.StatusForbidden, "§7",
		"The person restricted what is done with their data.",
		"the restriction lifted; until then only what the person stores, rights requests and §4(b) go on"}},
	{ConsentWithdrawn, Info{http.StatusForbidden, "§7",
		"The person withdrew the consent this rests on.",
		"the person's consent"}},
	{PurposeObjected, Info{http.StatusForbidden, "§7",
		"The person objects to a purpose of this.",
		"the person's objection taken back, or an activity without that purpose"}},
	{RecipientObjected, Info{http.StatusForbidden, "§7",
		"The person objects to the recipient.",
		"another recipient, or the person's objection taken back"}},
	{OptOutSignal, Info{http.StatusForbidden, "§7",
		"The request opts out of marketing and of sharing with partners.",
		"a request without the field Sec-GPC: 1"}},

	{CountryInvalid, Info{http.StatusForbidden, "§11",
		"The registered country is not an ISO 3166-1 alpha-2 code.",
		"one of the 249 codes of ISO 3166-1 in upper case, such as GB or GR, or XK for Kosovo"}},
	{IdentityAmbiguous, Info{http.StatusBadRequest, "",
		"The request says in more than one way who the person is.",
		"each identity field once, with one value"}},
	{IdentityBroken, Info{http.StatusUnauthorized, "",
		"The credential is not valid.",
		"a valid credential, or none"}},
	{MethodNotAllowed, Info{http.StatusMethodNotAllowed, "",
		"The method is not allowed here.",
		"one of GET, HEAD, POST, PUT, PATCH, DELETE and OPTIONS"}},
	{PathAmbiguous, Info{http.StatusBadRequest, "",
		"The path could be read in more than one way.",
		"a path that is the same activity however often it is decoded and cleaned, and has no dot segments"}},
	{RequestAmbiguous, Info{http.StatusBadRequest, "",
		"The request could be read in more than one way.",
		"the method in the request line alone, and each query parameter once, separated by &"}},
	{HostMissing, Info{http.StatusBadRequest, "",
		"The request names no host.",
		"one Host field with the site's name"}},
	{UpgradeRefused, Info{http.StatusBadRequest, "",
		"The connection cannot change to that protocol.",
		"a GET request that upgrades to websocket, where the site allows it"}},
	{BodyBroken, Info{http.StatusBadRequest, "",
		"The request's body could not be read to its end.",
		"a body that is whole and well-formed, within what the server reads and waits for"}},
	{BodyTooLarge, Info{http.StatusRequestEntityTooLarge, "",
		"The request's body is longer than is allowed.",
		"a body no longer than the site allows (request_body max_size)"}},
	{RegionDown, Info{http.StatusServiceUnavailable, "§9",
		"The region is down, and no other may lawfully answer.",
		"a live upstream in the region; the request may be sent again later"}},
	{RegionFailed, Info{http.StatusBadGateway, "",
		"The region took the request and did not answer.",
		"a region that answers; the request may have been carried out, so it is not sent elsewhere"}},
	{RegionFellThrough, Info{http.StatusInternalServerError, "",
		"The region's routes end without an answer.",
		"a handler in the region's block that answers every request"}},
	{LedgerUnavailable, Info{http.StatusServiceUnavailable, "§5(j)",
		"The transfer log cannot be written, so nothing is transferred.",
		"a ledger that takes records; the request may be sent again later"}},
	{LedgerUnshipped, Info{http.StatusServiceUnavailable, "§9",
		"The transfer log does not get to the place where it is kept, so nothing is transferred.",
		"a store that takes records; the request may be sent again later"}},
	{DirectoryDown, Info{http.StatusServiceUnavailable, "§11",
		"The account directory cannot be reached, so the controller is not known.",
		"a directory that answers; the request may be sent again later"}},
	{AccountUnreadable, Info{http.StatusForbidden, "§11",
		"The account's record in the directory cannot be used, so the controller is not known.",
		"a record of this account that keeps to the rules; the gateway's log says what is wrong with it"}},
	{KeysUnavailable, Info{http.StatusServiceUnavailable, "§11",
		"The keys that tokens are judged by cannot be reached, so nobody knows who asks.",
		"a key service that answers; the request may be sent again later"}},
	{TooEarly, Info{http.StatusTooEarly, "",
		"The request came before the TLS handshake was complete, so it may be a copy of another one.",
		"the same request once the handshake is complete"}},
	{StaffDenied, Info{http.StatusForbidden, "§5(f)",
		"Staff may not have this now. Why is not told to them: it may be the person's own affair.",
		"what the record says, to those who may read it"}},
}

// Reasons returns every code, those of decisions first. The slice is the caller's.
func Reasons() []Reason {
	codes := make([]Reason, len(reasons))
	for i := range reasons {
		codes[i] = reasons[i].reason
	}
	return codes
}

// Decided returns the codes a decision can have, without those of requests that are
// refused before or after one. The slice is the caller's.
func Decided() []Reason {
	codes := Reasons()
	return append(codes[:slices.Index(codes, OptOutSignal)+1], CountryInvalid)
}

// Info documents the code. One that is not in Reasons, "" among them, is
// answered like any other request that is not allowed: 403, with no clause.
func (r Reason) Info() Info {
	if i := slices.IndexFunc(reasons, func(d documented) bool { return d.reason == r }); i >= 0 {
		return reasons[i].info
	}
	return Info{
		Status: http.StatusForbidden,
		Title:  "The request is not allowed.",
		Unlock: "nothing that is known",
	}
}
