package schema

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"serval/proxy/backend"
	"serval/proxy/wire"
)

// collation.go: how collations compare strings of different lengths. PAD SPACE collations compare as if the shorter
// string went on with spaces, so whoever compares WEIGHT_STRINGs needs the weight of a space.

// codeUnknownColumn is ER_BAD_FIELD_ERROR.
const codeUnknownColumn = 1054

// ReadSpaceWeights gives WEIGHT_STRING(' ') for each of the collations that is PAD SPACE. Collations that are NO PAD
// are not in the answer, nor those that the server does not know: their data cannot come from it.
//
// A collation whose entry is empty (nil) is PAD SPACE, but its weight strings cannot be continued with a space's: they
// hold several levels one behind the other (MariaDB's utf8mb4_uca1400_as_cs and its like, latin2_czech_cs of both).
// WEIGHT_STRING(s AS CHAR(n)), n being the column's length, lets the server do the padding for those.
func ReadSpaceWeights(ctx context.Context, node *backend.Node, collations []string) (map[string][]byte, error) {
	padded, err := paddedCollations(ctx, node, collations)
	if err != nil {
		return nil, fmt.Errorf("read collations: %w", err)
	}
	weights := make(map[string][]byte, len(padded))
	for some := range slices.Chunk(padded, 64) {
		if err := readWeights(ctx, node, some, weights); err != nil {
			return nil, fmt.Errorf("read weights of collations: %w", err)
		}
	}
	return weights, nil
}

// readWeights asks for the weights of some collations in one query: of a space, and of another letter with and without
// a space behind it.
func readWeights(ctx context.Context, node *backend.Node, collations []string, into map[string][]byte) error {
	var parts []string
	for _, name := range collations {
		charset, _, _ := strings.Cut(name, "_")
		for _, text := range []string{" ", "a", "a "} {
			parts = append(parts, "HEX(WEIGHT_STRING(CONVERT("+quote(text)+" USING "+charset+") COLLATE "+name+"))")
		}
	}
	rows, err := run(ctx, node, "SELECT "+strings.Join(parts, ", "))
	if err != nil {
		return err
	}
	if len(rows) != 1 {
		return fmt.Errorf("%d rows for one", len(rows))
	}
	for i, name := range collations {
		space, letter, both := rows[0][3*i], rows[0][3*i+1], rows[0][3*i+2]
		into[name] = nil
		if !bytes.Equal(both, slices.Concat(letter, space)) {
			continue
		}
		if into[name], err = hex.DecodeString(string(space)); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// paddedCollations are those of names that are PAD SPACE on this server, sorted.
func paddedCollations(ctx context.Context, node *backend.Node, names []string) ([]string, error) {
	list := quoteNames(names)
	if list == "" {
		return nil, nil
	}
	rows, err := run(ctx, node, "SELECT COLLATION_NAME, PAD_ATTRIBUTE FROM information_schema.COLLATIONS "+
		"WHERE COLLATION_NAME IN ("+list+")")
	var refused *wire.Error
	if errors.As(err, &refused) && refused.Code == codeUnknownColumn {
		return paddedByName(ctx, node, list)
	}
	if err != nil {
		return nil, err
	}
	var padded []string
	for _, row := range rows {
		if string(row[1]) == "PAD SPACE" {
			padded = append(padded, string(row[0]))
		}
	}
	slices.Sort(padded)
	return padded, nil
}

// paddedByName is for MariaDB, which says it in the name only. FULL_COLLATION_NAME has the names that columns show
// ("utf8mb4_uca1400_ai_ci", in COLLATIONS just "uca1400_ai_ci"); servers before 10.10 do not have it, nor such names.
func paddedByName(ctx context.Context, node *backend.Node, list string) ([]string, error) {
	const from = " FROM information_schema.COLLATION_CHARACTER_SET_APPLICABILITY WHERE "
	rows, err := run(ctx, node, "SELECT FULL_COLLATION_NAME"+from+"FULL_COLLATION_NAME IN ("+list+")")
	var refused *wire.Error
	if errors.As(err, &refused) && refused.Code == codeUnknownColumn {
		rows, err = run(ctx, node, "SELECT COLLATION_NAME"+from+"COLLATION_NAME IN ("+list+")")
	}
	if err != nil {
		return nil, err
	}
	var padded []string
	for _, row := range rows {
		if name := row[0]; string(name) != "binary" && !bytes.Contains(name, []byte("_nopad_")) {
			padded = append(padded, string(name))
		}
	}
	slices.Sort(padded)
	return slices.Compact(padded), nil
}

// quoteNames makes the list of an IN, without what cannot be a collation's name.
func quoteNames(names []string) string {
	var quoted []string
	for _, name := range names {
		plain := name != "" && !strings.ContainsFunc(name, func(r rune) bool {
			return r != '_' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
		})
		if plain {
			quoted = append(quoted, quote(name))
		}
	}
	return strings.Join(quoted, ", ")
}
