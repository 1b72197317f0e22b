package command

import (
	"fmt"
	"io"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"
)

// maxAnswer bounds what is read of an answer, in bytes.
const maxAnswer = 16 << 20

// addressFlag adds the flag of commands that ask a running gateway.
func addressFlag(cmd *cobra.Command) *string {
	return cmd.Flags().String("address", "", "address of the running gateway's admin API (default: localhost:2019)")
}

// askGateway sends a request to the admin API of a running gateway and returns
// the answer's body.
func askGateway(address, method, path string) ([]byte, error) {
	address, err := caddycmd.DetermineAdminAPIAddress(address, nil, "", "")
	if err != nil {
		return nil, fmt.Errorf("finding the admin API: %w", err)
	}
	response, err := caddycmd.AdminAPIRequest(address, method, path, nil, nil)
	if err != nil {
		return nil, fmt.Errorf("asking the running gateway: %w", err)
	}
	defer response.Body.Close()
	return io.ReadAll(io.LimitReader(response.Body, maxAnswer))
}
