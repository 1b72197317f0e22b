package bench

import (
	"os/exec"
	"testing"
	"time"
)

// A name with spaces and parentheses is none of the numbers.
func TestStatNumbers(t *testing.T) {
	n, ok := statNumbers([]byte("7 (a) b) S 1 70 70 0 -1 4194304 5 0 0 0 11 12 0 0 20 0 5 0 100 2000 300 18446744073709551615 1"))
	if !ok || n[2] != 70 || n[11] != 11 || n[12] != 12 || n[21] != 300 {
		t.Error(n, ok)
	}
	if _, ok := statNumbers([]byte("7 (a) S 1")); ok {
		t.Error("half of it")
	}
}

// What the children of a process use counts as its own.
func TestUsedIsThatOfAGroup(t *testing.T) {
	cmd := exec.Command("sh", "-c", "while :; do :; done & while :; do :; done")
	inGroup(cmd)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	group := cmd.Process.Pid
	waitUntil(t, "it has worked", func(u usage) bool { return u.cpu > 5*tick && u.memory > 0 }, group)
	if err := endGroup(cmd, true); err != nil {
		t.Error(err)
	}
	if err := cmd.Wait(); err == nil {
		t.Error("it ended by itself")
	}
	waitUntil(t, "the group is gone", func(u usage) bool { return u.memory == 0 }, group)
}

func waitUntil(t *testing.T, what string, holds func(usage) bool, group int) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		groups, err := used()
		if err != nil {
			t.Fatal(err)
		}
		if holds(groups[group]) {
			return
		}
	}
	t.Fatalf("gave up waiting until %s", what)
}
