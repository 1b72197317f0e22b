package command_test

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	_ "github.com/caddyserver/caddy/v2/modules/standard"
	"github.com/rogpeppe/go-internal/testscript"
	"github.com/spf13/cobra"

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
// is exec for a program that ends with that code; give and given are about who owns a
// folder, for root; await waits until an address answers, and fetch prints an answer.
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
			for _, name := range []string{"ADDR", "REGION"} {
				free, err := net.Listen("tcp", "127.0.0.1:0")
				if err != nil {
					return err
				}
				env.Setenv(name, free.Addr().String())
				if err := free.Close(); err != nil {
					return err
				}
			}
			// The ledger is at home there, as its earlier version noted it.
			if err := os.WriteFile(filepath.Join(env.WorkDir, "ledger.begun"), []byte("transfergate/gw-sg-1/1c4a228d6b2f5535/epoch-000001\n"), 0o644); err != nil {
				return err
			}
			return exec.Command("tar", "-xzf", old, "-C", env.WorkDir).Run()
		},
		Condition: func(name string) (bool, error) {
			if name != "root" {
				return false, fmt.Errorf("unknown condition %q", name)
			}
			return os.Geteuid() == 0, nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exits, "give": give, "given": given, "await": await, "fetch": fetch},
	})
}

// give makes a folder and all in it a user's; everybody may come to it.
func give(ts *testscript.TestScript, _ bool, args []string) {
	uid, err := strconv.Atoi(args[0])
	ts.Check(err)
	for dir := ts.MkAbs("."); dir != filepath.Clean(os.TempDir()) && dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		if dir != "/tmp" {
			ts.Check(os.Chmod(dir, 0o755))
		}
	}
	ts.Check(filepath.WalkDir(ts.MkAbs(args[1]), func(path string, _ fs.DirEntry, err error) error {
		return errors.Join(err, os.Chown(path, uid, uid))
	}))
}

// given fails if anything in a folder is another user's.
func given(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(filepath.WalkDir(ts.MkAbs(args[1]), func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		if owner := fmt.Sprint(reflect.ValueOf(info.Sys()).Elem().FieldByName("Uid")); owner != args[0] {
			return fmt.Errorf("%s belongs to user %s, not %s", path, owner, args[0])
		}
		return nil
	}))
}

// await asks an address until it answers.
func await(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: await URL")
	}
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		answer, err := http.Get(args[0])
		if err == nil {
			ts.Check(answer.Body.Close())
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("await: %v", err)
		}
	}
}

// fetch prints the answer to a request with the fields given by name and value, and
// puts the number of the record that the answer shows into the variable RECORD.
func fetch(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args)%2 == 0 {
		ts.Fatalf("usage: fetch URL [NAME VALUE]...")
	}
	r, err := http.NewRequest(http.MethodGet, args[0], nil)
	ts.Check(err)
	for pair := range slices.Chunk(args[1:], 2) {
		r.Header.Set(pair[0], pair[1])
	}
	answer, err := http.DefaultClient.Do(r)
	ts.Check(err)
	body, err := io.ReadAll(answer.Body)
	ts.Check(errors.Join(err, answer.Body.Close()))
	_, err = ts.Stdout().Write(body)
	ts.Check(err)
	if record := regexp.MustCompile(`record=\\"([^"\\]+)`).FindSubmatch(body); record != nil {
		ts.Setenv("RECORD", string(record[1]))
	}
}

// TestEveryCommandHasItsScript finds commands that no script runs to a good end.
func TestEveryCommandHasItsScript(t *testing.T) {
	files, err := filepath.Glob("testdata/script/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	var scripts strings.Builder
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		scripts.Write(text)
	}
	var look func(*cobra.Command, string)
	look = func(c *cobra.Command, path string) {
		if c.HasSubCommands() {
			for _, sub := range c.Commands() {
				look(sub, path+" "+sub.Name())
			}
			return
		}
		if !regexp.MustCompile(`(?m)^(exec|exits 2) ` + path + `( |$)`).MatchString(scripts.String()) {
			t.Errorf("no script of testdata/script runs '%s'", path)
		}
	}
	transfer := &cobra.Command{}
	caddycmd.Commands()["transfer"].CobraFunc(transfer)
	look(transfer, "transfergate transfer")
}

// TestHelpEndsInOurDocumentation: the help of every command of ours leads to our pages.
func TestHelpEndsInOurDocumentation(t *testing.T) {
	all := 0
	var look func(*cobra.Command)
	look = func(c *cobra.Command) {
		all++
		var help strings.Builder
		c.SetOut(&help)
		if err := c.Help(); err != nil {
			t.Fatal(err)
		}
		if text := help.String(); !strings.HasSuffix(text, "\nhttps://github.com/sparkoo/transfergate\n") || strings.Contains(text, "caddyserver.com") {
			t.Errorf("the help of '%s' ends in %q", c.CommandPath(), text[max(0, len(text)-200):])
		}
		for _, sub := range c.Commands() {
			look(sub)
		}
	}
	root := &cobra.Command{Use: "transfergate"}
	root.SetHelpTemplate(root.HelpTemplate() + "https://caddyserver.com/docs")
	transfer := &cobra.Command{Use: "transfer"}
	caddycmd.Commands()["transfer"].CobraFunc(transfer)
	root.AddCommand(transfer)
	look(transfer)
	if all < 20 {
		t.Errorf("%d commands", all)
	}
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
