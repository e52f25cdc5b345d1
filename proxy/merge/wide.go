package merge

import "math/bits"

// wide.go: whole numbers of up to 134 digits with a sign, for sums of DECIMAL(65). They live in place: math/big would
// allocate for each.

// wideWords makes room for the sum of 2^32 numbers of 81 digits, moved by 38 digits.
const wideWords = 7

// wide is a whole number in two's complement, the lowest word first.
type wide [wideWords]uint64

// powers are those of ten that fit into a word.
var powers = [...]uint64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18}

func (w *wide) set(n int64) {
	fill := uint64(n >> 63)
	*w = wide{uint64(n), fill, fill, fill, fill, fill, fill}
}

func (w *wide) negative() bool { return int64(w[wideWords-1]) < 0 }

func (w *wide) negate() {
	carry := uint64(1)
	for i := range w {
		w[i], carry = bits.Add64(^w[i], 0, carry)
	}
}

func (w *wide) add(n *wide) {
	carry := uint64(0)
	for i := range w {
		w[i], carry = bits.Add64(w[i], n[i], carry)
	}
}

// multiply is w = w*factor + more, for w not negative.
func (w *wide) multiply(factor, more uint64) {
	for i := range w {
		high, low := bits.Mul64(w[i], factor)
		sum, carry := bits.Add64(low, more, 0)
		w[i], more = sum, high+carry
	}
}

// divide is w = w/by, for w not negative, and gives the rest.
func (w *wide) divide(by uint64) (rest uint64) {
	for i := wideWords - 1; i >= 0; i-- {
		w[i], rest = bits.Div64(rest, w[i], by)
	}
	return rest
}

// digits sets the number that decimal digits say.
func (w *wide) digits(text []byte) {
	*w = wide{}
	for len(text) > 0 {
		n := min(len(text), smallDigits)
		w.multiply(powers[n], uint64(small(text[:n])))
		text = text[n:]
	}
}

// shift multiplies with a power of ten.
func (w *wide) shift(digits int) {
	negative := w.negative()
	if negative {
		w.negate()
	}
	for digits > 0 {
		n := min(digits, smallDigits)
		w.multiply(powers[n], 0)
		digits -= n
	}
	if negative {
		w.negate()
	}
}

// round takes away the last digits of a number that is not negative, half up.
func (w *wide) round(digits int) {
	last := uint64(0)
	for ; digits > 0; digits-- {
		last = w.divide(10)
	}
	if last >= 5 {
		w.add(&wide{1})
	}
}

func (w *wide) isZero() bool { return *w == wide{} }

// append appends the digits of a number that is not negative.
func (w *wide) append(dst []byte) []byte {
	rest := *w
	var text [wideWords*20 + smallDigits]byte
	at := len(text)
	for {
		part := rest.divide(powers[smallDigits])
		for i := 0; i < smallDigits; i++ {
			at--
			text[at] = byte('0' + part%10)
			part /= 10
		}
		if rest.isZero() {
			break
		}
	}
	for at < len(text)-1 && text[at] == '0' {
		at++
	}
	return append(dst, text[at:]...)
}
