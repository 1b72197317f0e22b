// Command transferbench measures the gateway beside stock Caddy, and beside what else is
// installed, on the same work at the same time. It is run in the repository, because it
// builds both:
//
//	go run ./cmd/transferbench                               all works, in less than ten minutes
//	go run ./cmd/transferbench -works 'all|TLS' -rounds 9    some of them, more often
//	go run ./cmd/transferbench -before ../old/transfergate   a change, beside the gateway without it
//	go run ./cmd/transferbench -short                        that it works; its numbers say nothing
//
// What is read is the ratio: the CPU time that a request costs the process, divided by
// stock Caddy's in the same round. "caddy again" is stock Caddy once more, and shows how
// far ratios are to be trusted on the machine.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/sparkoo/transfergate/internal/bench"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "transferbench:", err)
		os.Exit(1)
	}
}

// flags are what the command is told.
type flags struct {
	short              bool
	rounds             int
	window             time.Duration
	works, peers       string
	gateway, caddy     string
	before             string
	dir, json, picture string
}

func run(ctx context.Context, args []string, out io.Writer) error {
	var f flags
	set := flag.NewFlagSet("transferbench", flag.ContinueOnError)
	set.SetOutput(out)
	set.BoolVar(&f.short, "short", false, "run for seconds only, to see that it works")
	set.IntVar(&f.rounds, "rounds", 5, "how often each work is measured")
	set.DurationVar(&f.window, "window", 4*time.Second, "how long each time")
	set.StringVar(&f.works, "works", "", "only works whose names match this regular expression")
	set.StringVar(&f.peers, "peers", "", "only peers of this list, with commas between them")
	set.StringVar(&f.gateway, "gateway", "", "a transfergate that is built already")
	set.StringVar(&f.before, "before", "", "another transfergate that is built already, to be measured beside it")
	set.StringVar(&f.caddy, "caddy", "", "a stock Caddy that is built already")
	set.StringVar(&f.dir, "dir", ".", "a folder on the disk that ledgers shall lie on")
	set.StringVar(&f.json, "json", "", "write all numbers to this file")
	set.StringVar(&f.picture, "svg", "", "draw the ratios into this file")
	if err := set.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return nil
		}
		return err
	}
	if set.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q", set.Arg(0))
	}
	return f.measure(ctx, out)
}

func (f flags) measure(ctx context.Context, out io.Writer) (err error) {
	o := bench.Options{Rounds: f.rounds, Window: f.window, Ramp: f.window / 8, Dir: f.dir}
	if o.Works, err = f.chosenWorks(); err != nil {
		return err
	}
	tmp, err := os.MkdirTemp("", "transferbench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(tmp)) }()
	if err := f.build(ctx, tmp); err != nil {
		return err
	}
	if o.Peers, err = f.chosenPeers(out); err != nil {
		return err
	}
	if f.short {
		o.Rounds, o.Window, o.Ramp = 1, 100*time.Millisecond, 50*time.Millisecond
		for i := range o.Works {
			o.Works[i].Connections = min(o.Works[i].Connections, 4)
		}
	}
	var written error
	o.Done = func(w bench.WorkResult) { written = errors.Join(written, w.Table(out)) }
	result, err := bench.Run(ctx, o)
	if err = errors.Join(err, written); err != nil {
		return err
	}
	return errors.Join(result.Summary(out), f.save(result))
}

// build builds the gateway of this repository, and stock Caddy of the version that it
// requires, unless they are given.
func (f *flags) build(ctx context.Context, dir string) error {
	for _, given := range []*string{&f.gateway, &f.caddy, &f.before} { // peers run in folders of their own
		if *given != "" {
			var err error
			if *given, err = filepath.Abs(*given); err != nil {
				return err
			}
		}
	}
	for _, p := range []struct {
		file         *string
		name, source string
	}{
		{&f.gateway, "transfergate", "github.com/sparkoo/transfergate/cmd/transfergate"},
		{&f.caddy, "caddy", "github.com/caddyserver/caddy/v2/cmd/caddy"},
	} {
		if *p.file != "" {
			continue
		}
		*p.file = filepath.Join(dir, p.name)
		if said, err := exec.CommandContext(ctx, "go", "build", "-o", *p.file, p.source).CombinedOutput(); err != nil {
			return fmt.Errorf("building %s: %w\n%s", p.source, err, said)
		}
	}
	return nil
}

func (f flags) chosenWorks() ([]bench.Work, error) {
	pattern, err := regexp.Compile(f.works)
	if err != nil {
		return nil, fmt.Errorf("-works: %w", err)
	}
	all := bench.Works()
	chosen := slices.DeleteFunc(slices.Clone(all), func(w bench.Work) bool { return !pattern.MatchString(w.Name) })
	if len(chosen) == 0 {
		return nil, fmt.Errorf("-works %q matches none of %s", f.works, quoted(all, func(w bench.Work) string { return w.Name }))
	}
	return chosen, nil
}

func (f flags) chosenPeers(out io.Writer) ([]bench.Peer, error) {
	all, missing := bench.Peers(f.gateway, f.caddy, f.before)
	for _, why := range missing {
		if _, err := fmt.Fprintln(out, why); err != nil {
			return nil, err
		}
	}
	if f.peers == "" {
		return all, nil
	}
	var chosen []bench.Peer
	for name := range strings.SplitSeq(f.peers, ",") {
		i := slices.IndexFunc(all, func(p bench.Peer) bool { return p.Name == name })
		if i < 0 {
			return nil, fmt.Errorf("-peers: %q is none of %s", name, quoted(all, func(p bench.Peer) string { return p.Name }))
		}
		chosen = append(chosen, all[i])
	}
	return chosen, nil
}

// quoted names what may be chosen.
func quoted[T any](all []T, name func(T) string) string {
	names := make([]string, len(all))
	for i, one := range all {
		names[i] = fmt.Sprintf("%q", name(one))
	}
	return strings.Join(names, ", ")
}

// save writes the files that were asked for.
func (f flags) save(r *bench.Result) error {
	if f.json != "" {
		data, err := json.MarshalIndent(r, "", "\t")
		if err != nil {
			return err
		}
		if err := os.WriteFile(f.json, append(data, '\n'), 0o644); err != nil {
			return err
		}
	}
	if f.picture == "" {
		return nil
	}
	var drawn strings.Builder
	if err := r.SVG(&drawn); err != nil {
		return err
	}
	return os.WriteFile(f.picture, []byte(drawn.String()), 0o644)
}
