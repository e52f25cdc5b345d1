package fingerprint

// rows.go: the rows of INSERT … VALUES. Rows that look like the first are cut out as one slot, so that a statement
// has one shape however many rows it brings.

// rows reads all rows from the opening parenthesis at start. The first row stays in the shape, its literals as slots;
// the further rows become one slot when they all look like the first. When one does not, scanning starts over
// without this (RowsUniform stays false).
func (sc *scanner) rows(start int) {
	shape := len(sc.Key) + start - sc.copied // where the first row begins in Key
	end, ok := sc.row(start)
	if !ok {
		return
	}
	sc.copyTo(sc.copied, end)
	sc.copied = end
	sc.RowLiterals = int32(len(sc.Literals)) - sc.Rows[0].FirstLiteral
	want := len(sc.Key)
	for {
		ahead := sc.lex
		comma := nextSolid(&ahead)
		open := nextSolid(&ahead)
		if !isByte(sc.Text, comma, ',') || !isByte(sc.Text, open, '(') {
			break
		}
		if sc.rowsOff {
			sc.lex = ahead
			if _, ok := sc.row(open.Start); !ok {
				return
			}
			continue
		}
		if !sc.sameRow(ahead, open.Start, shape, want) {
			sc.RowsUniform = false
			return
		}
	}
	if sc.rowsOff {
		return
	}
	sc.RowsUniform = true
	if n := len(sc.Rows); n > 1 {
		first := int(sc.Rows[1].FirstLiteral)
		sc.cut(SlotRows, end, int(sc.Rows[n-1].End), first, len(sc.Literals)-first)
	}
}

func isByte(text []byte, t Token, c byte) bool {
	return t.Kind == TokenPunctuation && text[t.Start] == c
}

// row reads one row whose opening parenthesis has been consumed, cutting its literals out into slots of their own.
func (sc *scanner) row(start int) (end int, ok bool) {
	sc.Rows = append(sc.Rows, Row{Start: int32(start), FirstLiteral: int32(len(sc.Literals))})
	sc.depth = 1
	sc.sign()
	for sc.depth > 0 {
		t := nextSolid(&sc.lex)
		switch t.Kind {
		case TokenEnd, TokenUnterminated, TokenExecOpen:
			sc.lex.SetPos(t.Start)
			sc.Rows = sc.Rows[:0]
			return 0, false
		case TokenPunctuation:
			sc.rowPunctuation(t)
		case TokenWord:
			if sc.introduced(t) {
				break
			}
			sc.introducer = sc.Text[t.Start] == '_'
			if lit, is := sc.nullLiteral(t); is {
				sc.cut(SlotLiteral, t.Start, t.End, len(sc.Literals), 1)
				sc.Literals = append(sc.Literals, lit)
			}
			continue
		case TokenQuotedName, TokenVariable:
		default:
			sc.literal(t)
		}
		sc.introducer = false
	}
	end = sc.lex.Pos()
	sc.Rows[len(sc.Rows)-1].End = int32(end)
	return end, true
}

// rowPunctuation follows parentheses; a sign that touches a number at the start of a value is part of the number.
func (sc *scanner) rowPunctuation(t Token) {
	switch sc.Text[t.Start] {
	case '(':
		sc.depth++
	case ')':
		sc.depth--
	case ',':
		if sc.depth == 1 {
			sc.sign()
		}
	}
}

// sign cuts out a signed number that stands at the start of a value.
func (sc *scanner) sign() {
	ahead := sc.lex
	t := nextSolid(&ahead)
	if !isByte(sc.Text, t, '-') && !isByte(sc.Text, t, '+') {
		return
	}
	num := ahead.Next()
	kind := literalKind(num.Kind)
	if kind != Integer && kind != Decimal && kind != Float {
		return
	}
	sc.lex = ahead
	sc.cut(SlotLiteral, t.Start, num.End, len(sc.Literals), 1)
	sc.Literals = append(sc.Literals, Literal{Start: int32(t.Start), End: int32(num.End), Kind: kind})
}

// introduced reads a string behind _utf8mb4 or _binary, which is one literal together with it: so that rows have one shape
// whether or not their strings need one. Both words are introducers to all servers, wherever they stand.
func (sc *scanner) introduced(word Token) bool {
	kind := UTF8MB4
	switch w := sc.Text[word.Start:word.End]; {
	case w[0] != '_':
		return false
	case equalFold(w[1:], "binary"):
		kind = Bytes
	case !equalFold(w[1:], "utf8mb4"):
		return false
	}
	ahead := sc.lex
	t := nextSolid(&ahead)
	if t.Kind != TokenString && (t.Kind != TokenHex || sc.Text[t.Start] == '0') {
		return false
	}
	sc.lex = ahead
	if t.Kind == TokenString {
		t.End = sc.continuation(t.End)
	}
	sc.cut(SlotLiteral, word.Start, t.End, len(sc.Literals), 1)
	sc.Literals = append(sc.Literals, Literal{Start: int32(t.Start), End: int32(t.End), Kind: kind})
	return true
}

// nullLiteral: NULL counts as a literal in a row, so that rows with and without it have one shape.
func (sc *scanner) nullLiteral(t Token) (Literal, bool) {
	w := sc.Text[t.Start:t.End]
	if !equalFold(w, "null") || t.Start > 0 && sc.Text[t.Start-1] == '.' {
		return Literal{}, false
	}
	return Literal{Start: int32(t.Start), End: int32(t.End), Kind: Null}, true
}

// sameRow reads the row that opens at start and tells whether it looks like the first, whose shape is
// Key[shape:want]. The Key is left as it was; the row's literals are kept.
func (sc *scanner) sameRow(ahead Lexer, start, shape, want int) bool {
	slots, copied := len(sc.Slots), sc.copied
	sc.copied, sc.lex = start, ahead
	end, ok := sc.row(start)
	if ok {
		sc.copyTo(sc.copied, end)
	}
	same := ok && string(sc.Key[want:]) == string(sc.Key[shape:want])
	sc.Key, sc.Slots, sc.copied = sc.Key[:want], sc.Slots[:slots], copied
	return same
}
