package merge

import (
	"fmt"
	"io"
	"testing"
)

// endless gives one row again and again with another key, so that making rows costs nothing; the benchmarks count rows.
type endless struct {
	row  []byte
	next int
	step int
	left int
}

func (e *endless) Next() ([]byte, error) {
	if e.left == 0 {
		return nil, io.EOF
	}
	e.left--
	for i, n := 8, e.next; i > 0; i, n = i-1, n/10 { // the key's eight digits behind its length
		e.row[i] = byte('0' + n%10)
	}
	e.next += e.step
	return e.row, nil
}

// endlessStreams are eight streams with rows of a key, COUNT and SUM; each key is in so many of them.
func endlessStreams(rows, same int) []Stream {
	const shards = 8
	var streams []Stream
	for i := range shards {
		streams = append(streams, &endless{row: row("00000000", "12", "345.67"), next: i / same, step: shards / same, left: rows / shards})
	}
	return streams
}

func benchmarkDrain(b *testing.B, s Stream) {
	for {
		if _, err := s.Next(); err == io.EOF {
			return
		} else if err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSortedRows(b *testing.B) {
	b.ReportAllocs()
	benchmarkDrain(b, NewSorted(endlessStreams(b.N, 1), []Key{{Kind: Integer}}, nil))
}

// BenchmarkGroupedRows counts the shards' rows: groups that are on one shard, on two and on all eight.
func BenchmarkGroupedRows(b *testing.B) {
	for _, same := range []int{1, 2, 8} {
		b.Run(fmt.Sprintf("on%dshards", same), func(b *testing.B) {
			b.ReportAllocs()
			g, err := NewGrouped(endlessStreams(b.N, same), []Key{{Kind: Integer}}, []Aggregate{plain(AggFirst), plain(AggCount), plain(AggSum)},
				columns(bigint, bigint, decimal(2)), nil)
			if err != nil {
				b.Fatal(err)
			}
			benchmarkDrain(b, g)
		})
	}
}

// BenchmarkExternalSortRows sorts by a column of the row, in 4 MiB.
func BenchmarkExternalSortRows(b *testing.B) {
	b.ReportAllocs()
	s := NewExternalSort(NewSequence(endlessStreams(b.N, 1)), []Key{{Kind: Integer, Desc: true}}, nil, 4<<20)
	benchmarkDrain(b, s)
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
}
