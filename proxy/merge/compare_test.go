package merge

import (
	"errors"
	"math/big"
	"math/rand"
	"strings"
	"testing"
)

func load(t *testing.T, k *Key, text string) *value {
	t.Helper()
	var v value
	if err := k.load(&v, []byte(text), text == null); err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return &v
}

// TestCompare takes texts in ascending order; those in one group are equal.
func TestCompare(t *testing.T) {
	digits := strings.Repeat("9", 70)
	for name, c := range map[string]struct {
		key    Key
		groups [][]string
	}{
		"integer": {Key{Kind: Integer}, [][]string{{null}, {"-9223372036854775809"}, {"-10", "-010"}, {"-9"}, {"-1"},
			{"0", "-0", "+0", "0000"}, {"1", "+1", "0000000001"}, {"9"}, {"10"}, {"18446744073709551615"}, {"18446744073709551616"}}},
		"decimal": {Key{Kind: Decimal}, [][]string{{null}, {"-" + digits}, {"-1.51"}, {"-1.5", "-1.50"}, {"-1.05"}, {"-1", "-1."}, {"-.5", "-0.5"}, {"-0.0001"},
			{"0.00", "-0.00", "0", ".0", "00000.0"}, {"0.0001"}, {"0.05"}, {"0.1", ".1", "000.10"}, {"0.11"}, {"1", "1.000"}, {"1.05"}, {"1.5"}, {"1.51"},
			{"2"}, {digits}, {digits + ".1"}, {"1" + digits}}},
		"float": {Key{Kind: Float}, [][]string{{null}, {"-1.7976931348623157e308"}, {"-1e10"}, {"-2"}, {"-1e-300"}, {"0", "-0", "0.00", "0e0", "1e-400"}, {"5e-324"}, {"1e-5"},
			{"0.1", "00000.1", "1e-1"}, {"0.10000000000000002"}, {"1", "1.00"}, {"1e2", "100"}, {"1E15", "1000000000000000"}, {"1.67772e17"}}},
		"time": {Key{Kind: Time}, [][]string{{null}, {"-838:59:59"}, {"-100:00:00"}, {"-99:59:59.999999"}, {"-01:00:00"}, {"-00:00:00.5", "-00:00:00.500000"},
			{"00:00:00", "-00:00:00", "00:00:00.000"}, {"00:00:00.000001"}, {"00:00:00.1"}, {"09:00:00"}, {"10:00:00"}, {"99:00:00"}, {"100:00:00"}, {"838:59:59.000000"}}},
		"bytes": {Key{Kind: Bytes}, [][]string{{null}, {""}, {"\x00"}, {" "}, {"2020-01-01"}, {"2020-01-01 00:00:00"}, {"2020-01-02"}, {"a"}, {"a\x00"}, {"a "}, {"ab"}, {"\xff"}}},
		"padded": {Key{Kind: Padded, SpaceWeight: []byte(" ")}, [][]string{{null}, {"\x00"}, {"\t"}, {"", " ", "   "}, {" \x21"}, {"a\x00"}, {"a\t"}, {"a \t"},
			{"a", "a ", "a   "}, {"a !"}, {"a!"}, {"ab", "ab "}, {"\xff"}}},
		"padded, two bytes": {Key{Kind: Padded, SpaceWeight: []byte("\x02\x09")}, [][]string{{null}, {"\x02\x01"}, {"", "\x02\x09", "\x02\x09\x02\x09"}, {"\x02\x0a"},
			{"\x0e\x33\x02\x01"}, {"\x0e\x33\x02\x09\x02\x01"}, {"\x0e\x33", "\x0e\x33\x02\x09"}, {"\x0e\x33\x02\x09\x02\x0a"}, {"\x0e\x33\x0e\x33"}}},
		"padded without a weight": {Key{Kind: Padded}, [][]string{{null}, {""}, {" "}, {"a"}, {"a "}}},
		"cut":                     {Key{Kind: Bytes, MaxLength: 3}, [][]string{{""}, {"a"}, {"aaa", "aaab", "aaaa"}, {"aab"}}},
	} {
		t.Run(name, func(t *testing.T) { checkOrder(t, c.key, c.groups) })
	}
}

func checkOrder(t *testing.T, key Key, groups [][]string) {
	down := key
	down.Desc = true
	for i, g := range groups {
		for j, h := range groups {
			for _, a := range g {
				for _, b := range h {
					want := sign(i - j)
					if got := sign(key.compare(load(t, &key, a), load(t, &key, b))); got != want {
						t.Errorf("%.30q against %.30q: %d, want %d", a, b, got, want)
					}
					if got := sign(down.compare(load(t, &down, a), load(t, &down, b))); got != -want {
						t.Errorf("descending, %.30q against %.30q: %d, want %d", a, b, got, -want)
					}
				}
			}
		}
	}
}

func sign(n int) int {
	switch {
	case n < 0:
		return -1
	case n > 0:
		return 1
	}
	return 0
}

func TestKeyText(t *testing.T) {
	for _, c := range []struct {
		kind  Kind
		texts []string
	}{
		{Integer, []string{"", "-", "a", "1a", "1 ", " 1", "--1", "0x1"}},
		{Decimal, []string{"", ".", "-.", "1.2.3", "1e5", "1,5"}},
		{Float, []string{"", "nan", "inf", "0x1p4", "1_0", "1e999", "e", "-"}},
		{Time, []string{"", ":", "1", "00:00", "00:0:00", "00:00:00.", "00:00:0x", "00:00:00.1234567", "00:00:00,1", ":00:00", "1234567890:00:00", "00-00-00", "0a:00:00", "00:00:00.x"}},
		{Time + 1, []string{"unknown kind"}},
	} {
		for _, text := range c.texts {
			key, v := Key{Kind: c.kind}, value{}
			err := key.load(&v, []byte(text), false)
			if !errors.Is(err, errKeyText) {
				t.Errorf("kind %d, %q: %v", c.kind, text, err)
			}
			if err != nil && len(text) > 3 && strings.Contains(err.Error(), text) {
				t.Errorf("kind %d: the error shows the value: %v", c.kind, err)
			}
		}
	}
}

// TestCompareDecimalRandom asks math/big.
func TestCompareDecimalRandom(t *testing.T) {
	r := rand.New(rand.NewSource(3))
	key := Key{Kind: Decimal}
	for range 20000 {
		a, b := randomDecimal(r), randomDecimal(r)
		x, _ := new(big.Rat).SetString(a)
		y, _ := new(big.Rat).SetString(b)
		if got, want := sign(key.compare(load(t, &key, a), load(t, &key, b))), x.Cmp(y); got != want {
			t.Fatalf("%s against %s: %d, want %d", a, b, got, want)
		}
	}
}

// randomDecimal uses few digits, so that equal and nearly equal numbers are frequent.
func randomDecimal(r *rand.Rand) string {
	text := []string{"", "-"}[r.Intn(2)]
	for range 1 + r.Intn(4) {
		text += string("0019"[r.Intn(4)])
	}
	if r.Intn(2) == 0 {
		text += "."
		for range 1 + r.Intn(4) {
			text += string("0019"[r.Intn(4)])
		}
	}
	return text
}
