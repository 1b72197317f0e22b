package assertion_test

import (
	"context"
	"fmt"
	"time"

	"github.com/sparkoo/transfergate/internal/assertion"
)

// The gateway signs what it knows of a hop and publishes its keys; the upstream
// there verifies it with them.
func Example() {
	key, err := assertion.Generate(assertion.EdDSA)
	if err != nil {
		fmt.Println(err)
		return
	}
	keys := []assertion.Key{key}
	signer, err := assertion.New(assertion.Config{Issuer: "https://gateway.example.com", Keys: keys})
	if err != nil {
		fmt.Println(err)
		return
	}
	token, err := signer.Sign(assertion.Facts{
		Account: "ana", Recipient: "huawei-cloud-cn", Region: "cn-north-4", Controller: "sparkoo-br",
		Basis: "registered-country", Country: "BR", Activity: "support", Statement: "2023-11-21",
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	published, err := new(assertion.Ring).KeySet(keys, time.Now())
	if err != nil {
		fmt.Println(err)
		return
	}

	// An upstream would have assertion.Remote fetch the keys.
	set, err := assertion.ParseKeySet(published)
	if err != nil {
		fmt.Println(err)
		return
	}
	upstream := assertion.Verifier{Keys: set, Issuer: "https://gateway.example.com", Audience: "cn-north-4"}
	claims, err := upstream.Verify(context.Background(), token)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(claims.Activity, claims.Country, claims.Controller, claims.Subject == "ana")

	elsewhere := assertion.Verifier{Keys: set, Issuer: "https://gateway.example.com", Audience: "af-south-1"}
	_, err = elsewhere.Verify(context.Background(), token)
	fmt.Println(err)
	// Output:
	// support BR sparkoo-br false
	// the assertion is meant for another region
}

// A key has the same id wherever it is read (RFC 8037 appendix A).
func ExampleParseKeys() {
	keys, err := assertion.ParseKeys([]byte(`{"kty":"OKP","crv":"Ed25519",` +
		`"d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(keys[0].ID(), keys[0].Algorithm(), keys[0].Private())
	// Output: kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k EdDSA true
}
