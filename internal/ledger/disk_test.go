package ledger_test

import (
	"bufio"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/ledger/verify"
	"github.com/sparkoo/transfergate/internal/record"
)

// childDir is set in the process that TestKill kills.
const childDir = "LEDGER_TEST_CHILD_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		child(dir)
		return
	}
	os.Exit(m.Run())
}

// child appends until it is killed, and says on its output what is durable.
func child(dir string) {
	l := ledger.New(dir, ledger.Options{SegmentEntries: 50})
	if err := l.Open(); err != nil {
		fmt.Println("error", err)
		return
	}
	var mu sync.Mutex
	for w := range 8 {
		go func() {
			for i := 0; ; i++ {
				entry := fmt.Sprintf("%d-%d-%d", os.Getpid(), w, i)
				index, err := l.Append([]byte(entry))
				if err != nil {
					fmt.Println("error", err)
					return
				}
				mu.Lock()
				fmt.Println("ok", index.Index, entry)
				mu.Unlock()
			}
		}()
	}
	select {}
}

// A process that is killed at any time has lost nothing it acknowledged.
func TestKill(t *testing.T) {
	dir := t.TempDir()
	want := make(map[uint64]string)
	rounds := 12
	if testing.Short() {
		rounds = 3
	}
	for round := range rounds {
		runChild(t, dir, 40+round*37, want)
		got := entries(t, dir, 0)
		for index, entry := range want {
			if got[index] != entry {
				t.Fatalf("round %d: acknowledged entry %d is %q, want %q", round, index, got[index], entry)
			}
		}
		if _, err := verify.Ledger(dir, verify.Options{}); err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
	}
	t.Logf("%d entries acknowledged by %d killed processes", len(want), rounds)
}

// runChild starts a child and kills it after so many acknowledgements.
func runChild(t *testing.T, dir string, acks int, want map[uint64]string) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childDir+"="+dir)
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for n := 0; lines.Scan(); n++ {
		if n == acks {
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
		var index uint64
		var entry string
		if _, err := fmt.Sscanf(lines.Text(), "ok %d %s", &index, &entry); err == nil {
			want[index] = entry
		} else if strings.HasPrefix(lines.Text(), "error") {
			t.Errorf("the child says: %s", lines.Text())
		} // else the last line was cut off by the kill
	}
	if err := cmd.Wait(); err == nil || !strings.Contains(err.Error(), "killed") {
		t.Errorf("the child ended with %v", err)
	}
}

// mount mounts a file system in memory, or skips the test.
func mount(t *testing.T, options string) string {
	t.Helper()
	dir := t.TempDir()
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", options, "tmpfs", dir).CombinedOutput(); err != nil {
		t.Skipf("cannot mount a tmpfs here: %v: %s", err, out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", dir).CombinedOutput(); err != nil {
			t.Errorf("unmounting: %v: %s", err, out)
		}
	})
	return dir
}

// A real volume of 1 MiB runs full: appends are refused, what was acknowledged
// stays, and when room is made the log goes on by itself.
func TestFullVolume(t *testing.T) {
	volume := mount(t, "size=1m")
	dir, ballast := filepath.Join(volume, "ledger"), filepath.Join(volume, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 512<<10), 0o600); err != nil {
		t.Fatal(err)
	}
	l := open(t, dir, ledger.Options{MinFree: 64 << 10})
	if err := l.Ready(); err != nil {
		t.Fatal(err)
	}
	entry := strings.Repeat("x", 4000)
	count, unready := uint64(1), false
	for {
		_, err := l.Append([]byte(entry))
		if errors.Is(err, ledger.ErrFull) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		count++
		unready = unready || errors.Is(l.Ready(), ledger.ErrFull)
	}
	if !unready {
		t.Error("the log was ready until the volume was full")
	}
	if got := entries(t, dir, 0); uint64(len(got)) != count {
		t.Errorf("%d entries, %d acknowledged", len(got), count)
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	within(t, 3*time.Minute, "the log is ready again", func() bool { return l.Ready() == nil })
	if index := add(t, l, "room"); index != count {
		t.Errorf("index %d, want %d", index, count)
	}
	shut(t, l)
	if report, err := verify.Ledger(dir, verify.Options{}); err != nil || report.Entries != count+1 {
		t.Errorf("verify: %+v, %v", report, err)
	}
}

func TestReadOnlyFolder(t *testing.T) {
	volume := mount(t, "size=1m")
	dir := filepath.Join(volume, "ledger")
	shut(t, open(t, dir, ledger.Options{}))
	if out, err := exec.Command("mount", "-o", "remount,ro", volume).CombinedOutput(); err != nil {
		t.Skipf("cannot remount: %v: %s", err, out)
	}
	err := ledger.New(dir, ledger.Options{}).Open()
	segment := filepath.Join(dir, "epoch-000001", "seg", "000000.log") // what is there is read before anything is to be written
	if want := "reopening " + segment + ": open " + segment + ": read-only file system"; err == nil || err.Error() != want || !ledger.Unwritable(err) {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	if _, err := verify.Ledger(dir, verify.Options{}); err != nil {
		t.Errorf("verify needs to read only: %v", err)
	}
	err = ledger.New(filepath.Join(volume, "other"), ledger.Options{}).Open()
	if want := "making the ledger's folder: mkdir " + filepath.Join(volume, "other") + ": read-only file system"; err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

// Files of others are left alone and named.
func TestForeignFiles(t *testing.T) {
	dir := t.TempDir()
	shut(t, open(t, dir, ledger.Options{}))
	names := []string{"notes.txt", "epoch-1", "epoch-000001/seg/notes.txt", "epoch-000001/seg/000001.log~", "epoch-000001/seg/1.log"}
	for _, name := range names {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("mine"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out := new(lines)
	l := open(t, dir, ledger.Options{Logger: slog.New(slog.NewTextHandler(out, nil))})
	if index := add(t, l, "entry 1"); index != 1 {
		t.Errorf("index %d", index)
	}
	shut(t, l)
	for _, name := range names {
		path := filepath.Join(dir, name)
		if data, err := os.ReadFile(path); err != nil || string(data) != "mine" {
			t.Errorf("%s: %q, %v", name, data, err)
		}
		if !strings.Contains(out.String(), "is left alone\" file="+path+"\n") {
			t.Errorf("%s was not named", name)
		}
	}
	if _, err := verify.Ledger(dir, verify.Options{}); err != nil {
		t.Error(err)
	}
}

func TestReadWithoutLedger(t *testing.T) {
	dir := t.TempDir()
	none := func(ledger.Entry) error { return nil }
	want := dir + " holds no ledger: no epoch-... folder with an EPOCH file"
	if err := each(ledger.At(dir), record.ID{}, none); err == nil || err.Error() != want {
		t.Errorf("got %v", err)
	}
	if err := each(ledger.At(filepath.Join(dir, "missing")), record.ID{}, none); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

// A reader beside a busy writer never takes a frame in the making for damage.
func TestReadBesideWriter(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, ledger.Options{SegmentEntries: 300})
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i := range 200 {
				if _, err := l.Append([]byte(strings.Repeat("x", 1+(w*i*37)%20000))); err != nil {
					t.Error(err)
				}
			}
		})
	}
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	for reads := 0; ; reads++ {
		select {
		case <-done:
			if n := len(entries(t, dir, 0)); n != 1601 {
				t.Errorf("%d entries", n)
			}
			t.Logf("read %d times", reads)
			return
		default:
			durable := l.Stats().Next
			if n := uint64(len(entries(t, dir, 0))); n < durable {
				t.Fatalf("%d entries read, %d were durable", n, durable)
			}
		}
	}
}
