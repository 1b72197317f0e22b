// Command readme runs the README: its commands, in order, in a clone of the
// repository, and compares what they print with what the README says.
//
//	go run ./.ci/readme [-root DIR] [-live URL] [-timeout D] [PAGE...]
//
// It reads README.md in DIR (default: the current folder), and after it the pages named,
// from DIR, in the same shell and beside the same background blocks. What a fenced block's
// info string says decides:
//
//	sh             the block is run with bash -euo pipefail in DIR. All such
//	               blocks share one shell: variables and cd last.
//	sh if COMMAND  like sh, but passed over, with a note, on a machine that lacks
//	               COMMAND.
//	sh background  the block is started in a shell of its own in DIR, and ended
//	               when the README is done. The next block waits until URL
//	               (default http://localhost:8080/live) answers 200.
//	text           directly after an sh block, it is compared: each of its lines
//	               must occur within a line that the block printed, in any order.
//	               "…" stands for anything within a line, and alone for any lines.
//
// Blocks with another info string, or none, are for readers only. The exit code
// is 1 if anything is not as the README says.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

func main() {
	root := flag.String("root", ".", "the clone's folder")
	live := flag.String("live", "http://localhost:8080/live", "what answers 200 once a background block is up")
	timeout := flag.Duration("timeout", 30*time.Minute, "how long all of it may take")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, *timeout)
	defer cancel()
	if err := check(ctx, os.Stdout, *root, *live, flag.Args()...); err != nil {
		fmt.Fprintln(os.Stderr, err)
		cancel()
		stop()
		os.Exit(1)
	}
}

// check runs the README of a clone, and the pages after it, and shows on out what it runs.
func check(ctx context.Context, out io.Writer, root, live string, pages ...string) (err error) {
	var blocks []block
	for _, page := range append([]string{"README.md"}, pages...) {
		text, err := os.ReadFile(filepath.Join(root, page))
		if err != nil {
			return err
		}
		of, err := parse(page, string(text))
		if err != nil {
			return err
		}
		blocks = append(blocks, of...)
	}
	work, err := os.MkdirTemp("", "readme-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(work)) }()
	return runAll(ctx, out, blocks, root, work, live)
}
