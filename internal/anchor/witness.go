package anchor

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/sparkoo/transfergate/internal/fetch"
	"github.com/sparkoo/transfergate/internal/tiles"
)

// Witness is a client of one witness.
type Witness struct {
	url string
	key note.Verifier

	mu    sync.Mutex
	known map[string]int64 // by origin, the size the witness signed last
}

// NewWitness returns a client of the witness at a URL, the submission prefix of
// tlog-witness, whose cosignatures the key verifies.
func NewWitness(prefix, vkey string) (*Witness, error) {
	key, err := NewVerifier(vkey)
	if err != nil {
		return nil, err
	}
	if err := fetch.CheckPlainURL("witness "+key.Name(), prefix); err != nil {
		return nil, err
	}
	return &Witness{url: strings.TrimSuffix(prefix, "/") + "/add-checkpoint", key: key, known: map[string]int64{}}, nil
}

// Name is "witness" and the name of its key.
func (w *Witness) Name() string { return "witness " + w.key.Name() }

// conflicts is how often a witness may say that it knows another size. The size
// moves only when somebody else brings it checkpoints of this log.
const conflicts = 3

// Cosign brings the witness a checkpoint and returns its signature line. The
// error is *AheadError if the witness has seen more than this tree, or a tree
// that this one does not continue.
func (w *Witness) Cosign(ctx context.Context, t *tiles.Tree) (line string, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for range conflicts {
		old := w.known[t.Origin]
		if old > t.N {
			return "", w.ahead(t, old)
		}
		status, body, err := w.add(ctx, t, old)
		if err != nil {
			return "", fmt.Errorf("asking %s: %w", w.Name(), err)
		}
		switch status {
		case http.StatusOK:
			if line, err = w.signature(t, body); err == nil {
				w.known[t.Origin] = t.N
			}
			return line, err
		case http.StatusConflict:
			size, err := w.conflict(body)
			if err != nil {
				return "", err
			}
			if size > t.N || size == old && old > 0 {
				return "", w.ahead(t, size)
			}
			w.known[t.Origin] = size
		case http.StatusUnprocessableEntity:
			return "", w.ahead(t, old)
		default:
			return "", fmt.Errorf("%s answers %s: %q", w.Name(), explain(status), clip(body))
		}
	}
	return "", fmt.Errorf("%s says each time that it knows another size of %s; somebody else brings it checkpoints of this log", w.Name(), t.Origin)
}

// compare asks the witness for a log that another one follows, by the checkpoint that
// this one commits to. A log that the witness was never told of it cannot know.
func (w *Witness) compare(ctx context.Context, e Earlier, here string) error {
	bound, err := tiles.ReadCheckpoint(e.Checkpoint)
	if err != nil || bound.N == 0 {
		return nil // it commits to nothing
	}
	t := &tiles.Tree{Checkpoint: bound, Signed: e.Checkpoint}
	status, body, err := w.post(ctx, t, bound.N, nil)
	if err != nil {
		return fmt.Errorf("asking %s for %s: %w", w.Name(), e.Origin, err)
	}
	size := int64(0)
	if status == http.StatusConflict {
		if size, err = w.conflict(body); err != nil {
			return err
		}
	}
	if size < bound.N {
		return nil
	}
	what := fmt.Sprintf("it signed %d entries of %s, and the log after it was begun when there were %d", size, e.Origin, bound.N)
	if size == bound.N {
		what = fmt.Sprintf("the %d entries of %s it signed are others than the log after it commits to", size, e.Origin)
	}
	return &AheadError{Place: w.Name(), Origin: here, What: what}
}

// begun asks the witness for a log that has no entries yet.
func (w *Witness) begun(ctx context.Context, empty *tiles.Tree) error {
	status, body, err := w.post(ctx, empty, 0, nil)
	if err != nil {
		return fmt.Errorf("asking %s: %w", w.Name(), err)
	}
	switch status {
	case http.StatusOK:
		return nil
	case http.StatusConflict:
		size, err := w.conflict(body)
		if err == nil && size > 0 {
			err = w.ahead(empty, size)
		}
		return err
	}
	return fmt.Errorf("%s answers %s: %q", w.Name(), explain(status), clip(body))
}

// conflict reads the size that the witness knows.
func (w *Witness) conflict(body []byte) (size int64, err error) {
	size, err = strconv.ParseInt(strings.TrimSuffix(string(body), "\n"), 10, 64)
	if err != nil || size < 0 {
		return 0, fmt.Errorf("%s has a conflict, but says no size: %q", w.Name(), clip(body))
	}
	return size, nil
}

func (w *Witness) ahead(t *tiles.Tree, size int64) error {
	what := fmt.Sprintf("it signed %d entries, and here are %d", size, t.N)
	if size <= t.N {
		what = fmt.Sprintf("the %d entries it signed are not the first %d of the %d here", size, size, t.N)
	}
	return &AheadError{Place: w.Name(), Origin: t.Origin, What: what}
}

// explain says what a status of tlog-witness means.
func explain(status int) string {
	switch status {
	case http.StatusNotFound:
		return "404: it does not know this log, and must be told its name and key first"
	case http.StatusForbidden:
		return "403: it has another key for this log"
	default:
		return strconv.Itoa(status)
	}
}

// add sends one add-checkpoint request.
func (w *Witness) add(ctx context.Context, t *tiles.Tree, old int64) (status int, body []byte, err error) {
	proof, err := t.Consistency(old)
	if err != nil {
		return 0, nil, err
	}
	return w.post(ctx, t, old, proof)
}

func (w *Witness) post(ctx context.Context, t *tiles.Tree, old int64, proof tlog.TreeProof) (status int, body []byte, err error) {
	var b bytes.Buffer
	fmt.Fprintf(&b, "old %d\n", old)
	for _, h := range proof {
		fmt.Fprintf(&b, "%s\n", h)
	}
	b.WriteByte('\n')
	b.Write(ownSignature(t))
	return send(ctx, http.MethodPost, w.url, b.Bytes())
}

// ownSignature is the checkpoint without what others signed.
func ownSignature(t *tiles.Tree) []byte {
	text := t.Checkpoint.String()
	first, _, _ := strings.Cut(string(t.Signed[len(text)+1:]), "\n")
	return []byte(text + "\n" + first + "\n")
}

// signature picks the witness's own line from its answer, and verifies it.
func (w *Witness) signature(t *tiles.Tree, answer []byte) (string, error) {
	n, err := note.Open([]byte(t.Checkpoint.String()+"\n"+string(answer)), note.VerifierList(w.key))
	if err != nil {
		return "", fmt.Errorf("%s signed with another key than the one configured, or not at all: %w", w.Name(), err)
	}
	s := n.Sigs[0]
	return fmt.Sprintf("— %s %s\n", s.Name, s.Base64), nil
}

// clip shortens what a server said for an error.
func clip(body []byte) string {
	return string(bytes.TrimSpace(body[:min(len(body), 100)]))
}

// maxAnswer bounds an answer in bytes.
const maxAnswer = 64 << 10

// client is one for all places; each try is bounded by its context.
var client = fetch.New(fetch.Config{Connections: 2})

// send makes one request and reads the answer. Of one that refuses it reads as much
// as it may.
func send(ctx context.Context, method, target string, body []byte) (status int, answer []byte, err error) {
	return sendLimited(ctx, method, target, body, maxAnswer)
}

// sendLimited is send with a bound of the answer in bytes.
func sendLimited(ctx context.Context, method, target string, body []byte, limit int64) (status int, answer []byte, err error) {
	r := fetch.Request{Method: method, URL: target, Body: body}
	if body != nil {
		r.Header = http.Header{"Content-Type": {"text/plain; charset=utf-8"}}
	}
	status, answer, err = client.Read(ctx, r, limit)
	if errors.Is(err, fetch.ErrTooLarge) && status/100 != 2 {
		err = nil
	}
	return status, answer, err
}
