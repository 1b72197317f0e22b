package format

import (
	"testing"
	"time"
)

// cutFile is a segment whose reserved zeros are cut off while it is read: what
// was read ahead is longer than the file.
type cutFile struct {
	File
	reserved, size int64
}

func (f *cutFile) ReadAt(p []byte, offset int64) (int, error) {
	n := copy(p, make([]byte, max(0, f.reserved-offset)))
	f.reserved = f.size // from now on
	return n, nil
}

func (f *cutFile) NextData(offset int64) (int64, error) {
	if offset >= f.size {
		return f.size, nil // as Linux does through ENXIO
	}
	return offset, nil
}

// A reader beside a writer that closes the ledger comes to an end.
func TestReadWhileCut(t *testing.T) {
	done := make(chan error, 1)
	go func() {
		s := &scanner{file: &cutFile{reserved: 4 * windowSize, size: 100}, offset: 100}
		if _, err := s.at(100, HeaderSize); err != nil {
			done <- err
			return
		}
		_, err := s.nonZero(100)
		if _, e := s.find(100, func(int64, Header) bool { return true }); err == nil {
			err = e
		}
		done <- err
	}()
	select {
	case err := <-done:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(3 * time.Minute):
		t.Fatal("the reader does not come to an end")
	}
}
