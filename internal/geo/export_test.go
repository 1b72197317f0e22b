package geo

import "github.com/oschwald/maxminddb-golang/v2"

// MaxSize lets tests make a file that is one byte too large.
const MaxSize = maxSize

// Parse opens data as Open opens a file.
func Parse(name string, data []byte) (*DB, error) { return parse(name, data) }

// Probe probes data whatever its type: most broken files of MaxMind are
// refused for their type already, which says nothing about the probe.
func Probe(data []byte) error {
	reader, err := maxminddb.OpenBytes(data)
	if err != nil {
		return err
	}
	return (&DB{reader: reader}).probe()
}
