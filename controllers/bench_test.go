package controllers_test

import (
	"fmt"
	"testing"

	"github.com/sparkoo/transfergate/controllers"
)

// BenchmarkResolve goes through the table of §11 as a request does: a snapshot,
// then one look-up. Its limit is 1.5 µs.
func BenchmarkResolve(b *testing.B) {
	for _, n := range []int{0, 1000} {
		accounts := make([]controllers.Account, n)
		for i := range accounts {
			accounts[i] = controllers.Account{ID: fmt.Sprintf("account-%06d", i), Country: "BR", Controller: "sparkoo-br"}
		}
		table := newTable(b, accounts...)
		for _, bench := range []struct{ name, account string }{
			{"anonymous", ""}, {"known", "account-000500"}, {"unknown", "account-999999"},
		} {
			b.Run(fmt.Sprintf("accounts=%d/%s", n, bench.name), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if c, _ := table.Snapshot().Resolve(bench.account, "BR"); idOf(c) != "sparkoo-br" {
						b.Fatal(idOf(c))
					}
				}
			})
		}
	}
}
