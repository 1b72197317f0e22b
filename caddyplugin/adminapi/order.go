package adminapi

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/caddyserver/caddy/v2"
	"golang.org/x/mod/sumdb/note"

	"github.com/sparkoo/transfergate/internal/approval"
	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/record"
)

// An order is a request that changes something: it sets or lifts a hold, makes or
// destroys keys, puts a policy in force. Whoever can open the admin address could give
// it, and on a port that is everybody on the machine. So an order comes over a unix
// socket that others may not open, or it is signed by an operator whose key the
// configuration names: a signed note (C2SP) of the request and of a challenge that the
// gateway gave for it, which is good for one order.

// orderField carries the signed note, in base64.
const orderField = "Transfer-Order"

// How long a challenge is good, and the longest body of an order, in bytes.
const (
	challengeLife = time.Minute
	maxOrder      = 64 << 10
)

// Operators are those whose orders are obeyed on any address. A nil one knows nobody:
// then orders come over a unix socket alone.
type Operators struct {
	keys   *approval.Keys
	secret [sha256.Size]byte // makes challenges
	now    func() time.Time

	mu   sync.Mutex
	used map[string]time.Time // challenges of orders, with their ends; guarded by mu
}

// NewOperators reads public keys as approval.ReadKeys does; nil for none.
func NewOperators(given []string, now func() time.Time) (*Operators, error) {
	if len(given) == 0 {
		return nil, nil
	}
	keys, err := approval.ReadKeys(given)
	if err != nil {
		return nil, fmt.Errorf("operators: %w", err)
	}
	if keys.Len() == 0 {
		return nil, fmt.Errorf("operators: %s names no key", strings.Join(given, " "))
	}
	o := &Operators{keys: keys, now: now, used: make(map[string]time.Time)}
	rand.Read(o.secret[:])
	return o, nil
}

// IDs are the keys' names with their hashes, in the order given.
func (o *Operators) IDs() []string {
	if o == nil {
		return nil
	}
	return o.keys.IDs()
}

// errNobody refuses an order of somebody who may be anybody.
var errNobody = errors.New("this changes something, and anybody on this machine could have asked: ask over a unix socket that " +
	"only its owner may open (admin unix//run/transfergate/admin.sock|0600), or sign with the key of one of the Caddyfile's operators (--sign FILE)")

// forOrder is forGateway for orders. Who gives one is an entry of the ledger before it is
// obeyed.
func forOrder(answer func(Gateway, http.ResponseWriter, *http.Request) error) caddy.AdminHandlerFunc {
	return forOperator(func(g Gateway, by giver, w http.ResponseWriter, r *http.Request) error {
		if err := noteOrder(g, r.Pattern, by.entry); err != nil {
			return unavailable(err)
		}
		return answer(g, w, r)
	})
}

// forOperator is forGateway for what only somebody may ask who may give orders.
func forOperator(answer func(Gateway, giver, http.ResponseWriter, *http.Request) error) caddy.AdminHandlerFunc {
	return forGateway(func(g Gateway, w http.ResponseWriter, r *http.Request) error {
		by, err := g.Operators().admit(w, r)
		if err != nil {
			return caddy.APIError{HTTPStatus: http.StatusForbidden, Err: err}
		}
		g.Ordered(r.Pattern, by.name)
		return answer(g, by, w, r)
	})
}

// giver is who gives an order.
type giver struct {
	name  string // for the log
	entry string // for the ledger: no name, which may be a person's
}

// noteOrder writes the entry of an order.
func noteOrder(g Gateway, order, by string) error {
	c := g.Recorder().Find(record.DefaultClass)
	release, open := c.Acquire()
	if !open {
		return ledger.ErrClosed
	}
	defer release()
	return c.Log().Order(order, by)
}

// admit tells who gives an order: an operator's key, or the socket. The
// error says why it is not obeyed. The body can be read afterwards.
func (o *Operators) admit(w http.ResponseWriter, r *http.Request) (by giver, err error) {
	signed := r.Header.Get(orderField)
	if signed == "" {
		if ownSocket(r) {
			return giver{"the admin socket", "socket"}, nil
		}
		return by, errNobody
	}
	if o == nil {
		return by, errors.New("the configuration names no operators, so nobody can sign orders: name their keys with 'operators KEYS...'")
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxOrder))
	if err != nil {
		return by, fmt.Errorf("reading the order: %w", err)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	text, err := base64.StdEncoding.DecodeString(signed)
	if err != nil {
		return by, fmt.Errorf("the field %s is no base64", orderField)
	}
	n, err := o.keys.Open(text)
	if err != nil {
		return by, fmt.Errorf("the order is not signed by one of the operators: %w", err)
	}
	lines := strings.Split(n.Text, "\n")
	challenge := lines[max(0, len(lines)-2)]
	if n.Text != orderText(r.Method, r.URL.EscapedPath(), body, challenge) {
		return by, errors.New("what the operator signed is another order")
	}
	if err := o.use(challenge); err != nil {
		return by, err
	}
	return giver{n.Sigs[0].Name, fmt.Sprintf("key %08x", n.Sigs[0].Hash)}, nil
}

// orderText is what an operator signs.
func orderText(method, path string, body []byte, challenge string) string {
	sum := sha256.Sum256(body)
	return fmt.Sprintf("transfergate order\n%s %s\n%s\n%s\n", method, path, base64.StdEncoding.EncodeToString(sum[:]), challenge)
}

// ownSocket reports whether a request came over a unix socket that is not for
// everybody: whoever may write to it may connect.
func ownSocket(r *http.Request) bool {
	addr, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	if !ok || addr.Network() != "unix" {
		return false
	}
	info, err := os.Lstat(addr.String())
	return err == nil && info.Mode().Type() == os.ModeSocket && info.Mode().Perm()&0o006 == 0
}

// challenge makes one: its end, random bytes, and a code that says that it is ours.
func (o *Operators) challenge() string {
	var c [8 + 16 + sha256.Size]byte
	binary.BigEndian.PutUint64(c[:8], uint64(o.now().Add(challengeLife).UnixMilli()))
	rand.Read(c[8:24])
	copy(c[24:], o.code(c[:24]))
	return base64.RawURLEncoding.EncodeToString(c[:])
}

func (o *Operators) code(data []byte) []byte {
	mac := hmac.New(sha256.New, o.secret[:])
	mac.Write(data)
	return mac.Sum(nil)
}

// use takes a challenge for an order, once. What is kept is bounded by the orders that
// operators sign in a minute.
func (o *Operators) use(text string) error {
	c, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(c) != 24+sha256.Size || !hmac.Equal(c[24:], o.code(c[:24])) {
		return errors.New("the order is not signed for this gateway, or for the time before its configuration was loaded: sign it anew")
	}
	now, end := o.now(), time.UnixMilli(int64(binary.BigEndian.Uint64(c[:8])))
	o.mu.Lock()
	defer o.mu.Unlock()
	for old, ended := range o.used {
		if now.After(ended) {
			delete(o.used, old)
		}
	}
	_, again := o.used[string(c)]
	switch {
	case now.After(end):
		return errors.New("the order was signed more than a minute ago: sign it anew")
	case again:
		return errors.New("the order was given already: sign it anew")
	}
	o.used[string(c)] = end
	return nil
}

// orderRoutes are for those who sign.
var orderRoutes = []caddy.AdminRoute{
	{Pattern: "GET /transfer/challenge", Handler: forGateway(answerChallenge)},
}

// Challenge is what an operator signs an order with.
type Challenge struct {
	Challenge string `json:"challenge"`
}

func answerChallenge(g Gateway, w http.ResponseWriter, _ *http.Request) error {
	o := g.Operators()
	if o == nil {
		return notFound(errors.New("the configuration names no operators"))
	}
	return answerJSON(w, Challenge{o.challenge()})
}

// Sign asks the gateway for a challenge and returns the field by which a request with
// that body is the operator's order.
func (c Client) Sign(method, path string, body []byte) (name, value string, err error) {
	signer, err := note.NewSigner(strings.TrimSpace(c.Key))
	if err != nil {
		return "", "", fmt.Errorf("the operator's key: %w; 'transfer policy keygen' makes one", err)
	}
	answer, err := ask[Challenge](Client{Address: c.Address}, http.MethodGet, "/transfer/challenge", nil)
	if err != nil {
		return "", "", err
	}
	signed, err := note.Sign(&note.Note{Text: orderText(method, path, body, answer.Challenge)}, signer)
	if err != nil {
		return "", "", fmt.Errorf("signing the order: %w", err)
	}
	return orderField, base64.StdEncoding.EncodeToString(signed), nil
}
