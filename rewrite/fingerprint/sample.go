package fingerprint

// sample.go: a short statement of the same shape, so that planning does not depend on how many rows or values a
// statement brings.

// Sample returns the statement's text with one value left of each list and one row of the further rows. Its shape is
// the same; it is s.Text itself when there is nothing to leave out.
func (s *Statement) Sample() []byte {
	var out []byte
	at := 0
	for i := range s.Slots {
		sl := &s.Slots[i]
		keep := int(sl.End)
		switch sl.Kind {
		case SlotList:
			keep = int(s.Literals[sl.First].End)
		case SlotRows:
			keep = int(s.Rows[1].End)
		}
		if keep < int(sl.End) {
			out = append(out, s.Text[at:keep]...)
			at = int(sl.End)
		}
	}
	if out == nil {
		return s.Text
	}
	return append(out, s.Text[at:s.End]...)
}
