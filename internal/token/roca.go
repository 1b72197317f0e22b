package token

import "math/big"

// rocaPrimes are the primes below 168 that tell moduli of the weak generator
// from others: modulo each, 65537 generates a proper subgroup.
var rocaPrimes = []int64{11, 13, 17, 19, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151, 157}

// roca reports whether a modulus has the mark of the generator of CVE-2017-15361,
// whose keys can be factored: modulo small primes it is a power of 65537. One
// sound key in a hundred million bears the mark by chance.
func roca(modulus *big.Int) bool {
	for _, prime := range rocaPrimes {
		if !isPower(new(big.Int).Mod(modulus, big.NewInt(prime)).Int64(), 65537%prime, prime) {
			return false
		}
	}
	return true
}

// isPower reports whether n is a power of base modulo prime.
func isPower(n, base, prime int64) bool {
	for power := base; ; power = power * base % prime {
		if power == n {
			return true
		}
		if power == 1 {
			return false
		}
	}
}
