package loaddata

import (
	"bytes"
	"sort"
	"strconv"
	"strings"
)

// batch.go: lines that go to one place together, and what servers say about them: rows are counted from 1 in each
// batch there, and from the file's beginning for the client.

// Batch is lines for one place, in the file's order.
type Batch struct {
	Place int
	Data  []byte
	first uint64
	rows  []uint32 // numbers in the file, from first on
}

// Add puts a line into the batch.
func (b *Batch) Add(number uint64, pieces ...[]byte) {
	if len(b.rows) == 0 {
		b.first = number
	}
	b.rows = append(b.rows, uint32(number-b.first))
	for _, p := range pieces {
		b.Data = append(b.Data, p...)
	}
}

// Len is the number of lines, First the number of the first.
func (b *Batch) Len() int      { return len(b.rows) }
func (b *Batch) First() uint64 { return b.first }

// Row is the number in the file of the batch's row n, which counts from 1; of one that it does not have, the nearest.
func (b *Batch) Row(n int) uint64 {
	if len(b.rows) == 0 {
		return uint64(n)
	}
	return b.first + uint64(b.rows[max(0, min(n, len(b.rows))-1)])
}

// Reset empties the batch and keeps its memory.
func (b *Batch) Reset(place int) { b.Place, b.Data, b.rows = place, b.Data[:0], b.rows[:0] }

// Size is about what the batch has in memory.
func (b *Batch) Size() int { return len(b.Data) + 4*len(b.rows) }

// Renumber exchanges the row that a server's message names; row is the file's, 0: none is named.
func (b *Batch) Renumber(message string) (renumbered string, row uint64) {
	if i := strings.LastIndex(message, " at row "); i >= 0 {
		i += len(" at row ")
		if n, err := strconv.Atoi(message[i:]); err == nil {
			row = b.Row(n)
			return message[:i] + strconv.FormatUint(row, 10), row
		}
	}
	if rest, ok := strings.CutPrefix(message, "Row "); ok { // "Row 3 was truncated; …", "Row 3 doesn't contain data …"
		digits, tail, _ := strings.Cut(rest, " ")
		if n, err := strconv.Atoi(digits); err == nil {
			row = b.Row(n)
			return "Row " + strconv.FormatUint(row, 10) + " " + tail, row
		}
	}
	return message, 0
}

// Counts are the numbers of "Records: 1  Deleted: 2  Skipped: 3  Warnings: 4".
type Counts struct{ Records, Deleted, Skipped, Warnings uint64 }

// ParseCounts reads them.
func ParseCounts(info []byte) (c Counts) {
	to := []*uint64{&c.Records, &c.Deleted, &c.Skipped, &c.Warnings}
	for _, word := range bytes.Fields(info) {
		n, err := strconv.ParseUint(string(word), 10, 64)
		if err == nil && len(to) > 0 {
			*to[0], to = n, to[1:]
		}
	}
	return c
}

// Add puts others to them.
func (c *Counts) Add(o Counts) {
	c.Records += o.Records
	c.Deleted += o.Deleted
	c.Skipped += o.Skipped
	c.Warnings += o.Warnings
}

// Info is the text of the counts, as servers write it.
func (c Counts) Info() []byte {
	b := []byte("Records: ")
	b = strconv.AppendUint(b, c.Records, 10)
	b = strconv.AppendUint(append(b, "  Deleted: "...), c.Deleted, 10)
	b = strconv.AppendUint(append(b, "  Skipped: "...), c.Skipped, 10)
	return strconv.AppendUint(append(b, "  Warnings: "...), c.Warnings, 10)
}

// Warning is what a server warned of.
type Warning struct {
	Level, Code, Message string
	row                  uint64
}

// Warnings are the first warnings of a file, in the order of its lines.
type Warnings struct {
	List  []Warning
	Limit int
}

// Add takes the warnings of a batch, in its order. One without a row's number stands where the one before it does.
func (w *Warnings) Add(b *Batch, list []Warning) {
	row := b.First()
	for _, warning := range list {
		message, at := b.Renumber(warning.Message)
		if at > 0 {
			row = at
		}
		warning.Message, warning.row = message, row
		w.List = append(w.List, warning)
	}
	w.cut()
}

// Merge takes those of other lines.
func (w *Warnings) Merge(o *Warnings) {
	w.List = append(w.List, o.List...)
	w.cut()
}

func (w *Warnings) cut() {
	sort.SliceStable(w.List, func(i, j int) bool { return w.List[i].row < w.List[j].row })
	w.List = w.List[:min(len(w.List), w.Limit)]
}

// Full tells whether warnings of lines from row on would not be kept.
func (w *Warnings) Full(row uint64) bool {
	return len(w.List) >= w.Limit && (w.Limit == 0 || w.List[len(w.List)-1].row < row)
}
