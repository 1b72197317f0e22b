package decision

// most is how many stops a path has, and how many laws commonly have a say in it.
const most = 6

// stop is a place data comes to, and as what.
type stop struct {
	Place
	kind      LegKind       // of the leg that arrives here
	recipient RecipientKind // under which row of §4 or §9 it arrives
}

// path lists the places data passes through on its way to a region: the person,
// the controller, the node, the store if the activity sets out from there, the
// region, and the staff if they ask. They are appended to stops, which is empty and
// has room for all of them at best.
//
//clause:enforces §9.2; record legs requester; header Data-Transfer; off staff = nil
func (v *view) path(stops []stop, region *Region, d *Decision, staff *Place) []stop {
	a := d.Activity
	stops = append(stops,
		stop{Place: Place{Country: d.Country}},
		stop{Place: Place{d.Controller.ID, d.Controller.Country}, kind: Collection})
	if a.Exporter != FromPerson {
		stops = arrive(stops, stop{v.site.Node, Edge, Operator})
	}
	if a.Exporter == FromStore {
		stops = arrive(stops, stop{Place{v.store.Operator, v.store.Country}, Storage, Operator})
	}
	stops = arrive(stops, destination(region, a))
	if staff != nil {
		stops = arrive(stops, stop{*staff, Access, Affiliate})
	}
	return stops
}

// destination is the region as the last place of the activity itself.
func destination(region *Region, a *Activity) stop {
	at := Place{region.Operator, region.Country}
	switch {
	case a.StorageOnly:
		return stop{at, Storage, Operator}
	case a.Exporter == FromStore:
		return stop{at, Onward, a.Kind}
	default:
		return stop{at, Serving, a.Kind}
	}
}

// arrive adds a stop. The same entity in the same country as the stop before is
// no step of its own; the two become one, as what weighs more.
func arrive(stops []stop, next stop) []stop {
	last := &stops[len(stops)-1]
	if last.Place != next.Place {
		return append(stops, next)
	}
	if weight(next.kind) > weight(last.kind) {
		last.kind, last.recipient = next.kind, next.recipient
	}
	return stops
}

// weight ranks the kinds of legs that end in one place: what the controller
// collects it has, what is stored is there already when staff read it, and
// staff who read it in a region are more than the region.
func weight(k LegKind) int {
	switch k {
	case Collection:
		return 4
	case Storage:
		return 3
	case Access:
		return 2
	case Onward, Serving:
		return 1
	default: // Edge: a node that stands where the data goes anyway
		return 0
	}
}

// legs are the steps between the stops, without the laws' verdicts.
func legs(stops []stop) []Leg {
	list := make([]Leg, len(stops)-1)
	for i := range list {
		from, to := stops[i], stops[i+1]
		list[i] = Leg{
			Kind:          to.kind,
			Exporter:      from.Entity,
			From:          from.Country,
			Recipient:     to.Entity,
			RecipientKind: to.recipient,
			To:            to.Country,
		}
	}
	return list
}

// transfers reports whether data leaves the registered country or reaches an
// entity other than the controller. Of a person without a registered country
// the controller's country is taken.
func transfers(stops []stop, d *Decision) bool {
	home := d.Country
	if home == "" {
		home = d.Controller.Country
	}
	for _, s := range stops[1:] {
		if s.Country != home || s.Entity != d.Controller.ID {
			return true
		}
	}
	return false
}
