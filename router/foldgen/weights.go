package main

import (
	"database/sql"
	"encoding/hex"
	"fmt"
	"sort"
	"strings"
)

// weights.go: what a server says of a collation. Only WEIGHT_STRING is asked; no table is made on the server.

// entry is a character, or a pair that weighs otherwise than its two characters one after the other.
type entry struct {
	chars   []rune
	weights []string // primary weights; an implicit weight is one element of four bytes
}

type collation struct {
	name    string
	entries []entry
	bmpOnly bool
}

// readCollation asks for the weights of all code points and of the pairs that can be contractions.
func readCollation(db *sql.DB, name string) (*collation, error) {
	c := &collation{name: name}
	single := map[rune]string{}
	var batch []rune
	flush := func() error {
		texts := make([]string, len(batch))
		for i, r := range batch {
			texts[i] = string(r)
		}
		ws, err := askWeights(db, name, texts)
		if err != nil {
			return err
		}
		for i, r := range batch {
			single[r] = ws[i]
			c.entries = append(c.entries, entry{[]rune{r}, split(ws[i])})
		}
		batch = batch[:0]
		return nil
	}
	for r := rune(0); r <= 0x10FFFF; r++ {
		if r >= 0xD800 && r < 0xE000 {
			continue
		}
		if batch = append(batch, r); len(batch) == 4096 || r == 0x10FFFF {
			if err := flush(); err != nil {
				return nil, err
			}
		}
	}
	return c, c.readPairs(db, single)
}

// readPairs adds the contractions: pairs within a block of 256, and any character with a mark of U+0300–U+036F.
func (c *collation) readPairs(db *sql.DB, single map[rune]string) error {
	blocks := map[rune][]rune{}
	var marks []rune
	for r, w := range single {
		han := r >= 0x3400 && r < 0xA000 || r >= 0xAC00 && r < 0xD7B0
		if r >= 0x300 && r < 0x370 {
			marks = append(marks, r)
		}
		if r < 0x10000 && !han && (w != "" || r >= 0x300 && r < 0x370) {
			blocks[r>>8] = append(blocks[r>>8], r)
		}
	}
	for b, chars := range blocks {
		second := chars
		if b != 3 {
			second = append(append([]rune(nil), chars...), marks...)
		}
		for _, a := range chars {
			texts := make([]string, len(second))
			for i, s := range second {
				texts[i] = string(a) + string(s)
			}
			ws, err := askWeights(db, c.name, texts)
			if err != nil {
				return err
			}
			for i, s := range second {
				if ws[i] != single[a]+single[s] {
					c.entries = append(c.entries, entry{[]rune{a, s}, split(ws[i])})
				}
			}
		}
	}
	sort.SliceStable(c.entries, func(i, j int) bool { // maps have no order; the table must have one
		a, b := c.entries[i].chars, c.entries[j].chars
		if len(a) != len(b) {
			return len(a) < len(b)
		}
		return string(a) < string(b)
	})
	return nil
}

// askWeights returns the hexadecimal WEIGHT_STRING of every text.
func askWeights(db *sql.DB, collation string, texts []string) ([]string, error) {
	var q strings.Builder
	q.WriteString("SELECT CONCAT_WS(','")
	for _, t := range texts {
		fmt.Fprintf(&q, ",HEX(WEIGHT_STRING(_utf8mb4 x'%x' COLLATE %s))", t, collation)
	}
	q.WriteString(")")
	var answer string
	if err := db.QueryRow(q.String()).Scan(&answer); err != nil {
		return nil, fmt.Errorf("%s: %w", collation, err)
	}
	ws := strings.Split(answer, ",")
	if len(ws) != len(texts) {
		return nil, fmt.Errorf("%s: %d weights for %d texts", collation, len(ws), len(texts))
	}
	return ws, nil
}

// split cuts a hexadecimal weight string of a one-level collation into its weights.
func split(hexed string) []string {
	b, _ := hex.DecodeString(hexed) // the server's HEX()
	var ws []string
	for i := 0; i+1 < len(b); i += 2 {
		if b[i] >= 0xFB && b[i] < 0xFC && i+3 < len(b) {
			ws = append(ws, string(b[i:i+4]))
			i += 2
			continue
		}
		ws = append(ws, string(b[i:i+2]))
	}
	return ws
}
