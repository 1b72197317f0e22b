package testsupport

import (
	"bytes"
	"os/exec"
	"strings"
	"testing"
)

// PDFText is the text of a PDF as pdftotext reads it, without any spaces: where a line of
// a cell ends is the printer's affair. Without pdftotext the test is skipped, but see [MustRun].
func PDFText(t testing.TB, file []byte) string {
	t.Helper()
	command := exec.Command(wants(t, "a reader of PDF", "pdftotext"), "-", "-")
	command.Stdin = bytes.NewReader(file)
	text, err := command.Output()
	if err != nil {
		t.Fatalf("reading a PDF: %v", err)
	}
	return strings.Join(strings.Fields(string(text)), "")
}
