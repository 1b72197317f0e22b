package controllers

// nearest returns the candidate that a misspelt word most likely means, and ""
// if that is unclear: two are equally near, or more than a third of the word
// would have to change. A wrong hint could put an account under a wrong controller.
func nearest(word string, candidates []string) string {
	best, least := "", len(word)/3+1
	for _, c := range candidates {
		switch d := distance(word, c); {
		case d < least:
			best, least = c, d
		case d == least:
			best = ""
		}
	}
	return best
}

// distance is how many bytes have to be added, dropped or changed to turn a
// into b (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}
