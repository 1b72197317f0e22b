package record

// Order says that somebody gave an order that changes what the gateway or its ledger
// holds to, and who. It is durable before the order is obeyed; what came of it is in the
// entries that follow.
type Order struct {
	Header        // Type is TypeOrder
	Order  string // route of the admin API, or the command on a folder that nobody writes
	By     string // see the row
}

// Append appends the entry and fills in ID and Salt if they are zero.
func (o *Order) Append(dst []byte) []byte {
	o.stamp(TypeOrder)
	return orderTable.append(dst, o)
}

// Parse sets the entry to the one that data holds. The error is an [*Error].
func (o *Order) Parse(data []byte) error { return parse(orderTable, o, data, TypeOrder) }

func (o *Order) parse(data []byte) error { return o.Parse(data) }

var orderTable = entryTable([]string{TypeOrder},
	row("order", Label, func(o *Order) field { return (*must)(&o.Order) },
		"what was ordered: route of the admin API, or the command on a folder that nobody writes", "§5(g)").since(version2),
	row("ordered_by", Label, func(o *Order) field { return (*must)(&o.By) },
		"who: key and the hash of the operator's public key that signed it; socket for the admin socket of the gateway's own user; uid and a number for the user of the system who ran the command", "§5(g)").since(version2),
)
