package geo_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sparkoo/transfergate/internal/geo"
)

// landmark is an address MaxMind's source data has in GB; the databases below
// answer it with a country of their own, which tells them apart.
var landmark = netip.MustParseAddr("81.2.69.160")

// answering is a small database that says code for the network of landmark.
func answering(code string) []byte {
	d := &database{typ: "GeoIP2-Country"}
	d.add("81.2.69.0/24", countryRecord(code))
	return d.bytes()
}

// put replaces the file at path by rename, as operators are told to.
func put(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path+".new", data, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

func newSource(t *testing.T, log *slog.Logger) (*geo.Source, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "country.mmdb")
	put(t, path, answering("CL"))
	s, err := geo.NewSource(path, nil, log)
	if err != nil {
		t.Fatal(err)
	}
	return s, path
}

func expect(t *testing.T, s *geo.Source, code string) {
	t.Helper()
	if got, ok := s.Country(landmark); got != code || !ok {
		t.Errorf("Country = %q, %v; want %s", got, ok, code)
	}
}

func TestCheckTakesRenamedFile(t *testing.T) {
	s, path := newSource(t, nil)
	if replaced, err := s.Check(); replaced || err != nil {
		t.Errorf("Check of an unchanged file = %v, %v", replaced, err)
	}
	old := s.DB()
	put(t, path, answering("PE"))
	expect(t, s, "CL")
	if replaced, err := s.Check(); !replaced || err != nil {
		t.Errorf("Check of a new file = %v, %v", replaced, err)
	}
	expect(t, s, "PE")
	if replaced, err := s.Check(); replaced || err != nil {
		t.Errorf("second Check = %v, %v", replaced, err)
	}
	// A request that began with the old database ends with it.
	if got, _ := old.Country(landmark); got != "CL" {
		t.Errorf("the replaced database answers %q, want CL", got)
	}
	st := s.Status()
	if st.Replaced != 1 || st.Refused != 0 || st.LastError != nil || st.Type != "GeoIP2-Country" || st.BuildTime.Year() != 2026 {
		t.Errorf("Status = %+v", st)
	}
}

// TestCheckSeesSameSizeAndTime replaces the file by one of equal size and
// time: only its identity differs.
func TestCheckSeesSameSizeAndTime(t *testing.T) {
	s, path := newSource(t, nil)
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path+".new", answering("PE"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path+".new", info.ModTime(), info.ModTime()); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
	if replaced, err := s.Check(); !replaced || err != nil {
		t.Errorf("Check = %v, %v", replaced, err)
	}
	expect(t, s, "PE")
}

func TestCheckFollowsSymlink(t *testing.T) {
	dir := t.TempDir()
	a, b, link := filepath.Join(dir, "a"), filepath.Join(dir, "b"), filepath.Join(dir, "link")
	put(t, a, answering("CL"))
	put(t, b, answering("PE"))
	if err := os.Symlink(a, link); err != nil {
		t.Fatal(err)
	}
	s, err := geo.NewSource(link, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(b, link+".new"); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(link+".new", link); err != nil {
		t.Fatal(err)
	}
	if replaced, err := s.Check(); !replaced || err != nil {
		t.Errorf("Check = %v, %v", replaced, err)
	}
	expect(t, s, "PE")
}

// TestBadFileKeepsOld puts files that are not fit in the place of a good one:
// each is reported once, the old one goes on answering, and the next good file
// is taken.
func TestBadFileKeepsOld(t *testing.T) {
	isp, err := os.ReadFile("testdata/test-data/GeoIP2-ISP-Test.mmdb")
	if err != nil {
		t.Fatal(err)
	}
	good := answering("PE")
	elsewhere := &database{typ: "GeoIP2-Country"}
	elsewhere.add("5.0.0.0/8", countryRecord("BR"))
	unreadable := &database{typ: "GeoIP2-Country"}
	unreadable.add("81.2.69.0/24", map[string]any{"country": "GB"})

	for name, tt := range map[string]struct {
		data []byte
		want string
	}{
		"other type": {isp, `type "GeoIP2-ISP" is not known to hold countries; ` + accepted},
		"empty":      {nil, notMMDB},
		"cut":        {good[:len(good)-40], "get the file again"},
		"unreadable": {unreadable.bytes(), "a record cannot be read: "},
		"forgetful":  {elsewhere.bytes(), "does not know most of the addresses the file in use knows; get the file again, or restart to use it all the same"},
	} {
		t.Run(name, func(t *testing.T) {
			s, path := newSource(t, nil)
			put(t, path, tt.data)
			replaced, err := s.Check()
			if replaced || err == nil || !strings.HasPrefix(err.Error(), "geoip database "+path+": ") || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Check = %v, %v; want %s", replaced, err, tt.want)
			}
			if replaced, err := s.Check(); replaced || err != nil {
				t.Errorf("second Check = %v, %v; want silence", replaced, err)
			}
			expect(t, s, "CL")
			if st := s.Status(); st.Refused != 1 || st.Replaced != 0 || st.LastError == nil {
				t.Errorf("Status = %+v", st)
			}
			put(t, path, good)
			if replaced, err := s.Check(); !replaced || err != nil {
				t.Errorf("Check of a good file = %v, %v", replaced, err)
			}
			expect(t, s, "PE")
			if st := s.Status(); st.Refused != 1 || st.Replaced != 1 || st.LastError != nil {
				t.Errorf("Status = %+v", st)
			}
		})
	}
}

func TestMissingFileKeepsOld(t *testing.T) {
	s, path := newSource(t, nil)
	if err := os.Rename(path, path+".away"); err != nil {
		t.Fatal(err)
	}
	if replaced, err := s.Check(); replaced || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Check = %v, %v; want fs.ErrNotExist", replaced, err)
	}
	if replaced, err := s.Check(); replaced || err != nil {
		t.Errorf("second Check = %v, %v; want silence", replaced, err)
	}
	expect(t, s, "CL")
	// Another trouble is another report.
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Check(); err == nil || !strings.Contains(err.Error(), "it is a folder, not a regular file") {
		t.Errorf("Check of a folder: %v", err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".away", path); err != nil {
		t.Fatal(err)
	}
	if replaced, err := s.Check(); !replaced || err != nil {
		t.Errorf("Check of the file come back = %v, %v", replaced, err)
	}
	if st := s.Status(); st.LastError != nil || st.Refused != 2 {
		t.Errorf("Status = %+v", st)
	}
}

// TestTruncatedInPlace overwrites and cuts the very file that is in use, which
// would kill a process that had mapped it into memory.
func TestTruncatedInPlace(t *testing.T) {
	path := filepath.Join(t.TempDir(), "country.mmdb")
	copyFile(t, "country.mmdb", path)
	s, err := geo.NewSource(path, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, 0); err != nil {
		t.Fatal(err)
	}
	ask := func() {
		t.Helper()
		// 200.160.0.0/20 is registro.br's own network.
		if code, ok := s.Country(netip.MustParseAddr("200.160.2.3")); code != "BR" || !ok {
			t.Errorf("Country = %q, %v; want BR", code, ok)
		}
	}
	ask()
	if replaced, err := s.Check(); replaced || err == nil {
		t.Errorf("Check = %v, %v; want an error", replaced, err)
	}
	ask()
	if err := os.WriteFile(path, bytes.Repeat([]byte{0xff}, 1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	if replaced, err := s.Check(); replaced || err == nil {
		t.Errorf("Check = %v, %v; want an error", replaced, err)
	}
	ask()
}

// TestReloadUnderLookups replaces the file over and over, by good and bad
// ones, while others ask; run with -race.
func TestReloadUnderLookups(t *testing.T) {
	s, path := newSource(t, nil)
	var wg sync.WaitGroup
	var stop atomic.Bool
	for range 4 {
		wg.Go(func() {
			for !stop.Load() {
				if code, ok := s.Country(landmark); !ok || (code != "CL" && code != "PE") {
					t.Errorf("Country = %q, %v", code, ok)
					return
				}
				s.Status()
			}
		})
	}
	wg.Go(func() {
		for !stop.Load() {
			_, _ = s.Check() // competes with the one below
		}
	})
	for i := range 200 {
		put(t, path, [][]byte{answering("PE"), []byte("broken"), answering("CL")}[i%3])
		_, _ = s.Check() // broken files are refused; the readers judge
	}
	stop.Store(true)
	wg.Wait()
	if st := s.Status(); st.Replaced == 0 || st.Refused == 0 || st.Unreadable != 0 {
		t.Errorf("Status = %+v; the test replaced nothing", st)
	}
}

func TestUnreadableRecordsAreCounted(t *testing.T) {
	path := filepath.Join(t.TempDir(), "country.mmdb")
	d := &database{typ: "GeoIP2-Country"}
	d.add("81.2.69.0/24", countryRecord("CL"))
	// Behind more networks than the probe looks at.
	for i := range 2100 {
		d.add(fmt.Sprintf("90.%d.%d.0/24", i/256*2, i%256), countryRecord("CL"))
	}
	d.add("200.0.0.0/8", map[string]any{"country": map[string]any{"iso_code": 7}})
	put(t, path, d.bytes())
	s, err := geo.NewSource(path, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	broken := netip.MustParseAddr("200.1.1.1")
	if code, ok := s.Country(broken); code != "" || ok {
		t.Errorf("Country = %q, %v; want unknown", code, ok)
	}
	if code, ok := s.DB().Country(broken); code != "" || ok {
		t.Errorf("DB.Country = %q, %v; want unknown", code, ok)
	}
	expect(t, s, "CL")
	if st := s.Status(); st.Unreadable != 1 {
		t.Errorf("Unreadable = %d, want 1", st.Unreadable)
	}
}

func TestNewSourceErrors(t *testing.T) {
	path := filepath.Join(t.TempDir(), "absent")
	if _, err := geo.NewSource(path, nil, nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
	if _, err := geo.NewSource("testdata/test-data/GeoLite2-ASN-Test.mmdb", nil, nil); err == nil || !strings.Contains(err.Error(), `type "GeoLite2-ASN"`) {
		t.Errorf("another type: %v", err)
	}
}

func TestEmbeddedSource(t *testing.T) {
	s, err := geo.NewEmbeddedSource()
	if err != nil {
		t.Fatal(err)
	}
	if code, _ := s.Country(netip.MustParseAddr("200.160.2.3")); code != "BR" {
		t.Errorf("Country = %q, want BR", code)
	}
	if replaced, err := s.Check(); replaced || err != nil {
		t.Errorf("Check = %v, %v", replaced, err)
	}
	s.Watch(t.Context(), time.Hour) // returns at once
	if st := s.Status(); st.Type != "DBIP-Country-Lite" {
		t.Errorf("Status = %+v", st)
	}
}

func TestZeroSourceKnowsNothing(t *testing.T) {
	for name, s := range map[string]*geo.Source{"nil": nil, "zero": {}} {
		if code, ok := s.Country(landmark); code != "" || ok {
			t.Errorf("%s: Country = %q, %v", name, code, ok)
		}
		if replaced, err := s.Check(); replaced || err != nil {
			t.Errorf("%s: Check = %v, %v", name, replaced, err)
		}
		s.Watch(t.Context(), time.Hour)
		if st := s.Status(); st != (geo.Status{}) {
			t.Errorf("%s: Status = %+v", name, st)
		}
	}
}

// TestWatch runs on a made-up clock: a bad file is logged once however often
// it is looked at, a good one takes over within an interval, and Watch ends
// with its context.
func TestWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		s, path := newSource(t, slog.New(slog.NewTextHandler(&log, nil)))
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { defer close(ended); s.Watch(ctx, time.Minute) }()

		put(t, path, []byte("broken"))
		time.Sleep(10*time.Minute + time.Second)
		synctest.Wait()
		put(t, path, answering("PE"))
		time.Sleep(time.Minute)
		synctest.Wait()
		expect(t, s, "PE")
		cancel()
		<-ended

		if n := strings.Count(log.String(), "geoip database not taken over, the old one stays in use"); n != 1 {
			t.Errorf("the bad file was logged %d times, want once:\n%s", n, log.String())
		}
		if n := strings.Count(log.String(), `"geoip database replaced" type=GeoIP2-Country built=2026-06-01T20:00:00.000Z`); n != 1 {
			t.Errorf("the good file was logged %d times, want once:\n%s", n, log.String())
		}
	})
}

func BenchmarkSourceParallel(b *testing.B) {
	s, err := geo.NewEmbeddedSource()
	if err != nil {
		b.Fatal(err)
	}
	addr := netip.MustParseAddr("200.160.2.3")
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			s.Country(addr)
		}
	})
}
