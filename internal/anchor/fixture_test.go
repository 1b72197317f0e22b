package anchor_test

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/sparkoo/transfergate/internal/anchor"
	"github.com/sparkoo/transfergate/internal/tiles/tilestest"
)

// witnessServer is a witness as C2SP tlog-witness describes it, with torchwood's
// checkpoints and cosignatures, for one log.
type witnessServer struct {
	*httptest.Server
	vkey string

	mu       sync.Mutex
	signer   *torchwood.CosignatureSigner
	log      note.Verifier
	tree     tlog.Tree
	requests int
	fail     int    // a status to answer instead
	say      string // what to answer with it
}

func newWitnessServer(t *testing.T, name string, log *tilestest.Log) *witnessServer {
	t.Helper()
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	w := &witnessServer{log: log.Key()}
	if w.signer, err = torchwood.NewCosignatureSigner(name, key); err != nil {
		t.Fatal(err)
	}
	w.vkey = w.signer.Verifier().String()
	mux := http.NewServeMux()
	mux.HandleFunc("POST /some/prefix/add-checkpoint", w.addCheckpoint)
	w.Server = httptest.NewServer(mux)
	t.Cleanup(w.Close)
	return w
}

func (w *witnessServer) client(t *testing.T) *anchor.Witness {
	t.Helper()
	c, err := anchor.NewWitness(w.URL+"/some/prefix/", w.vkey)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (w *witnessServer) addCheckpoint(rw http.ResponseWriter, r *http.Request) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.requests++
	if w.fail != 0 {
		rw.WriteHeader(w.fail)
		_, _ = io.WriteString(rw, w.say)
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(err)
	}
	status, answer := w.answer(string(body))
	if status == http.StatusConflict {
		rw.Header().Set("Content-Type", "text/x.tlog.size")
	}
	rw.WriteHeader(status)
	_, _ = io.WriteString(rw, answer)
}

// answer follows the steps of the specification in their order.
func (w *witnessServer) answer(body string) (int, string) {
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
	if origin != w.log.Name() {
		return http.StatusNotFound, "unknown log"
	}
	n, err := note.Open([]byte(signed), note.VerifierList(w.log))
	if err != nil {
		return http.StatusForbidden, "unknown key"
	}
	c, err := torchwood.ParseCheckpoint(n.Text)
	switch {
	case err != nil || oldSize > c.N:
		return http.StatusBadRequest, "old size above the checkpoint's"
	case oldSize != w.tree.N, oldSize == c.N && oldSize > 0 && c.Hash != w.tree.Hash:
		return http.StatusConflict, fmt.Sprintf("%d\n", w.tree.N)
	case oldSize == 0 || oldSize == c.N:
		if len(proof) > 0 {
			return http.StatusUnprocessableEntity, "a proof of nothing"
		}
	default:
		if err := tlog.CheckTree(proof, c.N, c.Hash, w.tree.N, w.tree.Hash); err != nil {
			return http.StatusUnprocessableEntity, "not consistent"
		}
	}
	w.tree = c.Tree
	cosigned, err := note.Sign(&note.Note{Text: n.Text}, w.signer)
	if err != nil {
		panic(err)
	}
	return http.StatusOK, string(cosigned[len(n.Text)+1:])
}

// set changes the witness under its lock.
func (w *witnessServer) set(f func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f()
}

func (w *witnessServer) size() int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.tree.N
}

// keeping starts a keeper of one log and returns it with the file of its
// witnessed checkpoint.
func keeping(t *testing.T, log *tilestest.Log, o anchor.Options) (*anchor.Keeper, string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "checkpoint.witnessed")
	o.Log = func(origin string) (anchor.Log, error) {
		if origin != log.Origin {
			return anchor.Log{}, errors.New("another log")
		}
		return anchor.Log{Source: log, Key: log.Key(), Witnessed: file}, nil
	}
	o.Pause = func(int) time.Duration { return time.Millisecond }
	k := anchor.New(o)
	t.Cleanup(k.Close)
	return k, file
}

// offer signs the log at a size and offers it.
func offer(t *testing.T, k *anchor.Keeper, log *tilestest.Log, size int) {
	t.Helper()
	log.Fill(size)
	signed, err := log.Checkpoint()
	if err != nil {
		t.Fatal(err)
	}
	k.Offer(signed)
}

// eventually polls until f holds.
func eventually(t *testing.T, what string, f func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !f(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("in vain: %s", what)
		}
	}
}
