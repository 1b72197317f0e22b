// Package country knows the officially assigned alpha-2 codes of ISO 3166-1, and XK, and
// nothing else: no alias, no alpha-3, no reserved or other user-assigned code.
//
// XK is Kosovo: banks, the European Union and the country databases use that code, which
// the standard leaves to its users. It is a code of its own here, and no other country's:
// which law holds for it, or whose, the registers say.
package country

import "strings"

// codes are the 249 codes of ISO 3166-1 and XK, in order.
const codes = "ADAEAFAGAIALAMAOAQARASATAUAWAXAZ" +
	"BABBBDBEBFBGBHBIBJBLBMBNBOBQBRBSBTBVBWBYBZ" +
	"CACCCDCFCGCHCICKCLCMCNCOCRCUCVCWCXCYCZ" +
	"DEDJDKDMDODZECEEEGEHERESETFIFJFKFMFOFR" +
	"GAGBGDGEGFGGGHGIGLGMGNGPGQGRGSGTGUGWGY" +
	"HKHMHNHRHTHUIDIEILIMINIOIQIRISITJEJMJOJP" +
	"KEKGKHKIKMKNKPKRKWKYKZLALBLCLILKLRLSLTLULVLY" +
	"MAMCMDMEMFMGMHMKMLMMMNMOMPMQMRMSMTMUMVMWMXMYMZ" +
	"NANCNENFNGNINLNONPNRNUNZOM" +
	"PAPEPFPGPHPKPLPMPNPRPSPTPWPYQARERORSRURW" +
	"SASBSCSDSESGSHSISJSKSLSMSNSOSRSSSTSVSXSYSZ" +
	"TCTDTFTGTHTJTKTLTMTNTOTRTTTVTWTZ" +
	"UAUGUMUSUYUZVAVCVEVGVIVNVUWFWSXKYEYTZAZMZW"

// Count is how many codes there are.
const Count = len(codes) / 2

// index maps a code's position in 26x26 to its place in codes plus one.
var index = func() (t [26 * 26]uint16) {
	for i := 0; i < len(codes); i += 2 {
		t[int(codes[i]-'A')*26+int(codes[i+1]-'A')] = uint16(i/2 + 1)
	}
	return t
}()

// Index returns the place of code among the codes, from 0 to Count-1, and -1 if
// code is none of them. Lower case is not accepted.
func Index(code string) int {
	if len(code) != 2 || code[0] < 'A' || code[0] > 'Z' || code[1] < 'A' || code[1] > 'Z' {
		return -1
	}
	return int(index[int(code[0]-'A')*26+int(code[1]-'A')]) - 1
}

// Valid reports whether code is one of the codes.
func Valid(code string) bool { return Index(code) >= 0 }

// All returns the codes in alphabetical order. The slice is the caller's.
func All() []string {
	all := make([]string, 0, Count)
	for i := 0; i < len(codes); i += 2 {
		all = append(all, codes[i:i+2])
	}
	return all
}

// Advice says what to write in the place of what is no such code: "write GB".
func Advice(wrong string) string {
	switch upper := strings.ToUpper(wrong); {
	case upper == "UK":
		return "write GB"
	case upper == "EL":
		return "write GR"
	case Valid(upper):
		return "write " + upper
	}
	return "use the two capital letters of that standard"
}
