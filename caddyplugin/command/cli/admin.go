package cli

import (
	"bytes"
	"fmt"
	"io"
	"net/http"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"
)

// maxAnswer bounds what is read of an answer, in bytes.
const maxAnswer = 16 << 20

// AddressFlag adds the flag of commands that ask a running gateway.
func AddressFlag(cmd *cobra.Command) *string {
	return cmd.Flags().String("address", "", "address of the running gateway's admin API (default: localhost:2019)")
}

// AskGateway sends a request, with JSON if there is any, to the admin API of a
// running gateway and returns the answer's body.
func AskGateway(address, method, path string, order []byte) ([]byte, error) {
	address, err := caddycmd.DetermineAdminAPIAddress(address, nil, "", "")
	if err != nil {
		return nil, fmt.Errorf("finding the admin API: %w", err)
	}
	header := make(http.Header)
	var body io.Reader
	if order != nil {
		header.Set("Content-Type", "application/json")
		body = bytes.NewReader(order)
	}
	response, err := caddycmd.AdminAPIRequest(address, method, path, header, body)
	if err != nil {
		return nil, fmt.Errorf("asking the running gateway: %w", err)
	}
	defer response.Body.Close()
	return io.ReadAll(io.LimitReader(response.Body, maxAnswer))
}
