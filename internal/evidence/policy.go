package evidence

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"strings"

	"github.com/sparkoo/transfergate/internal/record"
)

// policyOf returns the digest of the policy that an entry names, "" if it names
// none. An entry of a type or version that is not known may name one, too.
func policyOf(data []byte) (string, error) {
	entry, err := record.Parse(data)
	if err != nil {
		return "", fmt.Errorf("%s is no entry of a ledger: %w", recordName, err)
	}
	switch e := entry.(type) {
	case *record.Transfer:
		return e.Policy, nil
	case *record.Policy:
		return e.Policy, nil
	}
	digest, _ := entry.Head().Text("policy")
	return digest, nil
}

var registerName = regexp.MustCompile(`^[a-z][a-z-]{0,60}\.yaml$`)

// digestOf returns the digest of archived registers: the SHA-256 over the list
// that sha256sum prints of them.
func digestOf(archive []byte) (string, error) {
	order, files, err := unpack(archive, maxFiles, registerName.MatchString)
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
