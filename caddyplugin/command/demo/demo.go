// Package demo is the command that shows the gateway to somebody who has just got the
// program: it writes a policy and a site into a folder, fills a ledger by sending requests
// through a gateway that runs in the same process, and leaves gateway, regions and console
// running.
//
// The ledger is filled as of the days before, by a clock that runs fast. Its entry of the
// gateway's settings says so, and that it was a demonstration.
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/spf13/cobra"

	"github.com/sparkoo/transfergate/caddyplugin/command/cli"
)

// Command is the command.
func Command() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Shows the gateway with a month of made-up transfers, and a page to open",
		Long: "Starts a gateway, its regions and its console in this process, on this machine alone, and fills its ledger through the\n" +
			"gateway: people of all eight controllers, denials, contradictions about where somebody registered, accesses by staff, a\n" +
			"safeguard that ended, a law that begins soon, and beside it a copy of the ledger in which one byte was altered.\n" +
			"It ends with Ctrl-C, and leaves nothing unless --keep names a folder.",
		Args: cobra.NoArgs,
	}
	d := new(demo)
	flags := cmd.Flags()
	flags.StringVar(&d.folder, "keep", "", "keep policy, site and ledger in this new folder (default: a temporary one)")
	flags.IntVar(&d.records, "records", 50_000, "how many transfers and denials the ledger is filled with")
	flags.BoolVar(&d.end, "end", false, "end when the ledger is full, instead of serving on")
	return cli.Run(cmd, func(w io.Writer, _ []string) (int, error) {
		ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		return cli.Done(d.run(ctx, w))
	})
}

// demo is one run of it.
type demo struct {
	folder  string
	records int
	end     bool

	site site
}

// days is how far back the records begin.
const days = 30

// run does all of it.
func (d *demo) run(ctx context.Context, w io.Writer) (err error) {
	if d.records < 1 || d.records > 10_000_000 {
		return fmt.Errorf("--records %d is not from 1 to 10000000", d.records)
	}
	remove, err := d.makeFolder()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, remove()) }()
	until := time.Now()
	if d.site, err = newSite(d.folder); err != nil {
		return err
	}
	if err := writePolicy(d.site.policy(), until); err != nil {
		return err
	}
	if err := writeAccounts(d.site.accounts()); err != nil {
		return err
	}
	if _, err := fmt.Fprintf(w, "filling the ledger with %d records of the last %d days; the page will be %s\n", d.records, days, d.site.page()); err != nil {
		return err
	}
	if err := d.fill(ctx, until); err != nil {
		return err
	}
	if err := alter(d.site.ledger(), d.site.altered()); err != nil {
		return err
	}
	if d.end || ctx.Err() != nil {
		return ctx.Err()
	}
	if err := d.site.load(); err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "open %s (it ends with Ctrl-C; the folder is %s)\n", d.site.page(), d.folder)
	if err == nil {
		<-ctx.Done()
	}
	return errors.Join(err, caddy.Stop())
}

// makeFolder makes the folder, and returns what removes it if nobody wants it kept.
func (d *demo) makeFolder() (remove func() error, err error) {
	if d.folder == "" {
		if d.folder, err = os.MkdirTemp("", "transfergate-demo-"); err != nil {
			return nil, fmt.Errorf("making a folder for the demonstration: %w", err)
		}
		return func() error { return os.RemoveAll(d.folder) }, nil
	}
	if d.folder, err = filepath.Abs(d.folder); err == nil {
		err = os.Mkdir(d.folder, 0o700)
	}
	if err != nil {
		return nil, fmt.Errorf("making the folder of --keep, which must be new: %w", err)
	}
	return func() error { return nil }, nil
}
