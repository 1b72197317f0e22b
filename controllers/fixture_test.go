package controllers_test

import (
	"testing"

	"github.com/sparkoo/transfergate/controllers"
	"github.com/sparkoo/transfergate/internal/decision"
)

// section11 are the eight controllers of §11, typed from the statement.
func section11() []decision.Controller {
	return []decision.Controller{
		{ID: "sparkoo-za", Country: "ZA", Serves: []string{"ZA"}, Name: "Sparkoo Technologies South Africa (Pty) LTD.",
			Address: "Building 17 - Huawei Office Park, 124 Western Service Road, Woodmead - Johannesburg, Gauteng, 2191"},
		{ID: "sparkoo-cl", Country: "CL", Serves: []string{"CL"}, Name: "Sparkoo Technologies Chile SpA",
			Address: "ROSARIO NORTE 530 OF 1101 LAS CONDES"},
		{ID: "sparkoo-pe", Country: "PE", Serves: []string{"PE"}, Name: "Sparkoo Technologies PERU S.A.C.",
			Address: "Calle Las Begonias 415, Int. 2301, San Isidro, Lima 27, Perú"},
		{ID: "sparkoo-br", Country: "BR", Serves: []string{"BR"}, Name: "Sparkoo Technologies Do Brasil Ltda.",
			Address: "Avenida Doutor Chucri Zaidan, S/N, conjunto 252, Edifício EZ Towers, Vila São Francisco, São Paulo/SP, CEP 04711-130"},
		{ID: "sparkoo-th", Country: "TH", Serves: []string{"TH"}, Name: "Sparkoo Technologies (Thailand) Co., Ltd.",
			Address: "No. 9, G Tower Grand Rama 9, Room No. GN01-04, 35th Floor, Rama 9 Road, Huaykwang Sub-district, Huaykwang District, Bangkok Metropolis"},
		{ID: "sparkoo-hk", Country: "HK", Serves: []string{"HK"}, Name: "Sparkoo Technologies Hong Kong Co., Limited",
			Address: "7/F., Tower 6, The Gateway, No. 9 Canton Road, Tsimshatsui,Kowloon"},
		{ID: "sparkoo-sa", Country: "SA", Serves: []string{"SA"}, Name: "Sparkoo Technologies Arabia Co., Ltd.",
			Address: "C-Center, Prince Mohammed Road, PO Box 295320, Riyadh, the Kingdom of Saudi Arabia"},
		{ID: "sparkoo-sg", Country: "SG", Default: true, Name: "Sparkoo Technologies Singapore Pte. Ltd.",
			Address: "1 Changi Business Park Ave 1 #05-01/06 Singapore 486058"},
	}
}

// ids are the controllers' ids, typed from the statement.
var ids = []string{"sparkoo-za", "sparkoo-cl", "sparkoo-pe", "sparkoo-br", "sparkoo-th", "sparkoo-hk", "sparkoo-sa", "sparkoo-sg"}

// known are the ids account records may name here.
var known = controllers.Known{
	Controllers: ids,
	Recipients:  []string{"sparkoo-sg", "huawei-cloud-cn"},
	Activities:  []string{"serving", "marketing"},
}

// newTable returns the table of §11 with accounts, which may name what is known.
func newTable(t testing.TB, accounts ...controllers.Account) *controllers.Table {
	t.Helper()
	table, err := controllers.ForPolicy(&decision.Policy{
		Controllers: section11(),
		Recipients:  []decision.Recipient{{ID: "sparkoo-sg"}, {ID: "huawei-cloud-cn"}},
		Activities:  []decision.Activity{{ID: "serving"}, {ID: "marketing"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := table.ReplaceAccounts(accounts); err != nil {
		t.Fatal(err)
	}
	return table
}

// wantError fails unless err says exactly want; an empty want asks for none.
func wantError(t *testing.T, err error, want string) {
	t.Helper()
	got := ""
	if err != nil {
		got = err.Error()
	}
	if got != want {
		t.Errorf("error\n got: %s\nwant: %s", got, want)
	}
}

// birth reads when somebody was born; empty for nothing.
func birth(t interface{ Fatal(...any) }, text string) (born decision.Birth) {
	if text == "" {
		return born
	}
	born, err := decision.ParseBirth(text)
	if err != nil {
		t.Fatal(err)
	}
	return born
}

// idOf is the controller's id; empty for none.
func idOf(c *decision.Controller) string {
	if c == nil {
		return ""
	}
	return c.ID
}
