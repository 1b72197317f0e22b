package token_test

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/sparkoo/transfergate/internal/token"
)

// vectors is a file of Wycheproof.
type vectors struct {
	Groups []struct {
		Comment string          `json:"comment"`
		Private json.RawMessage `json:"private"`
		Public  json.RawMessage `json:"public"`
		Tests   []struct {
			ID      int             `json:"tcId"`
			Comment string          `json:"comment"`
			JWS     json.RawMessage `json:"jws"`
			Result  string          `json:"result"`
		} `json:"tests"`
	} `json:"testGroups"`
}

// refusedOnPurpose are Wycheproof's valid cases that a rule of ours refuses, by
// file and number.
var refusedOnPurpose = map[string]map[string][]int{
	"json_web_signature_test.json": {
		"HMAC: whoever can verify can forge":                    {1, 348, 352, 357, 358, 359, 372, 373, 376, 377},
		"the key is for PS256 and the token says PS384":         {346, 350},
		"the key names ES521, which is no algorithm (RFC 7518)": {347, 351},
	},
	"json_web_key_test.json": {
		"HMAC: whoever can verify can forge": {2, 13, 14, 15},
	},
	"json_web_crypto_test.json": {
		"HMAC: whoever can verify can forge": {1, 48},
	},
}

// Every invalid case is refused, every valid one is accepted or refused by a
// rule of ours.
func TestWycheproof(t *testing.T) {
	for file, purposes := range refusedOnPurpose {
		raw, err := os.ReadFile("testdata/wycheproof/" + file)
		if err != nil {
			t.Fatal(err)
		}
		var all vectors
		if err := json.Unmarshal(raw, &all); err != nil {
			t.Fatal(err)
		}
		var ours []int
		for _, ids := range purposes {
			ours = append(ours, ids...)
		}
		accepted, refused := 0, 0
		for _, group := range all.Groups {
			set := group.Public
			if set == nil {
				set = group.Private // a symmetric key
			}
			if !strings.Contains(string(set), `"keys"`) {
				set = fmt.Appendf(nil, `{"keys":[%s]}`, set)
			}
			for _, test := range group.Tests {
				if test.JWS == nil {
					continue // about encryption
				}
				var jws string
				if json.Unmarshal(test.JWS, &jws) != nil {
					jws = string(test.JWS) // JSON serialization
				}
				_, err := token.VerifySignature(set, jws, nil)
				want := test.Result == "valid" && !slices.Contains(ours, test.ID)
				if (err == nil) != want {
					t.Errorf("%s %d (%s, %s, %s): got %v", file, test.ID, group.Comment, test.Comment, test.Result, err)
				}
				if err == nil {
					accepted++
				} else {
					refused++
				}
			}
		}
		t.Logf("%s: %d accepted, %d refused, %d of those valid", file, accepted, refused, len(ours))
	}
}

// The examples of RFC 7520 sections 4.1 to 4.3 with the keys as they stand there.
// Wycheproof has them, too, but gives two of the keys an algorithm they are not for.
func TestRFC7520Examples(t *testing.T) {
	raw, err := os.ReadFile("testdata/wycheproof/json_web_signature_test.json")
	if err != nil {
		t.Fatal(err)
	}
	var all vectors
	if err := json.Unmarshal(raw, &all); err != nil {
		t.Fatal(err)
	}
	// By figure: the algorithm the section is about; none for HMAC (section 4.4).
	algorithms := map[string]string{"Figure13": "RS256", "Figure20": "PS384", "Figure27": "ES512", "Figure35": ""}
	seen := 0
	for _, group := range all.Groups {
		if group.Comment != "rfc7520" {
			continue
		}
		var key map[string]any
		set := group.Public
		if set == nil {
			set = group.Private
		}
		if err := json.Unmarshal(set, &key); err != nil {
			t.Fatal(err)
		}
		delete(key, "alg")
		for _, test := range group.Tests {
			alg, known := algorithms[test.Comment]
			var jws string
			if err := json.Unmarshal(test.JWS, &jws); err != nil || !known {
				t.Fatalf("%s: %v", test.Comment, err)
			}
			seen++
			var allowed []string
			if alg != "" {
				allowed = []string{alg}
			}
			payload, err := token.VerifySignature(fmt.Appendf(nil, `{"keys":[%s]}`, mustJSON(key)), jws, allowed)
			if (err == nil) != (alg != "") {
				t.Errorf("%s: %v", test.Comment, err)
			} else if err == nil && (!strings.HasPrefix(string(payload), "It’s a dangerous business, Frodo") || !strings.HasSuffix(string(payload), "where you might be swept off to.")) {
				t.Errorf("%s: %q", test.Comment, payload)
			}
		}
	}
	if seen < 4 {
		t.Errorf("%d examples, want 4", seen)
	}
}

// The examples of RFC 7515 appendices A.2 to A.4 and RFC 8037 appendix A.4.
func TestRFCExamples(t *testing.T) {
	const joe = "{\"iss\":\"joe\",\r\n \"exp\":1300819380,\r\n \"http://example.com/is_root\":true}"
	for name, example := range map[string]struct{ jwk, jws, payload string }{
		"RFC 7515 A.2": {
			`{"kty":"RSA","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ","e":"AQAB"}`,
			"eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw",
			joe,
		},
		"RFC 7515 A.3": {
			`{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}`,
			"eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
			joe,
		},
		"RFC 7515 A.4": {
			`{"kty":"EC","crv":"P-521","x":"AekpBQ8ST8a8VcfVOTNl353vSrDCLLJXmPk06wTjxrrjcBpXp5EOnYG_NjFZ6OvLFV1jSfS9tsz4qUxcWceqwQGk","y":"ADSmRA43Z1DSNx_RvcLI87cdL07l6jQyyBXMoxVg_l2Th-x3S1WDhjDly79ajL4Kkd0AZMaZmh9ubmf63e3kyMj2"}`,
			"eyJhbGciOiJFUzUxMiJ9.UGF5bG9hZA.AdwMgeerwtHoh-l192l60hp9wAHZFVJbLfD_UxMi70cwnZOYaRI1bKPWROc-mZZqwqT2SI-KGDKB34XO0aw_7XdtAG8GaSwFKdCAPZgoXD2YBJZCPEX3xKpRwcdOO8KpEHwJjyqOgzDO7iKvU8vcnwNrmxYbSW9ERBXukOXolLzeO_Jn",
			"Payload",
		},
		"RFC 8037 A.4": {
			`{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`,
			"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg",
			"Example of Ed25519 signing",
		},
	} {
		payload, err := token.VerifySignature(fmt.Appendf(nil, `{"keys":[%s]}`, example.jwk), example.jws, nil)
		if err != nil || string(payload) != example.payload {
			t.Errorf("%s: got %q, %v", name, payload, err)
		}
	}
	// RFC 7515 A.1 (HS256) and A.5 (none) are not accepted, whatever the key.
	for _, jws := range []string{
		"eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
		"eyJhbGciOiJub25lIn0.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.",
	} {
		if _, err := token.VerifySignature(setOf(newSigner(t, "", "ES256")), jws, nil); err == nil {
			t.Errorf("accepted %s", jws)
		}
	}
}
