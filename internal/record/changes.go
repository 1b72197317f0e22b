package record

import "time"

// KeyChange says what happened to a key of the pseudonyms, or to all of them.
type KeyChange struct {
	Header        // Type is TypeKeyCreated, TypeKeyDestroyed or TypeKeysRewrapped
	Period string // empty for all
	Master string // names the secret that wraps them from then on
}

// Append appends the entry and fills in ID and Salt if they are zero.
func (k *KeyChange) Append(dst []byte) []byte {
	k.stamp(TypeKeyCreated)
	return keyTable.append(dst, k)
}

// Parse sets the entry to the one that data holds. The error is an [*Error].
func (k *KeyChange) Parse(data []byte) error {
	return parse(keyTable, k, data, TypeKeyCreated, TypeKeyDestroyed, TypeKeysRewrapped)
}

func (k *KeyChange) parse(data []byte) error { return k.Parse(data) }

var keyTable = entryTable([]string{TypeKeyCreated, TypeKeyDestroyed, TypeKeysRewrapped},
	row("master", Label, func(k *KeyChange) field { return (*text)(&k.Master) },
		"name of the secret that wraps the key, or all of them, from then on; absent where a key is destroyed", "§5(h)"),
	row("period", Label, func(k *KeyChange) field { return (*text)(&k.Period) },
		"period of the key; absent where it is about all of them", "§5(h)", "7-right(c)"),
)

// HoldChange says that epochs are kept beyond their time for a court or an authority, or
// no longer.
type HoldChange struct {
	Header // Type is TypeHoldSet or TypeHoldLifted
	Hold   HoldCase
}

// HoldCase is what a hold is for.
type HoldCase struct {
	Ref     string // names the case
	Because string
	By      string // office that wants it set or lifted
	// From and To limit it to epochs with entries of that time; zero for no limit.
	From, To time.Time
	Unknown  []Unknown
}

// Append appends the entry and fills in ID and Salt if they are zero.
func (h *HoldChange) Append(dst []byte) []byte {
	h.stamp(TypeHoldSet)
	return holdTable.append(dst, h)
}

// Parse sets the entry to the one that data holds. The error is an [*Error].
func (h *HoldChange) Parse(data []byte) error {
	return parse(holdTable, h, data, TypeHoldSet, TypeHoldLifted)
}

func (h *HoldChange) parse(data []byte) error { return h.Parse(data) }

var holdTable = entryTable([]string{TypeHoldSet, TypeHoldLifted},
	row("hold", NoColumn, func(h *HoldChange) field { return whole[HoldCase]{&h.Hold, holdCaseTable} },
		"what is held", "§6"),
)

var holdCaseTable = newObject(func(h *HoldCase) *[]Unknown { return &h.Unknown },
	row("because", NoColumn, func(h *HoldCase) field { return (*text)(&h.Because) },
		"why the hold is set, or lifted", "§6"),
	row("by", Label, func(h *HoldCase) field { return (*text)(&h.By) },
		"office that wants it; it names no person", "§6", "§5(g)"),
	row("from", Moment, func(h *HoldCase) field { return (*maybe)(&h.From) },
		"epochs are held that have entries from then on; absent for no limit", "§6"),
	row("ref", Label, func(h *HoldCase) field { return (*text)(&h.Ref) },
		"case that the hold is for; it names no person", "§6"),
	row("to", Moment, func(h *HoldCase) field { return (*maybe)(&h.To) },
		"epochs are held that have entries until then; absent for no limit", "§6"),
)
