package proxy

// sortkeys.go: how the rows of a scatter are compared: the plan's sort keys, and what only the result's own columns and
// the servers' collations tell.

import (
	"io"
	"strings"

	"serval/proxy/merge"
	"serval/proxy/wire"
	"serval/router"
)

// mergedStream puts the shards' streams in order.
func (c *session) mergedStream(sc *router.Scatter, g *gathered, visible int) (merge.Stream, uint64, error) {
	if len(sc.Keys) == 0 {
		return merge.NewSequence(g.streams), c.route.Offset, nil
	}
	k := &keyMaker{session: c, layout: g.layout, visible: visible, defs: g.results[0].Columns, streams: g.streams, more: len(sc.Keys) > 1}
	var keys []merge.Key
	for i := range sc.Keys {
		key, err := k.key(&sc.Keys[i])
		if err != nil {
			return nil, 0, err
		}
		keys = append(keys, key)
	}
	return merge.NewSorted(k.streams, keys, g.layout), c.route.Offset, nil
}

// keyMaker turns the plan's sort keys into what the merge compares.
type keyMaker struct {
	session *session
	visible int
	defs    [][]byte
	streams []merge.Stream
	layout  *merge.Layout
	more    bool // several keys: where a server cuts long strings matters
}

func (k *keyMaker) key(s *router.SortKey) (merge.Key, error) {
	key := merge.Key{Column: s.Column, Desc: s.Desc}
	if s.Column < 0 {
		key.Column = k.visible + s.Hidden
	}
	switch s.Class {
	case router.SortNumber:
		key.Kind = merge.Decimal
	case router.SortFloat:
		key.Kind = merge.Float
	case router.SortBytes:
		key.Kind = merge.Bytes
	case router.SortTime:
		key.Kind = merge.Time
	case router.SortText:
		return k.text(key, s.Collation)
	case router.SortArithmetic:
		return k.arithmetic(key)
	case router.SortUnknown:
		return k.unknown(key, s)
	}
	return key, nil
}

// text compares weights as the collation does.
func (k *keyMaker) text(key merge.Key, collation string) (merge.Key, error) {
	known := k.session.known
	space := known.catalog.SpaceWeights[collation]
	if space == nil || unsortable(collation, known.flavor.mariadb) {
		return key, notSupported("Serval does not support ORDER BY under the collation %s over several shards", collation)
	}
	key.Kind = merge.Bytes
	if len(space) > 0 {
		key.Kind, key.SpaceWeight = merge.Padded, space
	}
	if k.more {
		key.MaxLength = sortLength(collation, space, known.flavor.mariadb)
	}
	return key, nil
}

// unsortable are the collations whose ORDER BY is not the order of WEIGHT_STRING (found by trying all; see
// merge/compare.go).
func unsortable(collation string, mariadb bool) bool {
	switch collation {
	case "big5_chinese_ci", "gb18030_chinese_ci", "tis620_thai_ci", "latin7_general_ci", "latin7_general_cs", "latin7_estonian_cs",
		"cp1250_czech_cs", "big5_chinese_nopad_ci", "tis620_thai_nopad_ci":
		return true
	}
	return mariadb && (strings.HasSuffix(collation, "_as_ci") || strings.HasSuffix(collation, "_as_cs") || strings.HasSuffix(collation, "_ai_cs") ||
		strings.HasSuffix(collation, "_thai_520_w2"))
}

// sortLength is how many bytes of weights the servers sort by, 0 for all (see merge/compare.go).
func sortLength(collation string, space []byte, mariadb bool) int {
	const maxSortLength = 1024
	switch {
	case !mariadb && len(space) == 0:
		return 0
	case mariadb && strings.HasPrefix(collation, "utf8") && (strings.Contains(collation, "_general_") || strings.HasSuffix(collation, "bin")):
		return maxSortLength * max(1, len(space))
	}
	return maxSortLength
}

// arithmetic decides by the type of the hidden value: it is followed by the same as a double.
func (k *keyMaker) arithmetic(key merge.Key) (merge.Key, error) {
	var def wire.Column
	if err := wire.ParseColumn(k.defs[key.Column], &def); err != nil {
		return key, err
	}
	key.Kind = merge.Decimal
	if def.Type == wire.TypeDouble || def.Type == wire.TypeFloat {
		key.Kind = merge.Float
		key.Column++
	}
	return key, nil
}

// unknown decides by the type of the hidden value: it is followed by its WEIGHT_STRING and its COLLATION.
func (k *keyMaker) unknown(key merge.Key, s *router.SortKey) (merge.Key, error) {
	var def wire.Column
	if err := wire.ParseColumn(k.defs[key.Column], &def); err != nil {
		return key, err
	}
	switch def.Type {
	case wire.TypeTiny, wire.TypeShort, wire.TypeInt24, wire.TypeLong, wire.TypeLongLong, wire.TypeNewDecimal, wire.TypeDecimal, wire.TypeYear:
		key.Kind = merge.Decimal
	case wire.TypeDate, wire.TypeDatetime:
		if s.Extreme && k.session.known.flavor.mariadb {
			return key, notSupported("Serval does not support ORDER BY GREATEST or LEAST of dates over several shards of MariaDB, which sorts invalid dates unlike it shows them")
		}
		key.Kind = merge.Bytes
	case wire.TypeTime:
		key.Kind = merge.Time
	case wire.TypeNull:
		key.Kind = merge.Bytes
	case wire.TypeVarString, wire.TypeString, wire.TypeVarchar, wire.TypeBlob, wire.TypeTinyBlob, wire.TypeMediumBlob, wire.TypeLongBlob:
		return k.unknownText(key) // the result's character set says nothing: with NAMES binary all are binary
	default:
		return key, notSupported("Serval does not support ORDER BY an expression of this type (%d) over several shards: order by a column", def.Type)
	}
	return key, nil
}

// unknownText reads the collation from the first row of any shard, and compares the weights behind the value.
func (k *keyMaker) unknownText(key merge.Key) (merge.Key, error) {
	collation := ""
	for i, s := range k.streams {
		p := &peeked{Stream: s}
		k.streams[i] = p
		row, err := p.look()
		if err == io.EOF {
			continue
		}
		if err != nil {
			return key, k.session.mergeFailed(err)
		}
		name, _, err := k.layout.Field(row, key.Column+2)
		if err != nil {
			return key, err
		}
		collation = string(name) // a copy: the row is the stream's
	}
	if collation == "" || collation == "binary" { // no rows at all, or bytes
		key.Kind = merge.Bytes
		return key, nil
	}
	key.Column++
	return k.text(key, collation)
}

// peeked is a stream whose first row has been looked at.
type peeked struct {
	merge.Stream
	row    []byte
	err    error
	looked bool
}

func (p *peeked) look() ([]byte, error) {
	p.row, p.err = p.Stream.Next()
	p.looked = true
	return p.row, p.err
}

// Next implements merge.Stream.
func (p *peeked) Next() ([]byte, error) {
	if p.looked {
		p.looked = false
		return p.row, p.err
	}
	return p.Stream.Next()
}
