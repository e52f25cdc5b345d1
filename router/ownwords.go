package router

// ownwords.go: statements that are read from their tokens, since the parser does not know them, or not all of their
// forms.

// ownWords plans such a statement; done is false for all others.
func (p *planning) ownWords() (done bool, err error) {
	switch {
	case p.st.Begins("lock"), p.st.Begins("unlock"), p.st.Begins("handler"), p.st.Begins("flush"):
		return p.tableStatement()
	case p.st.Begins("create"), p.st.Begins("alter"), p.st.Begins("drop"):
		return p.program()
	case p.st.Begins("xa"):
		return true, refuse("XA statements", nil, "Serval commits over several groups in two phases by itself: use BEGIN and COMMIT")
	}
	kill, err := readKill(p.st)
	if kill == nil || err != nil {
		return false, err
	}
	p.plan.Kind, p.plan.Kill, p.plan.Reason = KindSession, kill, "the session answers"
	return true, nil
}
