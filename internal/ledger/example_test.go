package ledger_test

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/ledger/verify"
	"github.com/sparkoo/transfergate/internal/record"
)

// What is appended is durable, can be read while the log is written and after it is
// closed, and proves itself.
func Example() {
	dir, err := os.MkdirTemp("", "ledger-")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	log := ledger.New(dir, ledger.Options{Node: "gw-sg-1"})
	if err := log.Open(); err != nil {
		fmt.Println(err)
		return
	}
	id, err := log.Append([]byte("a transfer"))
	if err != nil {
		fmt.Println(err) // and the transfer must not happen
		return
	}
	if err := log.Close(); err != nil {
		fmt.Println(err)
		return
	}

	e, err := ledger.At(dir).Entry(id)
	fmt.Printf("%s %v\n", e.Data, err)
	report, err := verify.Ledger(dir, verify.Options{})
	fmt.Println(report.Entries == report.Signed, report.Torn, err)
	// Output:
	// a transfer <nil>
	// true false <nil>
}

// Follow yields what was appended, the log's own entries among it, and goes on with
// what comes, until the log is closed.
func ExampleLog_Follow() {
	dir, err := os.MkdirTemp("", "ledger-")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	log := ledger.New(dir, ledger.Options{Node: "gw-sg-1"})
	if err := log.Open(); err != nil {
		fmt.Println(err)
		return
	}
	for _, text := range []string{"one", "two"} {
		if _, err := log.Append([]byte(text)); err != nil {
			fmt.Println(err)
			return
		}
	}
	for e, err := range log.Follow(context.Background(), record.ID{}) {
		if err != nil {
			fmt.Println(err)
			break
		}
		if text := string(e.Data); text == "one" || text == "two" {
			fmt.Println(text)
		}
		if string(e.Data) == "two" {
			break
		}
	}
	fmt.Println(log.Close())
	// Output:
	// one
	// two
	// <nil>
}

// A person has the same pseudonym in all records of a period, and nobody can tell
// whose it is without the ledger's keys and the person's salt.
func ExampleLog_Subject() {
	dir, err := os.MkdirTemp("", "ledger-")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	log := ledger.New(dir, ledger.Options{Node: "gw-sg-1"})
	if err := log.Open(); err != nil {
		fmt.Println(err)
		return
	}
	now := time.Now()
	ana := log.Subject("ana", "salt of ana", now)
	fmt.Println(ana == log.Subject("ana", "salt of ana", now), ana == log.Subject("ana", "another salt", now))
	fmt.Println(log.Subjects("ana", "salt of ana")[0] == ana)
	fmt.Println(log.Close())
	// Output:
	// true false
	// true
	// <nil>
}
