package evidence

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
)

// policyOf returns the digest of the policy that a record names, "" if it names
// none.
func policyOf(record []byte) (string, error) {
	var r struct {
		Policy string `json:"policy"`
	}
	if err := json.Unmarshal(record, &r); err != nil {
		return "", fmt.Errorf("%s is not a JSON object: %w", recordName, err)
	}
	return r.Policy, nil
}

var registerName = regexp.MustCompile(`^[a-z][a-z-]{0,60}\.yaml$`)

// digestOf returns the digest of archived registers: the SHA-256 over the list
// that sha256sum prints of them.
func digestOf(archive []byte) (string, error) {
	order, files, err := unpack(archive, registerName.MatchString)
	if err != nil {
		return "", err
	}
	var list strings.Builder
	for _, name := range order {
		fmt.Fprintf(&list, "%x  %s\n", sha256.Sum256(files[name]), name)
	}
	sum := sha256.Sum256([]byte(list.String()))
	return hex.EncodeToString(sum[:]), nil
}

// checkPolicy makes sure that the archive holds the registers of a digest.
func checkPolicy(archive []byte, digest string) error {
	got, err := digestOf(archive)
	if err != nil {
		return fmt.Errorf("%s: %w", policyName, err)
	}
	if got != digest {
		return fmt.Errorf("%s holds registers with the digest %s; the record was decided by %s", policyName, got, digest)
	}
	return nil
}
