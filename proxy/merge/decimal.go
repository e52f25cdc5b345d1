package merge

import (
	"bytes"
	"math/bits"
	"strconv"
)

// decimal.go: exact sums of decimals in text, and their averages. Sums of what fits into 18 digits are kept in an int64.

// total is a sum of decimals: a whole number of units of 10^-scale.
type total struct {
	scale   int
	small   int64 // while it is not wide
	isWide  bool
	wide    wide
	scratch []byte
}

// smallDigits is how many digits a value of an int64 has at most; two of them add up without overflow.
const smallDigits = 18

// maxScale is how many digits behind the point a DECIMAL has at most, on MariaDB (MySQL: 30).
const maxScale = 38

func (t *total) reset() { t.scale, t.small, t.isWide = 0, 0, false }

// add adds the decimal in text; it reports false for what is none.
func (t *total) add(text []byte) bool {
	negative, digits := cutSign(text)
	fraction := 0
	if point := bytes.IndexByte(digits, '.'); point >= 0 {
		fraction = len(digits) - point - 1
		t.scratch = append(append(t.scratch[:0], digits[:point]...), digits[point+1:]...)
		digits = t.scratch
	}
	if len(digits) == 0 || len(digits) > maxDigits || fraction > maxScale || !allDigits(digits) {
		return false
	}
	if t.scale < fraction {
		t.rescale(fraction)
	}
	if !t.isWide && len(digits)+t.scale-fraction <= smallDigits {
		n := small(digits)
		for range t.scale - fraction {
			n *= 10
		}
		if negative {
			n = -n
		}
		t.small += n
		if t.small >= 1e18 || t.small <= -1e18 {
			t.widen()
		}
		return true
	}
	t.widen()
	var n wide
	n.digits(digits)
	n.shift(t.scale - fraction)
	if negative {
		n.negate()
	}
	t.wide.add(&n)
	return true
}

// rescale counts in smaller units.
func (t *total) rescale(scale int) {
	if t.small != 0 || t.isWide {
		t.widen()
		t.wide.shift(scale - t.scale)
	}
	t.scale = scale
}

func (t *total) widen() {
	if !t.isWide {
		t.isWide = true
		t.wide.set(t.small)
	}
}

// append writes the sum with scale digits behind the point; ok is false when a DECIMAL has no room for it.
func (t *total) append(dst []byte) (text []byte, ok bool) {
	if !t.isWide {
		t.scratch = strconv.AppendUint(t.scratch[:0], magnitude(t.small), 10)
		return appendScaled(dst, t.small < 0, t.scratch, t.scale), true
	}
	w := t.wide
	negative := w.negative()
	if negative {
		w.negate()
	}
	t.scratch = w.append(t.scratch[:0])
	return appendScaled(dst, negative, t.scratch, t.scale), len(t.scratch) <= maxDigits
}

// average writes the sum divided by count with so many decimals, as the servers do it: they make digits by nines, leave
// out what is behind, and round what they have half up. ok is false when a DECIMAL has no room for it.
func (t *total) average(dst []byte, count uint64, decimals int) (text []byte, ok bool) {
	t.widen()
	w := t.wide
	negative := w.negative()
	if negative {
		w.negate()
	}
	made := max(madeDigits(t.scale, decimals-t.scale), decimals)
	rest := w.divide(count)
	for range made - t.scale {
		var digit uint64
		high, low := bits.Mul64(rest, 10)
		digit, rest = bits.Div64(high, low, count)
		w.multiply(10, digit)
	}
	w.round(made - decimals)
	t.scratch = w.append(t.scratch[:0])
	return appendScaled(dst, negative && !w.isZero(), t.scratch, decimals), len(t.scratch) <= maxDigits
}

// madeDigits is how many digits behind the point the servers' division has that is asked for more digits than its
// dividend's scale (do_div_mod in strings/decimal.c; the divisor is whole).
func madeDigits(scale, more int) int {
	const word = 9
	full := (scale + word - 1) / word * word
	more = max(0, more-(full-scale))
	return (full + more + word - 1) / word * word
}

func magnitude(n int64) uint64 {
	if n < 0 {
		return -uint64(n)
	}
	return uint64(n)
}

// appendScaled appends a decimal given as its digits, of which the last scale stand behind the point.
func appendScaled(dst []byte, negative bool, digits []byte, scale int) []byte {
	if negative {
		dst = append(dst, '-')
	}
	whole := len(digits) - scale
	if whole <= 0 {
		dst = append(dst, '0')
	} else {
		dst = append(dst, digits[:whole]...)
	}
	if scale == 0 {
		return dst
	}
	dst = append(dst, '.')
	for ; whole < 0; whole++ {
		dst = append(dst, '0')
	}
	return append(dst, digits[whole:]...)
}
