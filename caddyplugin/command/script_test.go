package command_test

import (
	"errors"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	_ "github.com/caddyserver/caddy/v2/modules/standard"
	"github.com/rogpeppe/go-internal/testscript"

	_ "github.com/sparkoo/transfergate/caddyplugin"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"transfergate": caddycmd.Main})
}

// TestScripts runs the program as people do: each file of testdata/script is a
// session, with a ledger that an earlier version wrote. The command
//
//	exits CODE PROGRAM ARGUMENTS...
//
// is exec for a program that ends with that code.
func TestScripts(t *testing.T) {
	old, err := filepath.Abs("../../internal/ledger/testdata/ledger-xfer1/ledger.tar.gz")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			env.Setenv("HOME", env.WorkDir)
			env.Setenv("KEY", "transfergate/gw-sg-1/1c4a228d6b2f5535/epoch-000001+3b40c14b+ASwSKlsn24CO0WgYw7iYF0lTRIgndl+/XXOG8E2dpdQk")
			return exec.Command("tar", "-xzf", old, "-C", env.WorkDir).Run()
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exits},
	})
}

func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM ARGUMENTS...")
	}
	want, err := strconv.Atoi(args[0])
	if err != nil {
		ts.Fatalf("exits: %v", err)
	}
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		failed := new(exec.ExitError)
		if !errors.As(err, &failed) {
			ts.Fatalf("exits: %v", err)
		}
		got = failed.ExitCode()
	}
	if got != want {
		ts.Fatalf("%v exits with %d, not %d", args[1:], got, want)
	}
}
