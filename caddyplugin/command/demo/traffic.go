package demo

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"
)

// weighted is a choice and how often it comes, beside the others.
type weighted[T any] struct {
	weight int
	value  T
}

func choose[T any](random *rand.Rand, all []weighted[T]) T {
	sum := 0
	for _, w := range all {
		sum += w.weight
	}
	n := random.IntN(sum)
	for _, w := range all {
		if n -= w.weight; n < 0 {
			return w.value
		}
	}
	panic("unreachable: n is below the sum of the weights")
}

// countries are where people registered: those of the eight controllers, and others for
// whom Singapore answers.
var countries = []weighted[string]{
	{22, "BR"}, {12, "TH"}, {10, "ZA"}, {8, "HK"}, {8, "CL"}, {7, "SA"}, {7, "PE"},
	{6, "MX"}, {4, "FR"}, {4, "TR"}, {3, "AR"}, {3, "DE"}, {2, "KE"}, {2, "AE"}, {2, "FJ"},
}

// persons is how many people ask; the first of them most often.
const persons = 900

// people are their accounts, always the same.
func people() (all []account) {
	random := rand.New(rand.NewPCG(1, 1))
	for i := range persons {
		a := account{ID: fmt.Sprintf("person-%d", i), Country: choose(random, countries)}
		switch random.IntN(60) {
		case 0:
			a.Party = "sparkoo-sg" // a contract with Singapore, wherever they registered
		case 1:
			a.Restricted = true
		case 2:
			a.Minor = true
		case 3, 4:
			a.Withdrawn = true
		}
		all = append(all, a)
	}
	return all
}

// act is what somebody does.
type act struct {
	method, path string
	fields       []string
}

// acts are what people do, and what staff do for them.
var acts = []weighted[act]{
	{420, act{method: http.MethodGet, path: "/"}},
	{240, act{method: http.MethodPut, path: "/v1/objects/report"}},
	{90, act{method: http.MethodGet, path: "/v1/objects/report"}},
	{80, act{method: http.MethodGet, path: "/v1/support/tickets"}},
	{60, act{method: http.MethodGet, path: "/community/topics"}},
	{40, act{method: http.MethodGet, path: "/v1/news/weekly"}},
	{12, act{method: http.MethodGet, path: "/v1/rights/export"}},
	{12, act{method: http.MethodGet, path: "/v1/support/training/7"}},
	{36, act{http.MethodGet, "/v1/support/tickets", staff("T-%d", "support-request")}},
	{4, act{http.MethodGet, "/v1/support/tickets", staff("", "support-request")}},
	{3, act{http.MethodGet, "/v1/security/events", staff("T-%d", "security")}},
}

// staff are the fields of a member of the affiliate's staff, who works on a ticket.
func staff(ticket, reason string) []string {
	fields := []string{"Staff-Entity", "huawei-cloud-cn", "Staff-Country", "CN", "Staff-Id", "engineer-%d", "Access-Reason", reason}
	if ticket != "" {
		fields = append(fields, "Staff-Ticket", ticket)
	}
	return fields
}

// asked is one request, and when it is sent.
type asked struct {
	at time.Time
	act
}

// traffic are so many requests of the days before a moment, in the order of time. They
// are always the same, but for the moment.
func traffic(records int, until time.Time) []asked {
	random := rand.New(rand.NewPCG(2, 2))
	all := people()
	list := make([]asked, 0, records)
	for _, at := range moments(records, until) {
		// The product of two makes some people ask much more often than others.
		who := all[random.IntN(persons)*random.IntN(persons)/persons]
		a := choose(random, acts)
		one := asked{at: at, act: act{method: a.method, path: a.path, fields: []string{"Account-Id", who.ID, "Registered-Country", who.Country}}}
		if random.IntN(80) == 0 { // the login says another country than the account
			one.fields[3] = choose(random, countries)
		}
		for i := 0; i < len(a.fields); i += 2 {
			value := a.fields[i+1]
			switch a.fields[i] {
			case "Staff-Id":
				value = fmt.Sprintf(value, 1+random.IntN(9))
			case "Staff-Ticket":
				value = fmt.Sprintf(value, 4000+random.IntN(700))
			}
			one.fields = append(one.fields, a.fields[i], value)
		}
		list = append(list, one)
	}
	return list
}

// moments spreads so many over the days before a moment: more of them by day than at
// night, in Singapore, and fewer at weekends.
func moments(n int, until time.Time) []time.Time {
	const hours = days * 24
	begin := until.Add(-hours * time.Hour)
	weights, sum := make([]int, hours), 0
	for h := range weights {
		at := begin.Add(time.Duration(h) * time.Hour).UTC().Add(8 * time.Hour)
		weights[h] = 2
		if hour := at.Hour(); hour >= 8 && hour < 20 {
			weights[h] = 6
		}
		if day := at.Weekday(); day == time.Saturday || day == time.Sunday {
			weights[h]--
		}
		sum += weights[h]
	}
	list := make([]time.Time, 0, n)
	done := 0
	for h, weight := range weights {
		done += weight
		until := n * done / sum // of all that are due when the hour is over
		here := until - len(list)
		for i := range here {
			list = append(list, begin.Add(time.Duration(h)*time.Hour+time.Hour*time.Duration(i)/time.Duration(here)))
		}
	}
	return list
}
