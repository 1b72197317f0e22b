package testsupport

import (
	"fmt"
	"os"
	"os/exec"
)

// BuildGateway builds cmd/transfergate as a file. It builds as go test does, so that
// what was compiled for the tests serves, which takes seconds instead of minutes.
// With the race detector, which the program is built without, it builds as users do.
func BuildGateway(file string) error {
	build := exec.Command("go", "build", "-o", file, "github.com/sparkoo/transfergate/cmd/transfergate")
	if Race {
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
	}
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("building the gateway: %w\n%s", err, out)
	}
	return nil
}
