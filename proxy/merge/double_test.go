package merge

import (
	"math"
	"testing"
)

// TestAppendDouble has what MySQL 9.7.4 and MariaDB 10.11 write for these numbers (SELECT 1e15, …), both the same; 3,000
// random ones were compared when this was written.
func TestAppendDouble(t *testing.T) {
	for _, c := range []struct {
		number   float64
		decimals uint8
		want     string
	}{
		{0, notFixed, "0"},
		{math.Copysign(0, -1), notFixed, "-0"}, // MySQL; a sum that is -0 on MariaDB is -0 too
		{math.Nextafter(0.3, 1), notFixed, "0.30000000000000004"},
		{100000, notFixed, "100000"},
		{1e14, notFixed, "100000000000000"},
		{1e15, notFixed, "1e15"},
		{-1.5e15, notFixed, "-1.5e15"},
		{123456789e6, notFixed, "123456789000000"},
		{2301035074268142.5, notFixed, "2301035074268142.5"},
		{12345678901234568, notFixed, "1.2345678901234568e16"},
		{1e22, notFixed, "1e22"},
		{1.7976931348623157e308, notFixed, "1.7976931348623157e308"},
		{5e-324, notFixed, "5e-324"},
		{1e-5, notFixed, "0.00001"},
		{1e-15, notFixed, "0.000000000000001"},
		{9.999999999999998e-15, notFixed, "0.000000000000009999999999999998"},
		{1e-16, notFixed, "1e-16"},
		{-9.87654321e-17, notFixed, "-9.87654321e-17"},
		{2.5, 2, "2.50"},
		{3. / 128, 6, "0.023438"}, // half to even: AVG of a DOUBLE(10,2) column
		{1. / 128, 6, "0.007812"},
		{1e20, 2, "100000000000000000000.00"},
	} {
		if got := string(appendDouble([]byte("x"), c.number, c.decimals)); got != "x"+c.want {
			t.Errorf("%g with %d decimals: got %s, want %s", c.number, c.decimals, got[1:], c.want)
		}
	}
}
