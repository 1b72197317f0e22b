package fields_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/sparkoo/transfergate/internal/fields"
)

func TestFold(t *testing.T) {
	tests := []struct{ in, want string }{
		{"Data-Controller", "datacontroller"},
		{"DATA~CONTROLLER", "datacontroller"},
		{" Data_Controller\t", "datacontroller"},
		{"X-Real-IP2", "xrealip2"},
		{"-_.!", ""},
		{"", ""},
		{"Datá", "dat"},
	}
	for _, tt := range tests {
		if got := fields.Fold(tt.in); got != tt.want {
			t.Errorf("Fold(%q) = %q, want %q", tt.in, got, tt.want)
		}
	}
}

func TestReserved(t *testing.T) {
	reserved := []string{
		"Data-Controller", "data-controller", "DATA-CONTROLLER", "Data_Controller", "data.controller",
		"DATA~CONTROLLER", "Data!Controller", "Data+Controller", "Data'Controller", "Data Controller",
		"Data-Controller ", " Data-Controller", "\tData-Controller", "DataController", "-Data--Controller-",
		"D-a-t-a-C-o-n-t-r-o-l-l-e-r", "Data-Controller\x00",
		"Data-Controller-Name", "Data-Controller-Address", "Data-Controller-Basis", "Data-Controllers",
		"Data-Controller-Something-Nobody-Has-Thought-Of-Yet",
		"Data-Subject-Country", "data_subject_country", "Data-Region", "DATA.REGION",
		"Data-Transfer", "Privacy-Statement", "privacy_statement", "Transfer-Assertion", "transfer.assertion",
		"Transfer-Status", strings.Repeat("-", 100) + "Data-Region",
	}
	for _, name := range slices.Concat(reserved, fields.RequestNames(), fields.ResponseNames(), []string{fields.TransferStatus}) {
		if !fields.Reserved(name) {
			t.Errorf("Reserved(%q) = false", name)
		}
	}
	ordinary := []string{
		"", "-", "Data", "Content-Type", "Data-Control", "Date", "Data-Regions", "X-Data-Controller",
		"Transfer-Encoding", "Data-Transfers", "Privacy-Statements", "Data-Subject-Country-2", "Data-Subject",
		"Te", "Trailer", "Pragma", "Proxy-Authorization", "Traceparent", "Dnt", "Dpr", "Priority", "Transfer",
		"Sparkoo", "Registered-Country", "Account-Id", "Dat-Controller", "ata-Controller", "Transfer-Statuses",
	}
	for _, name := range ordinary {
		if fields.Reserved(name) {
			t.Errorf("Reserved(%q) = true", name)
		}
	}
}

func TestReservedDoesNotAllocate(t *testing.T) {
	names := []string{"Content-Type", "Data-Controller", "Data-Subject-Country", "Traceparent", "Data-Whatever-Comes-Along-And-Is-Long"}
	allocs := testing.AllocsPerRun(100, func() {
		for _, n := range names {
			fields.Reserved(n)
		}
	})
	if allocs != 0 {
		t.Errorf("%v allocations, want 0", allocs)
	}
}

// FuzzReserved compares Reserved with its definition.
func FuzzReserved(f *testing.F) {
	for _, s := range []string{"Data_Controller", "data.region", "Transfer-Status", "x", "Dàta-Region"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, name string) {
		folded := fields.Fold(name)
		want := strings.HasPrefix(folded, "datacontroller")
		for _, n := range append(fields.RequestNames(), "Transfer-Status") {
			want = want || folded == strings.ReplaceAll(strings.ToLower(n), "-", "")
		}
		if got := fields.Reserved(name); got != want {
			t.Fatalf("Reserved(%q) = %v, want %v", name, got, want)
		}
	})
}

func BenchmarkReserved(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		fields.Reserved("Accept-Encoding")
		fields.Reserved("Traceparent")
	}
}
