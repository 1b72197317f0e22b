package geo_test

import (
	"encoding/binary"
	"maps"
	"net/netip"
	"slices"
)

// database is a MaxMind DB to be written by a test, after
// https://maxmind.github.io/MaxMind-DB/: records of 24 bits, 6 for IPVersion
// unless said otherwise.
type database struct {
	typ       string
	ipVersion int
	nodes     [][2]int // children: a node, empty (below), or record i as record(i)
	records   []any    // string, int or map[string]any
}

const empty = -1

// record is the child of a node that leads to record i.
func record(i int) int { return -2 - i }

// add gives prefix a record of its own. Prefixes must not overlap.
func (d *database) add(prefix string, rec any) {
	d.records = append(d.records, rec)
	d.link(netip.MustParsePrefix(prefix), record(len(d.records)-1))
}

// link lets prefix lead to child. IPv4 prefixes go below ::/96 of an IPv6 tree.
func (d *database) link(prefix netip.Prefix, child int) {
	bits := prefix.Addr().AsSlice()
	length := prefix.Bits()
	if prefix.Addr().Is4() && d.ipVersion != 4 {
		bits = append(make([]byte, 12), bits...)
		length += 96
	}
	if len(d.nodes) == 0 {
		d.nodes = append(d.nodes, [2]int{empty, empty})
	}
	node := 0
	for i := range length {
		side := int(bits[i/8]>>(7-i%8)) & 1
		if i == length-1 {
			d.nodes[node][side] = child
			return
		}
		if d.nodes[node][side] == empty {
			d.nodes = append(d.nodes, [2]int{empty, empty})
			d.nodes[node][side] = len(d.nodes) - 1
		}
		node = d.nodes[node][side]
	}
}

// bytes writes the file.
func (d *database) bytes() []byte {
	if d.ipVersion == 0 {
		d.ipVersion = 6
	}
	var data []byte
	offsets := make([]int, len(d.records))
	for i, rec := range d.records {
		offsets[i] = len(data)
		data = encode(data, rec)
	}
	var file []byte
	for _, node := range d.nodes {
		for _, child := range node {
			pointer := child
			switch {
			case child == empty:
				pointer = len(d.nodes)
			case child < empty:
				pointer = len(d.nodes) + 16 + offsets[-2-child]
			}
			file = append(file, byte(pointer>>16), byte(pointer>>8), byte(pointer))
		}
	}
	file = append(file, make([]byte, 16)...)
	file = append(file, data...)
	file = append(file, "\xab\xcd\xefMaxMind.com"...)
	return encode(file, map[string]any{
		"binary_format_major_version": 2,
		"binary_format_minor_version": 0,
		"build_epoch":                 1_780_344_000, // 2026-06-01T20:00:00Z
		"database_type":               d.typ,
		"description":                 map[string]any{},
		"ip_version":                  d.ipVersion,
		"node_count":                  len(d.nodes),
		"record_size":                 24,
	})
}

// encode appends v in the data section's format.
func encode(to []byte, v any) []byte {
	switch v := v.(type) {
	case string:
		return append(append(to, 2<<5|byte(len(v))), v...) // up to 28 bytes
	case int:
		return binary.BigEndian.AppendUint32(append(to, 6<<5|4), uint32(v))
	case map[string]any:
		to = append(to, 7<<5|byte(len(v)))
		for _, key := range slices.Sorted(maps.Keys(v)) {
			to = encode(encode(to, key), v[key])
		}
		return to
	}
	panic("encode: unexpected type")
}

// countryRecord is a record of the GeoIP2 Country schema.
func countryRecord(code string) map[string]any {
	return map[string]any{"country": map[string]any{"iso_code": code}}
}
