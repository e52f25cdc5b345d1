package merge

import (
	"math/big"
	"math/rand"
	"strings"
	"testing"
)

// TestAverage has AVG as MySQL 9.7.4 and MariaDB 10.11 give it, both the same: of DECIMAL(20,5), DECIMAL(20,14), INT and
// others, with div_precision_increment 4, 9, 13, 0 and 30. Where the digits that their division makes end at the scale of
// the result, it is cut and not rounded.
func TestAverage(t *testing.T) {
	for _, c := range []struct {
		sum      string
		count    uint64
		decimals int
		want     string
	}{
		{"2", 3, 4, "0.6667"},
		{"-2", 3, 4, "-0.6667"},
		{"2", 3, 9, "0.666666666"},
		{"-2", 3, 9, "-0.666666666"},
		{"2", 3, 0, "0"},
		{"2", 3, 5, "0.66667"},
		{"2", 3, 30, "0.666666666666666666666666666667"},
		{"0.00002", 3, 9, "0.000006666"},
		{"0.00002", 3, 14, "0.00000666666667"},
		{"0.00002", 3, 18, "0.000006666666666666"},
		{"2.00001", 3, 9, "0.666670000"},
		{"2.00001", 3, 5, "0.66667"},
		{"2.00000000000001", 3, 18, "0.666666666666670000"},
		{"1.000000001", 3, 13, "0.3333333336667"},
		{"2.000001", 3, 10, "0.6666670000"},
		{"1.000000000000000000000000000001", 3, 30, "0.333333333333333333333333333334"},
		{"1.000000000000000000000000000001", 3, 34, "0.3333333333333333333333333333336667"},
		{"199999999999999999999999999999999999999999999999999999999999999993", 3, 4, "66666666666666666666666666666666666666666666666666666666666666664.3333"},
		{"-0.01", 100, 2, "0.00"},
		{"-1", 4, 1, "-0.3"},
	} {
		var sum total
		if !sum.add([]byte(c.sum)) {
			t.Fatal(c.sum)
		}
		if got, ok := sum.average(nil, c.count, c.decimals); string(got) != c.want || !ok {
			t.Errorf("%s / %d with %d decimals: got %s, %v, want %s", c.sum, c.count, c.decimals, got, ok, c.want)
		}
	}
}

// TestTotalRandom compares sums of decimals of all sizes and scales with math/big.
func TestTotalRandom(t *testing.T) {
	r := rand.New(rand.NewSource(1))
	for n := range 3000 {
		var sum total
		want, scale := new(big.Rat), 0
		var texts []string
		for range 1 + r.Intn(8) {
			text, fraction := randomSummand(r, n%3 == 0)
			texts, scale = append(texts, text), max(scale, fraction)
			x, _ := new(big.Rat).SetString(text)
			want.Add(want, x)
			if !sum.add([]byte(text)) {
				t.Fatalf("%s is refused", text)
			}
		}
		if got, ok := sum.append(nil); string(got) != want.FloatString(scale) || !ok {
			t.Fatalf("%s: got %s, %v, want %s", strings.Join(texts, " + "), got, ok, want.FloatString(scale))
		}
	}
}

// randomSummand is one of up to 65 digits, or of up to 20.
func randomSummand(r *rand.Rand, long bool) (text string, fraction int) {
	most := 20
	if long {
		most = 42
	}
	digits := func(n int) string {
		var b strings.Builder
		for range n {
			b.WriteByte("0123456789999"[r.Intn(13)])
		}
		return b.String()
	}
	text = strings.Repeat("-", r.Intn(2)) + digits(1+r.Intn(most))
	if fraction = r.Intn(20) * r.Intn(2); fraction > 0 {
		text += "." + digits(fraction)
	}
	return text, fraction
}

// TestTotalRefusals has what is no decimal, or too long for one.
func TestTotalRefusals(t *testing.T) {
	for _, text := range []string{"", "-", ".", "x", "1e5", "1.2.3", "--1", " 1", strings.Repeat("9", maxDigits+1), "0." + strings.Repeat("0", maxScale) + "1"} {
		var sum total
		if sum.add([]byte(text)) {
			t.Errorf("%q is taken", text)
		}
	}
	var sum total
	sum.add([]byte(strings.Repeat("9", maxDigits)))
	sum.add([]byte("1"))
	if got, ok := sum.append(nil); ok {
		t.Errorf("%s has room", got)
	}
}

// FuzzTotal looks for text that panics or is added wrongly.
func FuzzTotal(f *testing.F) {
	f.Add("1.5", "-0.25")
	f.Add("999999999999999999", "1")
	f.Add("-99999999999999999999.000", ".5")
	f.Fuzz(func(t *testing.T, a, b string) {
		var sum total
		if !sum.add([]byte(a)) || !sum.add([]byte(b)) {
			return
		}
		got, _ := sum.append(nil)
		x, ok := new(big.Rat).SetString(a)
		y, alsoOK := new(big.Rat).SetString(b)
		if !ok || !alsoOK {
			t.Fatalf("%q and %q are taken", a, b)
		}
		if want := x.Add(x, y).FloatString(sum.scale); want != string(got) {
			t.Fatalf("%s + %s: got %s, want %s", a, b, got, want)
		}
		sum.average(nil, 3, sum.scale+4)
	})
}
