package testsupport

import (
	"encoding/xml"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// h2specProgram builds h2spec once per test binary. It is older than Go modules,
// so the versions of what it is built with are chosen here.
var h2specProgram = sync.OnceValues(func() (string, error) {
	return goProgram("github.com/summerwind/h2spec/cmd/h2spec",
		"github.com/summerwind/h2spec v2.2.1+incompatible",
		"github.com/fatih/color v1.19.0",
		"github.com/spf13/cobra v1.10.2",
		"golang.org/x/net v0.60.0",
	)
})

// H2SpecCase is a case of h2spec: the second one of section http2/3.5, say.
type H2SpecCase struct {
	Section string
	Number  int
}

// H2Spec returns h2spec, the conformance tests of HTTP/2, built the first time a
// machine needs it. It runs against a server without TLS, all of it or some
// sections, and tells how many cases passed and which failed. With -short the test is skipped; it
// fails if the program cannot be built.
func H2Spec(t testing.TB) func(addr string, sections ...string) (passed int, failed []H2SpecCase, err error) {
	t.Helper()
	if testing.Short() {
		t.Skip("-short: not building h2spec")
	}
	program, err := h2specProgram()
	if err != nil {
		t.Fatalf("building h2spec: %v; it needs the Go module proxy once, or use -short to skip its tests", err)
	}
	reports := t.TempDir()
	return func(addr string, sections ...string) (passed int, failed []H2SpecCase, err error) {
		host, port, err := net.SplitHostPort(addr)
		if err != nil {
			return 0, nil, err
		}
		report := filepath.Join(reports, port+".xml")
		args := append([]string{"--host", host, "--port", port, "--junit-report", report}, sections...)
		out, err := exec.Command(program, args...).CombinedOutput()
		if end, ok := errors.AsType[*exec.ExitError](err); ok && end.ExitCode() == 1 { // some case failed
			err = nil
		}
		if err == nil {
			passed, failed, err = readH2Spec(report)
		}
		if err != nil {
			return 0, nil, fmt.Errorf("running h2spec: %w\n%s", err, out)
		}
		return passed, failed, nil
	}
}

// readH2Spec reads a report in JUnit's form. A section's cases are numbered in the
// order they stand there.
func readH2Spec(report string) (passed int, failed []H2SpecCase, err error) {
	raw, err := os.ReadFile(report)
	if err != nil {
		return 0, nil, err
	}
	var suites struct {
		Suites []struct {
			Section string `xml:"package,attr"`
			Cases   []struct {
				Failure *struct{} `xml:"failure"`
				Error   *struct{} `xml:"error"`
				Skipped *struct{} `xml:"skipped"`
			} `xml:"testcase"`
		} `xml:"testsuite"`
	}
	if err := xml.Unmarshal(raw, &suites); err != nil {
		return 0, nil, err
	}
	for _, suite := range suites.Suites {
		for i, c := range suite.Cases {
			switch {
			case c.Failure != nil || c.Error != nil:
				failed = append(failed, H2SpecCase{suite.Section, i + 1})
			case c.Skipped == nil:
				passed++
			}
		}
	}
	return passed, failed, nil
}
