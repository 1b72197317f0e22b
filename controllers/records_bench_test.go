package controllers_test

import (
	"testing"

	"github.com/hashicorp/go-memdb"

	"github.com/sparkoo/transfergate/controllers"
)

// BenchmarkAccounts compares the account records of a table with the same in
// go-memdb: bytes a row, look-up, and a change of 1 %. go-memdb gets fewer rows,
// for the sake of the memory of whoever runs it; a million take longer still.
func BenchmarkAccounts(b *testing.B) {
	b.Run("compact=1000000", func(b *testing.B) { benchCompact(b, 1_000_000) })
	b.Run("compact=100000", func(b *testing.B) { benchCompact(b, 100_000) })
	b.Run("memdb=100000", func(b *testing.B) { benchMemDB(b, 100_000) })
}

func benchCompact(b *testing.B, n int) {
	table := newTable(b)
	before := heap()
	if err := table.ReplaceAccounts(uuids(0, n)); err != nil {
		b.Fatal(err)
	}
	used := heap() - before
	ids := lookUps(n)
	b.Run("lookup", func(b *testing.B) {
		b.ReportAllocs()
		i := 0
		for b.Loop() {
			if _, ok := table.Snapshot().Account(ids[i%len(ids)]); !ok {
				b.Fatal("not found")
			}
			i++
		}
		b.ReportMetric(float64(used)/float64(n), "bytes/row")
	})
	b.Run("change1percent", func(b *testing.B) {
		change := uuids(n/2, n/100)
		for b.Loop() {
			if err := table.ChangeAccounts(change, nil); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func benchMemDB(b *testing.B, n int) {
	db, err := memdb.NewMemDB(&memdb.DBSchema{Tables: map[string]*memdb.TableSchema{"accounts": {
		Name:    "accounts",
		Indexes: map[string]*memdb.IndexSchema{"id": {Name: "id", Unique: true, Indexer: &memdb.StringFieldIndex{Field: "ID"}}},
	}}})
	if err != nil {
		b.Fatal(err)
	}
	put := func(accounts []controllers.Account) {
		txn := db.Txn(true)
		for _, a := range accounts {
			if err := txn.Insert("accounts", &a); err != nil {
				b.Fatal(err)
			}
		}
		txn.Commit()
	}
	before := heap()
	put(uuids(0, n))
	used := heap() - before
	ids := lookUps(n)
	b.Run("lookup", func(b *testing.B) {
		b.ReportAllocs()
		i := 0
		for b.Loop() {
			if row, err := db.Txn(false).First("accounts", "id", ids[i%len(ids)]); err != nil || row == nil {
				b.Fatal(row, err)
			}
			i++
		}
		b.ReportMetric(float64(used)/float64(n), "bytes/row")
	})
	b.Run("change1percent", func(b *testing.B) {
		change := uuids(n/2, n/100)
		for b.Loop() {
			put(change)
		}
	})
}

// lookUps are ids all over a table of n accounts.
func lookUps(n int) []string {
	ids := make([]string, 4096)
	for i := range ids {
		ids[i] = uuid(i * 7919 % n)
	}
	return ids
}
