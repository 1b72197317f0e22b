// Package fields holds the names of the HTTP fields the product adds, tells
// which names are reserved for them, and renders their values.
//
// Every field is one item of RFC 9651: a token, a string, or, where the text
// is not plain ASCII, a display string. A display string holds what a register
// says, so any Unicode character may be in it. Data-Transfer carries parameters.
// Fields the product adds to requests state what was decided, so a client must
// never be able to send them itself; see [Reserved].
package fields

// The fields of a request on its way to an upstream.
const (
	// DataController is the id of the responsible legal entity (§11), a token.
	DataController = "Data-Controller"
	// DataControllerName is its name, a string or display string.
	DataControllerName = "Data-Controller-Name"
	// DataControllerAddress is its address, a string or display string.
	DataControllerAddress = "Data-Controller-Address"
	// DataControllerBasis is the ground on which it was chosen, a token.
	DataControllerBasis = "Data-Controller-Basis"
	// DataSubjectCountry is the registered country, an ISO 3166-1 alpha-2
	// code as a token. It is absent when no country is known.
	DataSubjectCountry = "Data-Subject-Country"
	// DataRegion is the code of the region that answers, a token.
	DataRegion = "Data-Region"
	// DataTransfer is the destination country, a token with parameters, or
	// the boolean ?0 when the request is no transfer.
	DataTransfer = "Data-Transfer"
	// PrivacyStatement is the version of the privacy statement in force (§10),
	// a string.
	PrivacyStatement = "Privacy-Statement"
	// TransferAssertion is kept for a signed form of the fields above.
	TransferAssertion = "Transfer-Assertion"
	// TransferStatus is kept for the outcome of a transfer.
	TransferStatus = "Transfer-Status"
)

// The parameters of Data-Transfer.
const (
	paramActivity   = "activity"   // id of the activity, a token
	paramSafeguards = "safeguards" // tags separated by a space, a string
	paramRecipient  = "recipient"  // id of the recipient, a token
	paramRecord     = "record"     // where the transfer stands in the ledger, a string
)

// RequestNames returns the names of the fields a request to an upstream may carry,
// in the order in which they are rendered. The caller owns the slice.
func RequestNames() []string {
	return []string{
		DataController, DataControllerName, PrivacyStatement,
		DataControllerAddress, DataControllerBasis, DataSubjectCountry,
		DataRegion, DataTransfer, TransferAssertion,
	}
}

// ResponseNames returns the names of the fields a response to a client may
// carry. The caller owns the slice.
func ResponseNames() []string {
	return []string{DataController, DataControllerName, PrivacyStatement}
}

// inResponse reports whether name is one of [ResponseNames].
func inResponse(name string) bool {
	return name == DataController || name == DataControllerName || name == PrivacyStatement
}
