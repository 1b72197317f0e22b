package format

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"sync"
)

// frameError says that the bytes at an offset are no frame. Whether that is the
// trace of a crash or damage is judged by what comes after (walk.go).
type frameError struct {
	offset int64
	what   string
}

func (e *frameError) Error() string { return fmt.Sprintf("offset %d: %s", e.offset, e.what) }

// Frame is one frame of a segment. Its payload is valid until the next call of
// the scanner.
type Frame struct {
	Header
	Path    string
	Offset  int64
	Payload []byte
}

// end is the offset after the frame.
func (f *Frame) end() int64 { return f.Offset + HeaderSize + int64(f.Length) }

// scanner reads the frames of one segment in order.
type scanner struct {
	file   File
	path   string
	epoch  uint32
	next   uint64 // index the next entry must have
	offset int64  // of the next frame
	sealed bool

	window []byte // bytes of the file from base on
	base   int64
}

const windowSize = 1 << 20

// windowPool holds windows for the next scanner.
var windowPool = sync.Pool{New: func() any { return new([windowSize]byte) }}

// release gives the window back, and with it the last frame's payload.
func (s *scanner) release() {
	if cap(s.window) == windowSize {
		windowPool.Put((*[windowSize]byte)(s.window[:windowSize]))
	}
	s.window = nil
}

// at returns n bytes from offset, fewer only where the file ends.
func (s *scanner) at(offset int64, n int) ([]byte, error) {
	if skip := offset - s.base; skip >= 0 && skip+int64(n) <= int64(len(s.window)) {
		return s.window[skip:][:n], nil
	}
	if size := max(n, windowSize); cap(s.window) < size {
		if size > windowSize {
			s.window = make([]byte, size)
		} else {
			s.window = windowPool.Get().(*[windowSize]byte)[:]
		}
	}
	s.window = s.window[:cap(s.window)]
	got, err := s.file.ReadAt(s.window, offset)
	s.window, s.base = s.window[:got], offset
	if err != nil && !errors.Is(err, io.EOF) {
		s.window = s.window[:0]
		return nil, fmt.Errorf("reading offset %d: %w", offset, err)
	}
	return s.window[:min(n, got)], nil
}

// forget drops what was read ahead, so that a writer's newer bytes are seen.
func (s *scanner) forget() { s.window = s.window[:0] }

// Frame returns the next frame, io.EOF after the last one, or a *frameError.
// Zeros up to the end of the file are reserved space, not frames.
func (s *scanner) frame() (*Frame, error) {
	bad := func(what string) error { return &frameError{s.offset, what} }
	b, err := s.at(s.offset, HeaderSize)
	if err != nil {
		return nil, err
	}
	if allZero(b) {
		at, err := s.nonZero(s.offset)
		if err != nil {
			return nil, err
		}
		if at < 0 {
			return nil, io.EOF
		}
		return nil, bad(fmt.Sprintf("zeros where a frame should be, and other bytes from offset %d on", at))
	}
	if len(b) < HeaderSize {
		return nil, bad(fmt.Sprintf("the file ends after %d of the %d bytes of a frame's header", len(b), HeaderSize))
	}
	h, wrong := parseHeader(b)
	if wrong == "" {
		wrong = s.misplaced(h)
	}
	if wrong != "" {
		return nil, bad(wrong)
	}
	payload, err := s.at(s.offset+HeaderSize, int(h.Length))
	if err != nil {
		return nil, err
	}
	if len(payload) < int(h.Length) {
		return nil, bad(fmt.Sprintf("the file ends after %d of the %d bytes of a frame's payload", len(payload), h.Length))
	}
	if wrong := h.checkPayload(payload); wrong != "" {
		return nil, bad(wrong)
	}
	f := &Frame{Header: h, Path: s.path, Offset: s.offset, Payload: payload}
	s.offset, s.next, s.sealed = f.end(), s.next+uint64(h.Count), h.Kind == KindSeal
	return f, nil
}

// misplaced tells what is wrong with a sound header in this place.
func (s *scanner) misplaced(h Header) string {
	switch {
	case s.sealed:
		return "a frame after the segment's seal"
	case h.Epoch != s.epoch:
		return fmt.Sprintf("the frame belongs to epoch %d, not %d", h.Epoch, s.epoch)
	case h.First != s.next:
		return fmt.Sprintf("the frame begins with entry %d, not %d", h.First, s.next)
	case h.Synced > s.offset:
		return fmt.Sprintf("the frame promises %d bytes before it", h.Synced)
	}
	return ""
}

// nonZero returns the first offset from offset on that is not zero, or -1.
func (s *scanner) nonZero(offset int64) (int64, error) {
	for {
		data, err := s.file.NextData(offset)
		if err != nil {
			return 0, err
		}
		if data < offset { // a writer cut the file meanwhile: nothing is left
			return -1, nil
		}
		b, err := s.at(data, windowSize)
		if err != nil || len(b) == 0 {
			return -1, err
		}
		if !zero(b) {
			return data + int64(len(b)-len(bytes.TrimLeft(b, "\x00"))), nil
		}
		offset = data + int64(len(b))
	}
}

// zeros are compared with: many times faster than looking at bytes one by one, and a
// reader of a segment that is being written looks at megabytes of them each time.
var zeros [64 << 10]byte

// zero tells whether all of b is zero.
func zero(b []byte) bool {
	for len(b) > len(zeros) {
		if !bytes.Equal(b[:len(zeros)], zeros[:]) {
			return false
		}
		b = b[len(zeros):]
	}
	return bytes.Equal(b, zeros[:len(b)])
}

// NonZero returns the first offset of a file from offset on that is not zero, or -1.
func NonZero(f File, offset int64) (int64, error) {
	s := &scanner{file: f}
	defer s.release()
	return s.nonZero(offset)
}

// promise looks for a sound header after offset that says the bytes at offset
// were durable before it was written, and returns its place, or -1.
func (s *scanner) promise(offset int64) (int64, error) {
	return s.find(offset+1, func(at int64, h Header) bool { return h.Synced > offset && h.Synced <= at })
}

// find returns the place of the first sound header of this epoch from offset
// on that is wanted, or -1.
func (s *scanner) find(offset int64, wanted func(int64, Header) bool) (int64, error) {
	for {
		data, err := s.file.NextData(offset)
		if err != nil {
			return 0, err
		}
		if data < offset { // a writer cut the file meanwhile: nothing is left
			return -1, nil
		}
		b, err := s.at(data, windowSize) // a header cannot begin in a hole
		if err != nil || len(b) < HeaderSize {
			return -1, err
		}
		for i := 0; ; i++ {
			j := bytes.Index(b[i:], []byte(magic))
			if j < 0 || i+j+HeaderSize > len(b) {
				break
			}
			i += j
			if h, wrong := parseHeader(b[i:]); wrong == "" && h.Epoch == s.epoch && wanted(data+int64(i), h) {
				return data + int64(i), nil
			}
		}
		offset = data + int64(len(b)-HeaderSize+1)
	}
}

func allZero(b []byte) bool {
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}
