package main

import (
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// in puts a README and nothing else into a folder.
func in(t *testing.T, readme string) (root string) {
	t.Helper()
	root = t.TempDir()
	if err := os.WriteFile(filepath.Join(root, "README.md"), []byte(readme), 0o600); err != nil {
		t.Fatal(err)
	}
	return root
}

// md turns ~ into the backtick.
func md(text string) string { return strings.ReplaceAll(text, "~", "`") }

// nowhere is an address at which nobody answers.
func nowhere(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func TestCheck(t *testing.T) {
	for name, tc := range map[string]struct {
		readme string
		err    string // a part of the message; empty: no error
	}{
		"a command that succeeds": {"~~~sh\ntrue\n~~~\n", ""},
		"one shell for all blocks": {
			"~~~sh\nx=1\nmkdir d\ncd d\n~~~\nprose\n~~~sh\ntest $x = 1\ntest -f ../README.md\n~~~\n", "",
		},
		"a command that fails":       {"\n~~~sh\nfalse\ntrue\n~~~\n", "README.md:3: a command failed"},
		"an unset variable":          {"~~~sh\necho $nothing\n~~~\n", "README.md:2: a command failed"},
		"a failure within a pipe":    {"~~~sh\nfalse | true\n~~~\n", "README.md:2: a command failed"},
		"what readers only see":      {"~~~console\n$ false\n~~~\n~~~\nfalse\n~~~\n~~~sh\ntrue\n~~~\n", ""},
		"expected output":            {"~~~sh\nprintf 'one two\\nthree\\n'\n~~~\n~~~text\nthree\none\n~~~\n", ""},
		"output on standard error":   {"~~~sh\necho oops >&2\n~~~\n~~~text\noops\n~~~\n", ""},
		"a wildcard":                 {"~~~sh\necho a-123-z\n~~~\n~~~text\na…z\n…\n~~~\n", ""},
		"dots are not wildcards":     {"~~~sh\necho abc\n~~~\n~~~text\na.c\n~~~\n", "README.md:2: the README says the command prints 'a.c', and it does not"},
		"output that differs":        {"~~~sh\necho one\n~~~\n\n~~~text\ntwo\n~~~\n", "README.md:2: the README says the command prints 'two', and it does not"},
		"text after prose and sh":    {"~~~sh\necho one\n~~~\nIt says:\n~~~text\none\n~~~\n", ""},
		"text after another block":   {"~~~sh\ntrue\n~~~\n~~~json\n{}\n~~~\n~~~text\nnot printed\n~~~\n", ""},
		"a block within a list":      {"- do:\n  ~~~sh\n  cat <<X\n  in\n  X\n  ~~~\n", ""},
		"a longer fence":             {"~~~~sh\n# a\n~~~\n~~~~\n", "README.md:2: a command failed"},
		"a command that reads stdin": {"~~~sh\ncat\n~~~\n~~~sh\ntrue\n~~~\n", ""},
		"if a command is there":      {"~~~sh if bash\nfalse\n~~~\n", "README.md:2: a command failed"},
		"its output":                 {"~~~sh if bash\necho one\n~~~\n~~~text\ntwo\n~~~\n", "README.md:2: the README says the command prints 'two', and it does not"},
		"if a command is missing":    {"~~~sh\ntrue\n~~~\n~~~sh if no-such-command\nfalse\n~~~\n~~~text\none\n~~~\n", ""},
		"if nothing":                 {"~~~sh if\ntrue\n~~~\n", "README.md:2: info string 'sh if' is not known"},
		"an unknown word":            {"~~~sh later\ntrue\n~~~\n", "README.md:2: info string 'sh later' is not known"},
		"text after background":      {"~~~sh background\ntrue\n~~~\n~~~text\nx\n~~~\n", "README.md:5: what a background block prints is not compared"},
		"an open block":              {"~~~sh\ntrue\n", "README.md:2: the block is not closed"},
		"nothing to run":             {"prose\n", "README.md: no block with the info string 'sh'"},
		"a background that ends":     {"~~~sh background\necho no port\nexit 3\n~~~\n", "it printed:\nno port"},
	} {
		t.Run(name, func(t *testing.T) {
			err := check(t.Context(), t.Output(), in(t, md(tc.readme)), "http://"+nowhere(t)+"/live")
			switch {
			case tc.err == "" && err != nil:
				t.Errorf("error: %v", err)
			case tc.err != "" && (err == nil || !strings.Contains(err.Error(), tc.err)):
				t.Errorf("error %v, want one with %q", err, tc.err)
			}
		})
	}
}

func TestCheckNeedsAReadme(t *testing.T) {
	if err := check(t.Context(), t.Output(), t.TempDir(), ""); !os.IsNotExist(err) {
		t.Errorf("error %v, want one that says the file does not exist", err)
	}
}

// TestBackground starts a server as a README would: it is waited for, serves
// the next block, and is gone with all it started when the README is done.
func TestBackground(t *testing.T) {
	addr := nowhere(t)
	t.Setenv("SERVE", addr)
	t.Setenv("PROGRAM", testBinary(t))
	readme := md("~~~sh background\n\"$PROGRAM\" & wait\n~~~\n~~~sh\nexec 3<>/dev/tcp/${SERVE%:*}/${SERVE#*:}\necho up\n~~~\n~~~text\nup\n~~~\n")
	if err := check(t.Context(), t.Output(), in(t, readme), "http://"+addr+"/live"); err != nil {
		t.Fatal(err)
	}
	if conn, err := net.Dial("tcp", addr); err == nil {
		conn.Close()
		t.Error("the server outlived the README")
	}
}

func TestBackgroundWantsItsAddressForItself(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})}
	go server.Serve(l)
	defer server.Close()
	live := "http://" + l.Addr().String() + "/live"
	err = check(t.Context(), t.Output(), in(t, md("~~~sh background\ntrue\n~~~\n")), live)
	if err == nil || !strings.Contains(err.Error(), "something answers at "+live+" already") {
		t.Errorf("error %v, want one that says somebody answers already", err)
	}
}

// TestMain serves instead of testing when a test starts it so.
func TestMain(m *testing.M) {
	if addr := os.Getenv("SERVE"); addr != "" && len(os.Args) == 1 {
		panic(http.ListenAndServe(addr, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})))
	}
	os.Exit(m.Run())
}

// testBinary is this program.
func testBinary(t *testing.T) string {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// Pages run after the README, in its shell, and are held to what they say.
func TestPages(t *testing.T) {
	root := in(t, md("~~~sh\nx=1\n~~~\n"))
	for name, text := range map[string]string{"good.md": "~~~sh\necho $x\n~~~\n~~~text\n1\n~~~\n", "bad.md": "~~~sh\necho $x\n~~~\n~~~text\n2\n~~~\n"} {
		if err := os.WriteFile(filepath.Join(root, name), []byte(md(text)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := check(t.Context(), t.Output(), root, "", "good.md"); err != nil {
		t.Error(err)
	}
	if err := check(t.Context(), t.Output(), root, "", "good.md", "bad.md"); err == nil || !strings.Contains(err.Error(), "bad.md:2: ") {
		t.Errorf("got %v", err)
	}
	if err := check(t.Context(), t.Output(), root, "", "gone.md"); !os.IsNotExist(err) {
		t.Errorf("a page that is not there: %v", err)
	}
}
