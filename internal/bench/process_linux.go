package bench

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// supported tells whether processes can be measured here.
const supported = true

// inGroup gives a process that is to start a group of its own.
func inGroup(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

// endGroup asks the processes of the group to end, or makes them.
func endGroup(cmd *exec.Cmd, force bool) error {
	signal := syscall.SIGTERM
	if force {
		signal = syscall.SIGKILL
	}
	if err := syscall.Kill(-cmd.Process.Pid, signal); err != nil && !errors.Is(err, syscall.ESRCH) {
		return err
	}
	return nil
}

// tick is the unit of times in /proc/PID/stat (proc_pid_stat(5)); Linux has told all
// programs so for twenty years.
const tick = time.Second / 100

// used is what the processes of each group have used, by the group's number, which is that
// of its first process.
func used() (map[int]usage, error) {
	files, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return nil, err
	}
	groups := make(map[int]usage)
	for _, file := range files {
		stat, err := os.ReadFile(file)
		if err != nil {
			continue // it has ended
		}
		if n, ok := statNumbers(stat); ok {
			group := groups[n[2]]
			group.cpu += time.Duration(n[11]+n[12]) * tick
			group.memory += int64(n[21]) * int64(os.Getpagesize())
			groups[n[2]] = group
		}
	}
	return groups, nil
}

// statNumbers are the fields of /proc/PID/stat that follow the program's name, which may
// have spaces. The first is a letter and stays 0.
func statNumbers(stat []byte) (numbers []int, ok bool) {
	i := bytes.LastIndexByte(stat, ')')
	if i < 0 {
		return nil, false
	}
	for text := range bytes.FieldsSeq(stat[i+1:]) {
		n, _ := strconv.Atoi(string(text)) // what is too large is none of ours
		numbers = append(numbers, n)
	}
	return numbers, len(numbers) > 21
}

// own is the CPU time of this process.
func own() time.Duration {
	var usage syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &usage) != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
