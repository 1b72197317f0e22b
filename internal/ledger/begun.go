package ledger

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"

	"golang.org/x/mod/sumdb/note"

	"github.com/sparkoo/transfergate/internal/ledger/format"
	"github.com/sparkoo/transfergate/internal/record"
	"github.com/sparkoo/transfergate/internal/tiles"
)

// ErrLost: the folder holds less than was begun there: no epoch, or not the newest
// one. It was removed, put back from before, or its volume is not mounted. Put it back,
// or begin anew with NewEpoch.
var ErrLost = errors.New("the ledger that was here is gone")

// ErrOtherNode: the newest epoch was begun by another node than Options.Node. Its
// records would be named after one node in the log of another.
var ErrOtherNode = errors.New("the ledger belongs to another node")

// otherNode says whose the ledger is, and the two lawful ways on.
func (l *Log) otherNode(owner string) error {
	return fmt.Errorf("%w: %s is the ledger of node '%s', and the configuration names node '%s'; nothing was changed; either name another folder, for a ledger "+
		"of its own, or have this one go on under the new name by 'transfergate transfer ledger adopt %s --node %[4]s --because REASON'",
		ErrOtherNode, l.dir, owner, l.o.Node, l.dir)
}

// lost says what is missing, and the two lawful ways on.
func (l *Log) lost(what string) error {
	return fmt.Errorf("%w: %s; nothing was changed; either mount the volume or put the folder back as it was last, or begin anew by "+
		"'transfergate transfer ledger epoch new %s --because REASON'", ErrLost, what, l.dir)
}

// readNote reads the note beside the folder, see format.Begun.
func (l *Log) readNote() (format.Begun, error) {
	begun, err := format.ReadBegun(l.o.FS, l.dir)
	if err == nil && begun.There && begun.Origin == "" {
		l.o.Logger.Warn("the note beside the ledger's folder names no epoch; it is written anew", "file", format.BegunPath(l.dir))
	}
	return begun, err
}

// checkNoted makes sure that the epoch, as it was read, holds what the note beside the
// folder knows of it.
func (l *Log) checkNoted(e format.Epoch) error {
	begun, err := l.readNote()
	if err != nil {
		return err
	}
	c, some, err := begun.Of(e)
	if err != nil { // who could write it could have removed it
		l.o.Logger.Warn("the checkpoint in the note beside the ledger's folder is not signed with the ledger's key; it is written anew",
			"file", format.BegunPath(l.dir), "error", err)
	}
	if !some {
		return nil
	}
	return l.integrator.tree.Covers(c, format.BegunPath(l.dir))
}

// checkThere makes sure that the folder, whose newest epoch is e if ok, is not less
// than was begun there.
func (l *Log) checkThere(e format.Epoch, ok bool) error {
	begun, err := l.readNote()
	if err != nil {
		return err
	}
	note, origin, number := format.BegunPath(l.dir), begun.Origin, begun.Number()
	if !ok && l.o.Demo && !l.rotate {
		if number > 0 {
			l.o.Logger.Warn("the ledger that was here is gone, with every record; one is begun anew because this is a demo: without 'demo' the gateway would not start",
				"dir", l.dir, "begun", origin, "note", note)
		}
		return nil
	}
	switch {
	case !ok && number > 0:
		return l.lost(fmt.Sprintf("%s holds no epoch, but %s says that %s was begun there", l.dir, note, origin))
	case ok && e.Number < number:
		return l.lost(fmt.Sprintf("the newest epoch in %s is %s, but %s says that %s was begun there", l.dir, e.Origin, note, origin))
	case ok && e.Number == number && e.Origin != origin:
		return l.lost(fmt.Sprintf("%s holds %s, but %s says that %s was begun there", l.dir, e.Origin, note, origin))
	case ok:
		return nil
	case l.rotate:
		return l.lost(l.dir + " holds no epoch")
	}
	names, err := l.o.FS.Names(l.dir)
	if err != nil {
		return fmt.Errorf("listing the ledger: %w", err)
	}
	for _, name := range names {
		if slices.Contains([]string{format.KeysName, format.PolicyName, format.HoldsName, format.OverdueName}, name) || format.IsDeleted(name) {
			return l.lost(fmt.Sprintf("%s holds no epoch, but %s, which only a ledger with epochs has", l.dir, filepath.Join(l.dir, name)))
		}
	}
	return nil
}

// checkFirst makes sure that an epoch with entries and no checkpoint was just begun: the
// first checkpoint is durable before anybody's entry is written, and so before the note
// beside the folder names the epoch, or anything is kept that only an open ledger keeps.
func (l *Log) checkFirst(e format.Epoch) error {
	signed, _, err := format.ReadCheckpoint(l.o.FS, l.epochDir, e)
	if err != nil || signed != nil {
		return err
	}
	begun, err := l.readNote()
	if err != nil {
		return err
	}
	if begun.Origin == e.Origin {
		return format.MissingCheckpoint(l.epochDir, format.BegunPath(l.dir)+" names the epoch")
	}
	if e.Previous != nil {
		return nil // what is kept may be of an epoch before
	}
	names, err := l.o.FS.Names(l.dir)
	if err != nil {
		return fmt.Errorf("listing the ledger: %w", err)
	}
	for _, name := range names {
		if slices.Contains([]string{format.PolicyName, format.HoldsName, format.OverdueName, format.LastPolicyName}, name) {
			return format.MissingCheckpoint(l.epochDir, "there is "+filepath.Join(l.dir, name))
		}
	}
	return nil
}

// hasNoEntries reports whether nothing was written to any epoch of the folder, so that
// there need be no keys of pseudonyms.
func (l *Log) hasNoEntries() (bool, error) {
	numbers, _, err := format.ListEpochs(l.o.FS, l.dir)
	for _, number := range numbers {
		for _, sub := range []string{"seg", "sealed"} {
			names, err := l.o.FS.Names(filepath.Join(format.EpochDir(l.dir, number), sub))
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return false, fmt.Errorf("listing the ledger's segments: %w", err)
			}
			if len(names) > 0 {
				return false, nil
			}
		}
	}
	return true, err
}

// ledgerID is the id in the origins of a ledger that is begun without a word about an
// earlier one. It follows from what the configuration and the key name, so that a
// witness can be asked for it by who has lost the folder, and so that two ledgers of
// one node, class and key are one log to a witness, which signs only one of them.
func ledgerID(node, class string, key ed25519.PrivateKey) string {
	sum := sha256.New()
	sum.Write(fmt.Appendf(nil, "transfergate: the id of a ledger\n%s\n%s\n", node, class)) // a hash never fails
	sum.Write(key.Public().(ed25519.PublicKey))
	return hex.EncodeToString(sum.Sum(nil)[:8])
}

// firstEpoch begins a ledger in a folder that has none.
func (l *Log) firstEpoch(key ed25519.PrivateKey) (e format.Epoch, err error) {
	e = format.Epoch{Number: 1, Origin: format.OriginOf(l.o.nodeName(), ledgerID(l.o.nodeName(), l.Dir().Class, key), 1)}
	if e, err = l.newEpoch(e, key); err != nil {
		return e, err
	}
	if err := l.askWhoKnows(e, key); err != nil {
		return e, err
	}
	return e, format.CreateEpoch(l.o.FS, l.dir, e)
}

// askWhoKnows asks those who know checkpoints for a ledger that would be begun. A
// checkpoint of no entries contradicts none.
func (l *Log) askWhoKnows(e format.Epoch, key ed25519.PrivateKey) error {
	if l.o.KnownBefore == nil {
		return nil
	}
	signer, _, err := signerOf(key, e.Origin)
	if err != nil {
		return err
	}
	empty, _, err := signTree(format.NewTree(l.o.FS, format.EpochDir(l.dir, e.Number), e), e.Origin, signer)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), elsewhereTimeout)
	defer cancel()
	err = l.o.KnownBefore(ctx, empty, e.Key)
	if errors.Is(err, ErrKnownMore) {
		return l.lost(fmt.Sprintf("%s holds no epoch, but %v", l.dir, err))
	}
	if err != nil {
		l.o.Logger.Warn("nobody could be asked whether there was a ledger before; a new one is begun all the same", "origin", e.Origin, "error", err)
	}
	return nil
}

// beginAnew begins a ledger in a folder whose own is lost, after the last epoch that
// is known of, because an operator has said why.
func (l *Log) beginAnew() error {
	begun, err := l.readNote()
	if err != nil {
		return err
	}
	number := begun.Number()
	switch {
	case number == 0:
		return l.beginLog(nil, 0, "")
	case begun.Signed != nil:
		return l.beginKnown(begun.Signed)
	}
	missing, err := l.firstMissing(number)
	if err != nil {
		return err
	}
	return l.beginLog(&format.Previous{Number: number, Origin: begun.Origin}, number, missing.String())
}

// firstMissing is the place from which on everything up to an epoch is missing.
func (l *Log) firstMissing(number uint32) (record.ID, error) {
	names, err := l.o.FS.Names(l.dir)
	if err != nil {
		return record.ID{}, fmt.Errorf("listing the ledger: %w", err)
	}
	missing := record.ID{Epoch: 1}
	for _, there := range format.EpochNumbers(names) {
		missing.Epoch = there + 1
	}
	missing.Epoch = min(missing.Epoch, number)
	return missing, nil
}

// beginKnown begins a ledger after an epoch of which somebody knows more than the
// folder has, by a checkpoint that was kept elsewhere: the new one commits to it.
func (l *Log) beginKnown(known []byte) error {
	c, err := tiles.ReadCheckpoint(known)
	if err != nil {
		return fmt.Errorf("%s is %w", format.Elsewhere, err)
	}
	old := &format.Previous{Number: format.NumberOf(c.Origin), Origin: c.Origin, Checkpoint: string(known)}
	if old.Number == 0 {
		return fmt.Errorf("%s is of %s, which is no epoch of a ledger", format.Elsewhere, c.Origin)
	}
	names, err := l.o.FS.Names(l.dir)
	if err != nil {
		return fmt.Errorf("listing the ledger: %w", err)
	}
	begun, err := l.readNote()
	if err != nil {
		return err
	}
	number := begun.Number()
	for _, n := range append(format.EpochNumbers(names), old.Number) {
		number = max(number, n)
	}
	key, err := l.loadKey(true)
	if err != nil {
		return err
	}
	if _, old.Key, err = signerOf(key, c.Origin); err != nil {
		return err
	}
	lost, err := l.firstMissing(old.Number)
	if err != nil {
		return err
	}
	if view, err := openView(l.o.FS, l.dir, old.Number); err == nil && view.Origin() == c.Origin {
		old.Key = view.VerifierKey()
		_, latest, err := format.ReadCheckpoint(l.o.FS, view.dir, view.epoch)
		if lost = (record.ID{Epoch: old.Number}); err == nil {
			lost.Index = uint64(latest.N)
		}
		if err == nil && latest.N >= c.N {
			return fmt.Errorf("the ledger has a checkpoint of %d entries of %s, and the one kept elsewhere is of %d: it is not needed to begin a new epoch",
				latest.N, c.Origin, c.N)
		}
	}
	verifier, err := note.NewVerifier(old.Key)
	if err == nil {
		_, err = tiles.OpenCheckpoint(known, verifier)
	}
	if err != nil { // the key went with the folder, or was another one: the reason vouches for it
		l.o.Logger.Warn("a checkpoint kept elsewhere is not signed with a key that is here; the new epoch commits to it all the same",
			"origin", c.Origin, "error", err)
		old.Key = ""
	}
	return l.beginLog(old, number, lost.String())
}

// beginLog begins a log of another id after the epoch number, which vouches for
// nothing in it. lost is the place from which on entries are given up for lost; empty
// for none.
func (l *Log) beginLog(old *format.Previous, number uint32, lost string) (err error) {
	key := l.successor
	if key == nil {
		if key, err = l.loadKey(true); err != nil {
			return err
		}
	}
	origin := format.OriginOf(l.o.nodeName(), format.NewLedgerID(), number+1)
	e, err := l.newEpoch(format.Epoch{Number: number + 1, Origin: origin, Previous: old, Because: l.because, Lost: lost}, key)
	if err != nil {
		return err
	}
	return format.CreateEpoch(l.o.FS, l.dir, e) // the note follows with its first checkpoint
}
