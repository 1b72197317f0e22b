package scan

// WithWindow is the folder, of which so many entries are read at once.
func (f Folder) WithWindow(n uint64) Folder {
	return Folder{dir: f.dir, window: n, whole: f.whole, tails: f.tails}
}
