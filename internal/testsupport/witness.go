package testsupport

import (
	"crypto/ed25519"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Witness is a witness as C2SP tlog-witness describes it, with torchwood's
// checkpoints and cosignatures.
type Witness struct {
	// URL is its submission prefix, and Key the verifier key of its cosignatures.
	URL, Key string

	keyOf func(origin string) (note.Verifier, error)

	mu     sync.Mutex
	signer *torchwood.CosignatureSigner
	trees  map[string]tlog.Tree // by origin
	status int                  // answered instead, if not 0
	body   string
}

// StartWitness starts a witness of the logs whose keys keyOf returns, and ends it
// with the test. What keyOf fails for it does not know.
func StartWitness(t testing.TB, name string, keyOf func(origin string) (note.Verifier, error)) *Witness {
	t.Helper()
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	w := &Witness{keyOf: keyOf, trees: make(map[string]tlog.Tree)}
	if w.signer, err = torchwood.NewCosignatureSigner(name, key); err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /some/prefix/add-checkpoint", w.addCheckpoint)
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	w.URL, w.Key = server.URL+"/some/prefix", w.signer.Verifier().String()
	return w
}

// Policy is torchwood's policy that the witness must have signed.
func (w *Witness) Policy() torchwood.Policy {
	return torchwood.SingleVerifierPolicy(w.signer.Verifier())
}

// Size is how many entries of a log the witness has signed.
func (w *Witness) Size(origin string) int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.trees[origin].N
}

// Fail makes the witness answer every request with this; status 0 ends it.
func (w *Witness) Fail(status int, body string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.status, w.body = status, body
}

func (w *Witness) addCheckpoint(rw http.ResponseWriter, r *http.Request) {
	w.mu.Lock()
	defer w.mu.Unlock()
	status, answer := w.status, w.body
	if status == 0 {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		status, answer = w.answer(string(body))
	}
	if status == http.StatusConflict {
		rw.Header().Set("Content-Type", "text/x.tlog.size")
	}
	rw.WriteHeader(status)
	_, _ = io.WriteString(rw, answer) // the client has gone
}

// answer follows the specification's steps in their order.
func (w *Witness) answer(body string) (status int, answer string) {
	head, signed, ok := strings.Cut(body, "\n\n")
	lines := strings.Split(head, "\n")
	old, isOld := strings.CutPrefix(lines[0], "old ")
	oldSize, err := strconv.ParseInt(old, 10, 64)
	if !ok || !isOld || err != nil || len(lines) > 64 {
		return http.StatusBadRequest, "malformed"
	}
	var proof tlog.TreeProof
	for _, line := range lines[1:] {
		h, err := tlog.ParseHash(line)
		if err != nil {
			return http.StatusBadRequest, "malformed proof"
		}
		proof = append(proof, h)
	}
	origin, _, _ := strings.Cut(signed, "\n")
	key, err := w.keyOf(origin)
	if err != nil {
		return http.StatusNotFound, "unknown log"
	}
	n, err := note.Open([]byte(signed), note.VerifierList(key))
	if err != nil {
		return http.StatusForbidden, "unknown key"
	}
	c, err := torchwood.ParseCheckpoint(n.Text)
	if err != nil || oldSize > c.N {
		return http.StatusBadRequest, "old size above the checkpoint's"
	}
	if status, answer := w.compare(w.trees[origin], c, oldSize, proof); status != http.StatusOK {
		return status, answer
	}
	w.trees[origin] = c.Tree
	cosigned, err := note.Sign(&note.Note{Text: n.Text}, w.signer)
	if err != nil {
		return http.StatusInternalServerError, err.Error()
	}
	return http.StatusOK, string(cosigned[len(n.Text)+1:])
}

// compare holds a checkpoint against the tree that was signed last.
func (w *Witness) compare(known tlog.Tree, c torchwood.Checkpoint, oldSize int64, proof tlog.TreeProof) (status int, answer string) {
	switch {
	case oldSize != known.N, oldSize == c.N && oldSize > 0 && c.Hash != known.Hash:
		return http.StatusConflict, fmt.Sprintf("%d\n", known.N)
	case oldSize == 0 || oldSize == c.N:
		if len(proof) > 0 {
			return http.StatusUnprocessableEntity, "a proof of nothing"
		}
	default:
		if err := tlog.CheckTree(proof, c.N, c.Hash, known.N, known.Hash); err != nil {
			return http.StatusUnprocessableEntity, "not consistent"
		}
	}
	return http.StatusOK, ""
}
