package rewrite

// template.go: the client's text with holes. A Template is made once per plan, in positions that hold for every
// statement of the same shape, and rendered per statement and shard without parsing anything.

import (
	"bytes"
	"fmt"
	"sort"
	"strconv"

	"serval/rewrite/fingerprint"
)

// Piece says what is put in an edit's place.
type Piece int8

// The pieces. Ref is the index of a table reference, for which the renderer is given a Target.
const (
	PieceText         Piece = iota // Text
	PieceTable                     // `db`.`table` of Ref, then Text (an alias, say)
	PieceName                      // `table` of Ref
	PieceRows                      // the rows of VALUES that the renderer is told to keep
	PieceDatabase                  // the session's database as a string literal, or NULL
	PieceUser                      // the client's user@host as a string literal
	PieceAccount                   // the client's account, user@%, as a string literal
	PieceConnectionID              // the client's connection id
	PieceLastInsertID              // the session's LAST_INSERT_ID()
	PieceRowCount                  // the session's ROW_COUNT()
	PieceFoundRows                 // the session's FOUND_ROWS()
	PieceWarningCount              // the session's @@warning_count
	PieceErrorCount                // the session's @@error_count
	PieceAcrossGroups              // the session's @@serval_transactions as a string literal
	PieceLimit                     // the row limit the renderer is told to set
	PieceCopy                      // Before, then a copy of another part of the statement, then Text
	PieceAlias                     // AS and a copy of another part of the statement as a quoted name
)

// Edit replaces Len bytes that stand Delta bytes behind the end of slot number Slot-1 (Slot 0: behind the start of
// the text). An edit may span slots: Len counts to the position given by EndSlot and EndDelta.
type Edit struct {
	Slot, Delta       int32
	EndSlot, EndDelta int32
	Piece             Piece
	Ref               int32
	Text              string
	copy              *copied
}

// copied is a part of the statement that an edit repeats elsewhere.
type copied struct {
	before            string
	slot, delta       int32
	endSlot, endDelta int32
}

// Target is what a table reference becomes on one shard, ready quoted.
type Target struct {
	Full string // `db`.`table`
	Name string // `table`
}

// Arguments are what Render needs besides the statement.
type Arguments struct {
	Targets      []Target // per Ref
	Rows         []int32  // PieceRows: indexes into Statement.Rows, ascending
	Database     string
	User         string
	Account      string
	ConnectionID uint32
	LastInsertID uint64
	RowCount     int64
	FoundRows    uint64
	Warnings     int // @@warning_count
	Errors       int // @@error_count
	AcrossGroups string
	Limit        uint64
}

// Template is an ordered list of edits that do not overlap.
type Template struct {
	edits []Edit
}

// Builder collects edits given in offsets of one statement's text.
type Builder struct {
	st    *fingerprint.Statement
	edits []Edit
}

// NewBuilder starts a template for statements of st's shape.
func NewBuilder(st *fingerprint.Statement) *Builder { return &Builder{st: st} }

// Replace puts a piece in the place of Text[start:end].
func (b *Builder) Replace(start, end int, piece Piece, ref int, text string) {
	e := Edit{Piece: piece, Ref: int32(ref), Text: text}
	e.Slot, e.Delta = b.position(start)
	e.EndSlot, e.EndDelta = b.position(end)
	b.edits = append(b.edits, e)
}

// ExtendTemplate starts a template with the edits of another one for the same shape.
func ExtendTemplate(st *fingerprint.Statement, t *Template) *Builder {
	return &Builder{st: st, edits: append([]Edit(nil), t.edits...)}
}

// Copy puts before + Text[start:end] + after at an offset. Edits do not apply inside the copy: see Touches.
func (b *Builder) Copy(at int, before string, start, end int, after string) {
	c := &copied{before: before}
	c.slot, c.delta = b.position(start)
	c.endSlot, c.endDelta = b.position(end)
	e := Edit{Piece: PieceCopy, Text: after, copy: c}
	e.Slot, e.Delta = b.position(at)
	e.EndSlot, e.EndDelta = e.Slot, e.Delta
	b.edits = append(b.edits, e)
}

// Alias names what ends at an offset by Text[start:end], unless it has been named so already.
func (b *Builder) Alias(at, start, end int) {
	slot, delta := b.position(at)
	for _, e := range b.edits {
		if e.Piece == PieceAlias && e.Slot == slot && e.Delta == delta {
			return
		}
	}
	b.Copy(at, "", start, end, "")
	b.edits[len(b.edits)-1].Piece = PieceAlias
}

// Touches tells whether an edit changes something in Text[start:end].
func (b *Builder) Touches(start, end int) bool {
	for _, e := range b.edits {
		if offset(b.st, e.Slot, e.Delta) < end && offset(b.st, e.EndSlot, e.EndDelta) > start {
			return true
		}
	}
	return false
}

// Insert puts text at an offset.
func (b *Builder) Insert(at int, text string) { b.Replace(at, at, PieceText, 0, text) }

// Remove cuts Text[start:end] out.
func (b *Builder) Remove(start, end int) { b.Replace(start, end, PieceText, 0, "") }

// position gives an offset relative to the slot before it.
func (b *Builder) position(at int) (slot, delta int32) {
	n := sort.Search(len(b.st.Slots), func(i int) bool { return int(b.st.Slots[i].End) > at })
	if n == 0 {
		return 0, int32(at)
	}
	return int32(n), int32(at) - b.st.Slots[n-1].End
}

// Template returns the edits in order; an error when two of them overlap.
func (b *Builder) Template() (Template, error) {
	sort.SliceStable(b.edits, func(i, j int) bool {
		x, y := &b.edits[i], &b.edits[j]
		if x.Slot != y.Slot {
			return x.Slot < y.Slot
		}
		return x.Delta < y.Delta
	})
	for i := 1; i < len(b.edits); i++ {
		x, y := &b.edits[i-1], &b.edits[i]
		if x.EndSlot > y.Slot || x.EndSlot == y.Slot && x.EndDelta > y.Delta {
			return Template{}, fmt.Errorf("edits %d and %d of a statement overlap", i-1, i)
		}
	}
	return Template{edits: b.edits}, nil
}

// KeepsParameters tells whether a prepared statement has the same parameters in the same order after rendering, whatever
// the arguments: nothing that could hold one is cut out, repeated or chosen from.
func (t *Template) KeepsParameters() bool {
	for i := range t.edits {
		e := &t.edits[i]
		if e.Slot != e.EndSlot || e.Piece == PieceCopy || e.Piece == PieceRows {
			return false
		}
	}
	return true
}

// Parameters appends the numbers of the parameters that Render's text has, in its order.
func (t *Template) Parameters(dst []uint16, st *fingerprint.Statement, args *Arguments) []uint16 {
	at := 0
	for i := range t.edits {
		e := &t.edits[i]
		dst = parametersIn(dst, st, at, offset(st, e.Slot, e.Delta))
		switch e.Piece {
		case PieceCopy:
			dst = parametersIn(dst, st, offset(st, e.copy.slot, e.copy.delta), offset(st, e.copy.endSlot, e.copy.endDelta))
		case PieceRows:
			for _, r := range args.Rows {
				dst = parametersIn(dst, st, int(st.Rows[r].Start), int(st.Rows[r].End))
			}
		}
		at = offset(st, e.EndSlot, e.EndDelta)
	}
	return parametersIn(dst, st, at, st.End)
}

// parametersIn appends the numbers of the parameters in Text[start:end].
func parametersIn(dst []uint16, st *fingerprint.Statement, start, end int) []uint16 {
	first := sort.Search(len(st.Literals), func(i int) bool { return int(st.Literals[i].Start) >= start })
	for _, l := range st.Literals[first:] {
		if int(l.Start) >= end {
			break
		}
		if l.Kind == fingerprint.Parameter {
			dst = append(dst, l.Number)
		}
	}
	return dst
}

// Untouched tells whether rendering gives the client's text as it is.
func (t *Template) Untouched() bool { return len(t.edits) == 0 }

// Render appends the physical SQL to dst.
func (t *Template) Render(dst []byte, st *fingerprint.Statement, args *Arguments) []byte {
	at := 0
	for i := range t.edits {
		e := &t.edits[i]
		dst = append(dst, st.Text[at:offset(st, e.Slot, e.Delta)]...)
		dst = e.append(dst, st, args)
		at = offset(st, e.EndSlot, e.EndDelta)
	}
	return append(dst, st.Text[at:st.End]...)
}

func offset(st *fingerprint.Statement, slot, delta int32) int {
	if slot == 0 {
		return int(delta)
	}
	return int(st.Slots[slot-1].End + delta)
}

func (e *Edit) append(dst []byte, st *fingerprint.Statement, args *Arguments) []byte {
	switch e.Piece {
	case PieceText:
	case PieceCopy:
		dst = append(dst, e.copy.before...)
		dst = append(dst, st.Text[offset(st, e.copy.slot, e.copy.delta):offset(st, e.copy.endSlot, e.copy.endDelta)]...)
	case PieceAlias:
		dst = append(dst, " AS `"...)
		for _, c := range st.Text[offset(st, e.copy.slot, e.copy.delta):offset(st, e.copy.endSlot, e.copy.endDelta)] {
			if c == '`' {
				dst = append(dst, c)
			}
			dst = append(dst, c)
		}
		dst = append(dst, '`')
	case PieceTable:
		dst = append(dst, args.Targets[e.Ref].Full...)
	case PieceName:
		dst = append(dst, args.Targets[e.Ref].Name...)
	case PieceRows:
		dst = appendRows(dst, st, args.Rows)
	case PieceDatabase:
		if args.Database == "" {
			dst = append(bytes.TrimSuffix(dst, introducer), "NULL"...)
		} else {
			dst = AppendString(dst, args.Database, st.Mode)
		}
	case PieceUser:
		dst = AppendString(dst, args.User, st.Mode)
	case PieceAccount:
		dst = AppendString(dst, args.Account, st.Mode)
	case PieceConnectionID:
		dst = strconv.AppendUint(dst, uint64(args.ConnectionID), 10)
	case PieceLastInsertID:
		dst = strconv.AppendUint(dst, args.LastInsertID, 10)
	case PieceRowCount:
		dst = strconv.AppendInt(dst, args.RowCount, 10)
	case PieceFoundRows:
		dst = strconv.AppendUint(dst, args.FoundRows, 10)
	case PieceWarningCount:
		dst = strconv.AppendInt(dst, int64(args.Warnings), 10)
	case PieceErrorCount:
		dst = strconv.AppendInt(dst, int64(args.Errors), 10)
	case PieceAcrossGroups:
		dst = AppendString(dst, args.AcrossGroups, st.Mode)
	case PieceLimit:
		dst = strconv.AppendUint(dst, args.Limit, 10)
	}
	return append(dst, e.Text...)
}

// introducer may stand before a string literal; NULL has none.
var introducer = []byte("_utf8mb4")

func appendRows(dst []byte, st *fingerprint.Statement, rows []int32) []byte {
	for i, r := range rows {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, st.Text[st.Rows[r].Start:st.Rows[r].End]...)
	}
	return dst
}

// AppendString writes s as a string literal under the statement's sql_mode.
func AppendString(dst []byte, s string, mode fingerprint.Mode) []byte {
	dst = append(dst, '\'')
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\'':
			dst = append(dst, '\'', '\'')
		case s[i] == '\\' && mode&fingerprint.NoBackslashEscapes == 0:
			dst = append(dst, '\\', '\\')
		default:
			dst = append(dst, s[i])
		}
	}
	return append(dst, '\'')
}
