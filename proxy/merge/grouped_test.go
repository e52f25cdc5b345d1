package merge

import (
	"errors"
	"fmt"
	"io"
	"math/big"
	"math/rand"
	"slices"
	"strconv"
	"strings"
	"testing"

	"serval/proxy/wire"
)

// columns makes raw definitions of columns of these types.
func columns(types ...wire.Column) [][]byte {
	var defs [][]byte
	for i := range types {
		defs = append(defs, wire.AppendColumn(nil, &types[i]))
	}
	return defs
}

var (
	bigint   = wire.Column{Type: wire.TypeLongLong}
	unsigned = wire.Column{Type: wire.TypeLongLong, Flags: wire.FlagUnsigned}
	varchar  = wire.Column{Type: wire.TypeVarString}
	double   = wire.Column{Type: wire.TypeDouble, Decimals: notFixed}
)

func decimal(scale uint8) wire.Column {
	return wire.Column{Type: wire.TypeNewDecimal, Decimals: scale}
}

func plain(f AggregateFunc) Aggregate { return Aggregate{Func: f, Sum: -1, Count: -1} }

func extreme(f AggregateFunc, column int, kind Kind) Aggregate {
	return Aggregate{Func: f, Sum: -1, Count: -1, Key: Key{Column: column, Kind: kind, SpaceWeight: []byte(" ")}}
}

func average(sum, count int) Aggregate { return Aggregate{Func: AggAvg, Sum: sum, Count: count} }

// groupRows runs rows of texts, given by stream, through Grouped, in both protocols, and returns rows of texts.
func groupRows(t *testing.T, streams [][][]string, keys []Key, aggregates []Aggregate, defs [][]byte) ([][]string, error) {
	t.Helper()
	text, textErr := groupIn(t, nil, streams, keys, aggregates, defs)
	layout, err := NewBinaryLayout(defs)
	if err != nil {
		t.Fatal(err)
	}
	binary, binaryErr := groupIn(t, layout, streams, keys, aggregates, defs)
	if (textErr == nil) != (binaryErr == nil) {
		t.Fatalf("text rows: %v, binary rows: %v", textErr, binaryErr)
	}
	if textErr == nil && fmt.Sprint(text) != fmt.Sprint(binary) {
		t.Fatalf("text rows:\n%q, binary rows:\n%q", text, binary)
	}
	return text, textErr
}

func groupIn(t *testing.T, layout *Layout, streams [][][]string, keys []Key, aggregates []Aggregate, defs [][]byte) ([][]string, error) {
	t.Helper()
	var in []Stream
	for _, rows := range streams {
		l := &list{}
		for _, texts := range rows {
			l.rows = append(l.rows, layoutRow(t, layout, texts))
		}
		in = append(in, l)
	}
	g, err := NewGrouped(in, keys, aggregates, defs, layout)
	if err != nil {
		return nil, err
	}
	rows, err := collect(g)
	if err != nil {
		return nil, err
	}
	if _, err := g.Next(); err != io.EOF {
		t.Fatalf("after the end: %v", err)
	}
	return rowTexts(t, layout, rows, len(defs)), nil
}

func layoutRow(t *testing.T, layout *Layout, texts []string) []byte {
	t.Helper()
	if layout == nil {
		return row(texts...)
	}
	p, err := wire.AppendBinaryRow(nil, layout.columns, row(texts...))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func rowTexts(t *testing.T, layout *Layout, rows []string, columns int) [][]string {
	t.Helper()
	var out [][]string
	for _, r := range rows {
		var texts []string
		for n := range columns {
			text, isNull, err := layout.Field([]byte(r), n)
			if err != nil {
				t.Fatal(err)
			}
			if isNull {
				text = []byte(null)
			}
			texts = append(texts, string(text))
		}
		out = append(out, texts)
	}
	return out
}

func TestGrouped(t *testing.T) {
	byFirst := []Key{{Kind: Integer}}
	for name, c := range map[string]struct {
		streams    [][][]string
		keys       []Key
		aggregates []Aggregate
		defs       [][]byte
		want       [][]string
	}{
		"no streams": {nil, byFirst, []Aggregate{plain(AggFirst)}, columns(bigint), nil},
		"no rows":    {[][][]string{{}, {}}, byFirst, []Aggregate{plain(AggFirst)}, columns(bigint), nil},
		"counts and sums": {
			[][][]string{{{"1", "2", "1.50"}, {"3", "1", "-0.25"}}, {{"1", "5", "2.50"}, {"2", "1", null}}, {{"1", "1", null}, {"3", "1", "0.25"}}},
			byFirst, []Aggregate{plain(AggFirst), plain(AggCount), plain(AggSum)}, columns(bigint, bigint, decimal(2)),
			[][]string{{"1", "8", "4.00"}, {"2", "1", null}, {"3", "2", "0.00"}}},
		"empty tables": {
			[][][]string{{{"0", null, null, null}}, {{"0", null, null, null}}}, nil,
			[]Aggregate{plain(AggCount), plain(AggSum), extreme(AggMin, 2, Integer), average(1, 0)}, columns(bigint, decimal(0), bigint, decimal(4)),
			[][]string{{"0", null, null, null}}},
		"one group": {
			[][][]string{{{"0", null}}, {{"2", "b"}}, {{"1", "a"}}}, nil,
			[]Aggregate{plain(AggCount), plain(AggFirst)}, columns(bigint, varchar),
			[][]string{{"3", "b"}}},
		"NULL is a group": {
			[][][]string{{{null, "1"}, {"1", "1"}}, {{null, "2"}}}, byFirst,
			[]Aggregate{plain(AggFirst), plain(AggCount)}, columns(bigint, bigint),
			[][]string{{null, "3"}, {"1", "1"}}},
		"least and greatest by other columns": {
			[][][]string{{{"B", "A", "1", "9"}}, {{"b", "a", "0", "9"}}, {{null, null, null, null}}}, nil,
			[]Aggregate{extreme(AggMin, 2, Integer), extreme(AggMax, 3, Integer)}, columns(varchar, varchar, bigint, bigint),
			[][]string{{"b", "A", "1", "9"}}},
		"hidden columns put together": {
			[][][]string{{{"a", "1"}}, {{"b", "2"}}}, nil,
			[]Aggregate{extreme(AggMax, 1, Integer), extreme(AggMax, 1, Integer)}, columns(varchar, bigint),
			[][]string{{"b", "2"}}},
		"least of times": {
			[][][]string{{{"-00:00:01"}}, {{"-100:00:00"}}, {{"00:00:00"}}}, nil,
			[]Aggregate{extreme(AggMin, 0, Time)}, columns(wire.Column{Type: wire.TypeTime}),
			[][]string{{"-100:00:00"}}},
		"bits": {
			[][][]string{{{"18446744073709551615", "0", "0"}}, {{"12", "3", "3"}}, {{"10", "4", "1"}}}, nil,
			[]Aggregate{plain(AggBitAnd), plain(AggBitOr), plain(AggBitXor)}, columns(unsigned, unsigned, unsigned),
			[][]string{{"8", "7", "2"}}},
		"doubles": {
			[][][]string{{{"0.1", "0.1", "1"}}, {{"0.2", "0.2", "2"}}}, nil,
			[]Aggregate{plain(AggSum), average(0, 2), plain(AggCount)}, columns(double, double, bigint),
			[][]string{{"0.30000000000000004", "0.10000000000000002", "3"}}},
		"averages": {
			[][][]string{{{"1.5000", "3.00", "2"}}, {{"0.0000", "0.00", "4"}}, {{null, null, "0"}}, {{"-7.0000", "-7.00", "1"}}}, nil,
			[]Aggregate{average(1, 2), plain(AggSum), plain(AggCount)}, columns(decimal(6), decimal(2), bigint),
			[][]string{{"-0.571429", "-4.00", "7"}}},
		"padded keys": {
			[][][]string{{{"a", "1"}, {"b ", "1"}}, {{"a  ", "1"}}}, []Key{{Kind: Padded, SpaceWeight: []byte(" ")}},
			[]Aggregate{plain(AggFirst), plain(AggCount)}, columns(varchar, bigint),
			[][]string{{"a", "2"}, {"b ", "1"}}},
		"long strings": { // the servers sort by three bytes, then by the next key
			[][][]string{{{"abcX", "1", "1"}, {"abcZ", "1", "1"}, {"abcY", "2", "1"}}, {{"abcY", "1", "1"}, {"abcX", "1", "1"}, {"abcY", "2", "1"}, {"abd", "0", "1"}}},
			[]Key{{Kind: Bytes, MaxLength: 3}, {Kind: Integer, Column: 1}},
			[]Aggregate{plain(AggFirst), plain(AggFirst), plain(AggCount)}, columns(varchar, bigint, bigint),
			[][]string{{"abcX", "1", "2"}, {"abcZ", "1", "1"}, {"abcY", "1", "1"}, {"abcY", "2", "2"}, {"abd", "0", "1"}}},
		"long padded strings": {
			[][][]string{{{"ab", "1"}, {"ab  ", "1"}}, {{"ab  x", "1"}, {"ab   ", "1"}}},
			[]Key{{Kind: Padded, MaxLength: 3, SpaceWeight: []byte(" ")}},
			[]Aggregate{plain(AggFirst), plain(AggCount)}, columns(varchar, bigint),
			[][]string{{"ab", "3"}, {"ab  x", "1"}}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := groupRows(t, c.streams, c.keys, c.aggregates, c.defs)
			if err != nil {
				t.Fatal(err)
			}
			if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", c.want) {
				t.Errorf("got\n%q, want\n%q", got, c.want)
			}
		})
	}
}

// TestGroupedRefusals has what must not be put together.
func TestGroupedRefusals(t *testing.T) {
	nines := strings.Repeat("9", maxDigits)
	var long [2][][]string
	for i := range maxOpen + 1 {
		long[i%2] = append(long[i%2], []string{"same" + strconv.Itoa(i)})
	}
	for name, c := range map[string]struct {
		streams    [][][]string
		keys       []Key
		aggregates []Aggregate
		defs       [][]byte
		want       error
	}{
		"sum of a string":    {nil, nil, []Aggregate{plain(AggSum)}, columns(varchar), ErrUnmergeable},
		"bits of a string":   {nil, nil, []Aggregate{plain(AggBitOr)}, columns(varchar), ErrUnmergeable},
		"average of nothing": {nil, nil, []Aggregate{plain(AggAvg)}, columns(decimal(4)), ErrUnmergeable},
		"too many":           {nil, nil, []Aggregate{plain(AggFirst), plain(AggFirst)}, columns(bigint), ErrUnmergeable},
		"82 digits":          {[][][]string{{{nines}}, {{"1"}}}, nil, []Aggregate{plain(AggSum)}, columns(decimal(0)), ErrUnmergeable},
		"BIGINT overflow":    {[][][]string{{{"9223372036854775807"}}, {{"1"}}}, nil, []Aggregate{plain(AggCount)}, columns(bigint), ErrUnmergeable},
		"DOUBLE overflow":    {[][][]string{{{"1.7e308"}}, {{"1.7e308"}}}, nil, []Aggregate{plain(AggSum)}, columns(double), ErrUnmergeable},
		"long groups":        {long[:], []Key{{Kind: Bytes, MaxLength: 4}}, []Aggregate{plain(AggFirst)}, columns(varchar), ErrLongGroups},
		"not sorted":         {[][][]string{{{"2"}, {"1"}}, {{"1"}}}, []Key{{Kind: Integer}}, []Aggregate{plain(AggFirst)}, columns(bigint), ErrNotSorted},
	} {
		t.Run(name, func(t *testing.T) {
			if got, err := groupRows(t, c.streams, c.keys, c.aggregates, c.defs); !errors.Is(err, c.want) {
				t.Errorf("got %q, %v, want %v", got, err, c.want)
			}
		})
	}
}

// TestGroupedRandom has random rows split over streams, grouped there, and compares with what math/big makes of all.
func TestGroupedRandom(t *testing.T) {
	defs := columns(varchar, decimal(3), bigint, decimal(3), decimal(3), bigint, decimal(3), decimal(7))
	keys := []Key{{Kind: Padded, SpaceWeight: []byte(" "), Column: 0}}
	aggregates := []Aggregate{plain(AggFirst), plain(AggSum), plain(AggCount), extreme(AggMin, 3, Decimal), extreme(AggMax, 4, Decimal), plain(AggCount),
		plain(AggSum), average(6, 5)}
	for seed := range int64(300) {
		r := rand.New(rand.NewSource(seed))
		parts := make([]map[string][]*big.Int, r.Intn(6))
		all := map[string][]*big.Int{}
		for i := range parts {
			parts[i] = map[string][]*big.Int{}
			for range r.Intn(30) {
				name, n := strconv.Itoa(r.Intn(8)), randomUnits(r)
				parts[i][name] = append(parts[i][name], n)
				all[name] = append(all[name], n)
			}
		}
		var streams [][][]string
		for _, part := range parts {
			streams = append(streams, naiveGroups(part))
		}
		got, err := groupRows(t, streams, keys, aggregates, defs)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if want := naiveGroups(all); fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) {
			t.Fatalf("seed %d:\n got %q\nwant %q", seed, got, want)
		}
	}
}

// randomUnits is a number of thousandths, often a small one, or nil.
func randomUnits(r *rand.Rand) *big.Int {
	if r.Intn(6) == 0 {
		return nil
	}
	n := new(big.Int).Rand(r, new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(1+r.Intn(60)*r.Intn(2))), nil))
	if r.Intn(2) == 0 {
		n.Neg(n)
	}
	return n
}

// naiveGroups groups as a server does: name, SUM, COUNT(*), MIN, MAX, COUNT, SUM, AVG.
func naiveGroups(rows map[string][]*big.Int) [][]string {
	var out [][]string
	for name, values := range rows {
		var sum, least, most *big.Int
		count := int64(0)
		for _, v := range values {
			if v == nil {
				continue
			}
			count++
			if sum == nil {
				sum, least, most = new(big.Int), v, v
			}
			sum.Add(sum, v)
			if v.Cmp(least) < 0 {
				least = v
			}
			if v.Cmp(most) > 0 {
				most = v
			}
		}
		out = append(out, []string{name, units(sum, 3), strconv.Itoa(len(values)), units(least, 3), units(most, 3), strconv.FormatInt(count, 10),
			units(sum, 3), naiveAverage(sum, count, 3, 7)})
	}
	slices.SortFunc(out, func(a, b []string) int { return slices.Compare(a[:1], b[:1]) })
	return out
}

// units is a decimal in text.
func units(n *big.Int, scale int) string {
	if n == nil {
		return null
	}
	return new(big.Rat).SetFrac(n, new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(scale)), nil)).FloatString(scale)
}

// naiveAverage rounds half away from zero, as big.Rat does.
func naiveAverage(sum *big.Int, count int64, scale, decimals int) string {
	if sum == nil {
		return null
	}
	ten := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(scale)), nil)
	text := new(big.Rat).SetFrac(sum, ten.Mul(ten, big.NewInt(count))).FloatString(decimals)
	if zero, _ := new(big.Rat).SetString(text); zero.Sign() == 0 && text[0] == '-' {
		return text[1:]
	}
	return text
}
