package router

import (
	"fmt"

	"serval/config"
)

// new_algorithm.go: from the configuration and the shard key's column to an Algorithm. What is refused here could not be
// routed soundly; every refusal says what would work.

// NewAlgorithm makes a table's algorithm. key is the shard key's column as the servers describe it, or nil before they
// have been read: then only what does not depend on the column is checked, and texts are compared by their bytes, so the
// result is for checking a configuration, and statements need one made with the column.
func NewAlgorithm(spec *config.Shard, key *Column) (Algorithm, error) {
	if key != nil {
		if err := checkColumn(spec.By, key); err != nil {
			return nil, err
		}
	}
	a, err := newAlgorithm(spec, key)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", spec.By, err)
	}
	if a.Shards() != len(spec.Locations) {
		return nil, fmt.Errorf("%s: %d shards at %d locations", spec.By, a.Shards(), len(spec.Locations))
	}
	return a, nil
}

func newAlgorithm(spec *config.Shard, key *Column) (Algorithm, error) {
	shards := len(spec.Locations)
	switch spec.By {
	case config.ByHashMod:
		return NewHashMod(shards)
	case config.ByHashSlot:
		return NewHashSlot(spec.SlotMap, shards)
	case config.ByJump:
		return NewJump(shards)
	case config.ByDate:
		return NewDate(spec.Unit, spec.Start, shards)
	case config.ByRange:
		return configuredRange(spec, key)
	case config.ByList:
		return configuredList(spec, key)
	}
	return nil, fmt.Errorf("no such algorithm; there are hash_mod, hash_slot, range, list, date and jump")
}

func configuredRange(spec *config.Shard, key *Column) (Algorithm, error) {
	ranges := make([]KeyRange, len(spec.Ranges))
	for i, b := range spec.Ranges {
		var err error
		if ranges[i].From, err = configuredBound(b.From, key); err != nil {
			return nil, err
		}
		if ranges[i].To, err = configuredBound(b.To, key); err != nil {
			return nil, err
		}
	}
	return NewRange(ranges)
}

func configuredBound(v *config.Value, key *Column) (*Key, error) {
	if v == nil {
		return nil, nil
	}
	k, err := configuredKey(*v, key)
	if err != nil {
		return nil, err
	}
	if k.Kind == KeyDate && k.Magnitude%microsPerDay != 0 {
		return nil, fmt.Errorf("%q has a time of day; ranges of dates begin and end with days", v.Text)
	}
	return &k, nil
}

func configuredList(spec *config.Shard, key *Column) (Algorithm, error) {
	lists := make([][]Key, len(spec.Lists))
	rest := -1
	for i, l := range spec.Lists {
		if l.Default {
			rest = i
		}
		for _, v := range l.Values {
			k, err := configuredKey(v, key)
			if err != nil {
				return nil, err
			}
			lists[i] = append(lists[i], k)
		}
	}
	return NewList(lists, rest)
}

// configuredKey is a value of the configuration as a key of the column.
func configuredKey(v config.Value, col *Column) (Key, error) {
	if col == nil {
		if v.Integer {
			k, _ := parseInteger([]byte(v.Text))
			return k, nil
		}
		return Key{Kind: KeyString, Text: []byte(v.Text)}, nil
	}
	kind, err := keyKind(col)
	switch {
	case err != nil:
		return Key{}, err
	case kind == KeyInteger && !v.Integer:
		return Key{}, fmt.Errorf("%q is a text, but the column '%s' has integers; write integers without quotes", v.Text, col.Name)
	case kind != KeyInteger && v.Integer:
		return Key{}, fmt.Errorf("%s is an integer, but the column '%s' has none; put it in quotes", v.Text, col.Name)
	case kind == KeyInteger:
		k, _ := parseInteger([]byte(v.Text)) // checked by config
		return k, nil
	case kind == KeyDate:
		k, _, ok := parseDate([]byte(v.Text))
		if !ok {
			return Key{}, fmt.Errorf("%q is not a date; write it like 2026-01-31", v.Text)
		}
		return k, nil
	}
	rules := rulesOf(col)
	if !rules.charset.holds([]byte(v.Text)) {
		return Key{}, fmt.Errorf("%q has characters that the column '%s' cannot store", v.Text, col.Name)
	}
	return Key{Kind: KeyString, Text: rules.fold.appendFold(nil, []byte(v.Text))}, nil
}

// checkColumn refuses columns that an algorithm cannot route by.
func checkColumn(by string, col *Column) error {
	kind, err := keyKind(col)
	if err != nil {
		return err
	}
	if col.Generated {
		return fmt.Errorf("column '%s' is generated, so an INSERT does not say its value; shard by a column that is stored as given", col.Name)
	}
	switch by {
	case config.ByDate:
		if kind != KeyDate {
			return fmt.Errorf("%s: column '%s' is %s; it takes DATE or DATETIME", by, col.Name, col.DataType)
		}
	case config.ByRange:
		if kind == KeyString && !rulesOf(col).ordered() {
			return fmt.Errorf("range: column '%s' of collation %s does not sort by its bytes; "+
				"use a _bin collation of utf8mb4, utf8mb3 or ascii, VARBINARY, or the algorithm hash_mod or list", col.Name, col.Collation)
		}
	default:
		if kind == KeyDate {
			return fmt.Errorf("%s: column '%s' is %s; use the algorithm date or range", by, col.Name, col.DataType)
		}
	}
	return nil
}

// ordered tells whether the bytes of keys sort as the collation sorts their texts.
func (t textRules) ordered() bool {
	switch t.fold {
	case foldingBytes, foldingZeros:
		return true
	case foldingExact:
		return t.charset != charsetLatin1 // whose € comes before ÿ, unlike in Unicode
	}
	return false
}

// keyKind is the kind of keys that a column has, or why it cannot be a shard key.
func keyKind(col *Column) (KeyKind, error) {
	switch col.DataType {
	case "tinyint", "smallint", "mediumint", "int", "bigint":
		return KeyInteger, nil
	case "date", "datetime":
		return KeyDate, nil
	case "binary", "varbinary":
		return KeyString, nil
	case "char", "varchar":
		if rulesOf(col).fold == foldingNone {
			return 0, fmt.Errorf("column '%s' has the collation '%s', for which it is not proved which texts are equal; "+
				"use a _bin collation or one listed in docs/sharding.md, such as utf8mb4_0900_ai_ci or utf8mb4_general_ci", col.Name, col.Collation)
		}
		return KeyString, nil
	case "timestamp":
		return 0, fmt.Errorf("column '%s' is a TIMESTAMP, whose text depends on the session's time zone; use DATETIME", col.Name)
	}
	return 0, fmt.Errorf("column '%s' of type %s cannot be a shard key: equal values can be written in ways that do not meet in one shard; "+
		"use an integer type, CHAR, VARCHAR, BINARY, VARBINARY, DATE or DATETIME", col.Name, col.DataType)
}

// SameKeys tells whether equal values of two columns have the same key, so that tables cut by them can be bound: nil, or why not.
func SameKeys(a, b *Column) error {
	x, err := keyKind(a)
	if err != nil {
		return err
	}
	y, err := keyKind(b)
	if err != nil {
		return err
	}
	if x != y {
		return fmt.Errorf("the shard keys '%s' (%s) and '%s' (%s) are of different types", a.Name, a.DataType, b.Name, b.DataType)
	}
	if x == KeyString && rulesOf(a).fold != rulesOf(b).fold {
		return fmt.Errorf("the shard keys '%s' (%s) and '%s' (%s) have collations that do not agree on which texts are equal; give both the same",
			a.Name, collationOf(a), b.Name, collationOf(b))
	}
	return nil
}

func collationOf(col *Column) string {
	if col.Collation == "" {
		return col.DataType
	}
	return col.Collation
}
