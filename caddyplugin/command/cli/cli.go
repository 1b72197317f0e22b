// Package cli is what the commands of the transfer gateway have in common: how a
// function becomes a command, exit codes, output, and asking a running gateway.
package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/caddyserver/caddy/v2"
	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"

	"github.com/sparkoo/transfergate/caddyplugin/adminapi"
	"github.com/sparkoo/transfergate/internal/regular"
)

// Exit codes, the same for every command.
const (
	Fine     = caddy.ExitCodeSuccess       // it worked, and all is well
	Error    = caddy.ExitCodeFailedStartup // it did not work; the error says why
	Findings = 2                           // it worked, and found something wrong
)

// Run makes a function that returns an exit code a command's. The function writes
// what it has to say to w.
func Run(cmd *cobra.Command, f func(w io.Writer, args []string) (int, error)) *cobra.Command {
	cmd.RunE = caddycmd.WrapCommandFuncForCobra(func(fl caddycmd.Flags) (int, error) {
		return f(cmd.OutOrStdout(), fl.Args())
	})
	return cmd
}

// Done is the exit code of a command that finds nothing.
func Done(err error) (int, error) {
	if err != nil {
		return Error, err
	}
	return Fine, nil
}

// JSONFlag adds the flag every command has.
func JSONFlag(cmd *cobra.Command) *bool {
	return cmd.Flags().Bool("json", false, "print the result as JSON")
}

// AddressFlag adds the flag of commands that ask a running gateway, and returns the
// client that asks it.
func AddressFlag(cmd *cobra.Command) *adminapi.Client {
	client := new(adminapi.Client)
	cmd.Flags().StringVar(&client.Address, "address", "", "address of the running gateway's admin API, or unix//PATH of its socket\n(default: CADDY_ADMIN of the environment, or localhost:2019)")
	return client
}

// OrderFlags adds the flags of commands that give a running gateway an order, and
// returns the client that gives it once the flags are read.
func OrderFlags(cmd *cobra.Command) *Orders {
	o := &Orders{Client: AddressFlag(cmd)}
	cmd.Flags().StringVar(&o.sign, "sign", "", "file of the private key of an operator whom the Caddyfile names: the order is signed with it\n(default: none, which does where the admin address is a unix socket, and on a folder whose gateway was configured without operators)")
	return o
}

// Orders are the flags of commands that give a running gateway an order.
type Orders struct {
	Client *adminapi.Client
	sign   string
}

// Ready returns the client, with the operator's key if one is named.
func (o *Orders) Ready() (*adminapi.Client, error) {
	if o.sign == "" {
		return o.Client, nil
	}
	key, err := regular.ReadText(o.sign, regular.KeyLimit)
	if err != nil {
		return nil, fmt.Errorf("reading the operator's key: %w", err)
	}
	o.Client.Key = string(key)
	return o.Client, nil
}

// Sign is the file of the operator's key; empty for none.
func (o *Orders) Sign() string { return o.sign }

// PrintJSON prints a result for programs.
func PrintJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// Counted is so many of something that has its plural with an s.
func Counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// Flush writes what was put together.
func Flush(w io.Writer, text *strings.Builder) error {
	_, err := io.WriteString(w, text.String())
	return err
}
