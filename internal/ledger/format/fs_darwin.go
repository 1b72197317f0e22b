package format

// Sync is F_FULLFSYNC on macOS, where fsync leaves data in the drive's cache.
func (f osFile) Sync() error { return f.File.Sync() }

// Preallocate does nothing.
func (osFile) Preallocate(int64) error { return nil }

// NextData knows of no holes.
func (osFile) NextData(offset int64) (int64, error) { return offset, nil }
