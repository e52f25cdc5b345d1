package config

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"gopkg.in/yaml.v3"
)

// algorithm.go: the keys of the single sharding algorithms. It checks what is true for every column type; what depends on a
// column's type or collation (does "a" sort before "B"?) is checked where the columns are known.

// algorithm reads what belongs to s.By.
func (b *shardBlock) algorithm(s *Shard) {
	switch s.By {
	case ByHashSlot:
		b.hashSlot(s)
	case ByRange:
		b.ranges(s)
	case ByList:
		b.lists(s)
	case ByDate:
		b.date(s)
	}
}

const defaultSlots = 1024

// hashSlot reads the number of slots and which shard has each.
func (b *shardBlock) hashSlot(s *Shard) {
	s.Slots = b.number("slots", defaultSlots, 1, MaxSlots)
	switch {
	case s.Slots&(s.Slots-1) != 0:
		b.r.fail(b.get("slots"), fmt.Sprintf("write 1024, 2048, 4096, 8192 or %d", MaxSlots), "%s.slots: %d is not a power of two", b.path, s.Slots)
		return
	case s.Slots < b.count:
		b.r.fail(b.key("slots"), "take more slots: they are what can be moved", "%s.slots: %d slots are too few for %d shards", b.path, s.Slots, b.count)
		return
	case b.count == 0:
		return
	}
	if n := b.get("slot_map"); n != nil {
		s.SlotMap = b.slotMap(n, s.Slots)
		return
	}
	s.SlotMap = make([]int, s.Slots)
	for slot := range s.SlotMap {
		s.SlotMap[slot] = slot * b.count / s.Slots
	}
}

// slotRange is "7" or "0-127".
var slotRange = regexp.MustCompile(`^([0-9]{1,6})(?:-([0-9]{1,6}))?$`)

// slotMap reads "0-127: 0" lines, which have to cover every slot once.
func (b *shardBlock) slotMap(n *yaml.Node, slots int) []int {
	path := b.path + ".slot_map"
	list := make([]int, slots)
	for i := range list {
		list[i] = -1
	}
	mistakes := len(b.r.errs)
	for _, e := range b.r.entries(n, path) {
		m := slotRange.FindStringSubmatch(e.name)
		if m == nil {
			b.r.fail(e.key, "write slots as 0-127: shard", "%s: %q is not a range of slots", path, e.name)
			continue
		}
		first, _ := strconv.Atoi(m[1]) // at most 6 digits
		last, err := strconv.Atoi(m[2])
		if err != nil {
			last = first
		}
		if first > last || last >= slots {
			b.r.fail(e.key, fmt.Sprintf("slots go from 0 to %d", slots-1), "%s: %s is not a range of this table's slots", path, e.name)
			continue
		}
		one := &block{r: b.r, path: path, at: e.key, fields: map[string]entry{e.name: e}}
		shard := one.number(e.name, 0, 0, b.count-1)
		for slot := first; slot <= last; slot++ {
			if list[slot] >= 0 {
				b.r.fail(e.key, "name every slot once", "%s: slot %d already belongs to shard %d", path, slot, list[slot])
				break
			}
			list[slot] = shard
		}
	}
	if len(b.r.errs) > mistakes {
		return nil
	}
	if missing := slices.Index(list, -1); missing >= 0 {
		b.r.fail(b.key("slot_map"), "name every slot once", "%s: slot %d has no shard", path, missing)
		return nil
	}
	return list
}

// value reads one shard key. Quoted ones and dates are texts.
func (r *reader) value(n *yaml.Node, path string) (*Value, bool) {
	if isNull(n) {
		r.fail(n, "NULL is never a shard key; remove it", "%s: there is no value", path)
		return nil, false
	}
	s, ok := r.text(n, path)
	if !ok {
		return nil, false
	}
	switch n.Tag {
	case "!!str", "!!timestamp":
		return &Value{Text: s}, true
	case "!!int", "!!float":
		digits := strings.TrimPrefix(strings.ReplaceAll(s, "_", ""), "+")
		if !wholeNumber.MatchString(s) {
			break
		}
		if digits == "-0" {
			digits = "0"
		}
		_, signed := strconv.ParseInt(digits, 10, 64)
		_, unsigned := strconv.ParseUint(digits, 10, 64)
		if signed != nil && unsigned != nil {
			r.fail(n, "put it in quotes if the column is a text", "%s: %s is not in the range of BIGINT", path, s)
			return nil, false
		}
		return &Value{Text: digits, Integer: true}, true
	}
	r.fail(n, "write a decimal integer, or put a text in quotes", "%s: %s cannot be a shard key", path, s)
	return nil, false
}

// sameKind reports a key that is a text among integers, or the other way round.
func (r *reader) sameKind(n *yaml.Node, path string, first **Value, v *Value) bool {
	if *first == nil {
		*first = v
	}
	if (*first).Integer == v.Integer {
		return true
	}
	r.fail(n, "quote all of them or none", "%s: integers and texts are mixed", path)
	return false
}

// compare orders two keys of one kind; texts by their bytes.
func (v *Value) compare(o *Value) int {
	if !v.Integer {
		return strings.Compare(v.Text, o.Text)
	}
	negative, otherNegative := v.Text[0] == '-', o.Text[0] == '-'
	if negative != otherNegative {
		if negative {
			return -1
		}
		return 1
	}
	if negative {
		v, o = o, v
	}
	if len(v.Text) != len(o.Text) { // no leading zeros
		return len(v.Text) - len(o.Text)
	}
	return strings.Compare(v.Text, o.Text)
}

// dateLike texts sort as their bytes do under every collation.
var dateLike = regexp.MustCompile(`^[0-9][0-9 :.-]*$`)

// ranges reads one {to: …} for each shard. The first may have a from, the last may lack a to.
func (b *shardBlock) ranges(s *Shard) {
	if !b.require("ranges", "add ranges: [{to: 1000000}, {to: 2000000}, {}], one for each shard") || b.count == 0 {
		return
	}
	mistakes := len(b.r.errs)
	var first, last *Value // of all bounds; the last upper one
	items := b.r.list(b.get("ranges"), b.path+".ranges")
	for i, item := range items {
		path := b.path + ".ranges[" + strconv.Itoa(i) + "]"
		one := b.r.block(item, nil, path, "from", "to")
		if one.broken {
			return
		}
		bound := RangeBound{From: last}
		if n := one.get("from"); n != nil {
			v, ok := b.r.value(n, path+".from")
			if !ok || !b.r.sameKind(n, path+".from", &first, v) {
				return
			}
			if i > 0 && (last == nil || v.compare(last) != 0) {
				b.r.fail(n, "leave from out: a range starts where the one before it ends", "%s.from: ranges have no gaps", path)
			}
			bound.From = v
		}
		n := one.get("to")
		if n == nil && i < len(items)-1 {
			b.r.fail(item, "add to: the first key that is no longer in this shard; only the last range may be open", "%s: there is no to", path)
			return
		}
		if n != nil {
			v, ok := b.r.value(n, path+".to")
			if !ok || !b.r.sameKind(n, path+".to", &first, v) {
				return
			}
			b.ascending(n, path, bound.From, v)
			bound.To, last = v, v
		}
		s.Ranges = append(s.Ranges, bound)
	}
	if len(b.r.errs) > mistakes {
		s.Ranges = nil
	}
}

// ascending reports an upper bound that is not above the lower one, as far as that is known without the column.
func (b *shardBlock) ascending(n *yaml.Node, path string, from, to *Value) {
	if from == nil {
		return
	}
	ordered := to.Integer || dateLike.MatchString(from.Text) && dateLike.MatchString(to.Text)
	if ordered && to.compare(from) <= 0 || strings.EqualFold(from.Text, to.Text) {
		b.r.fail(n, "write the ranges in ascending order", "%s.to: %s is not above %s", path, to.Text, from.Text)
	}
}

// lists reads one list of keys for each shard; the word default stands for all other keys.
func (b *shardBlock) lists(s *Shard) {
	if !b.require("lists", "add lists: [[1, 2], [3, 4], default], one for each shard") || b.count == 0 {
		return
	}
	var first *Value
	owner := map[Value]int{}
	fallback := -1
	for i, item := range b.r.list(b.get("lists"), b.path+".lists") {
		path := b.path + ".lists[" + strconv.Itoa(i) + "]"
		var l ListValues
		switch {
		case item.Kind == yaml.ScalarNode && item.Value == "default":
			if fallback >= 0 {
				b.r.fail(item, "keep one", "%s: shard %d is already the default", path, fallback)
			}
			fallback, l.Default = i, true
		case item.Kind != yaml.SequenceNode:
			b.r.fail(item, "write [a, b], or default for the shard of all other keys", "%s: a list of keys is wanted", path)
			continue
		case len(item.Content) == 0:
			b.r.fail(item, "name its keys, or write default for the shard of all other keys", "%s: the list is empty", path)
		}
		for j, n := range item.Content {
			n, at := deref(n), path+"["+strconv.Itoa(j)+"]"
			v, ok := b.r.value(n, at)
			if !ok || !b.r.sameKind(n, at, &first, v) {
				continue
			}
			if other, taken := owner[*v]; taken {
				b.r.fail(n, "name every key once", "%s: %s is already in the list of shard %d", at, v.Text, other)
				continue
			}
			owner[*v] = i
			l.Values = append(l.Values, *v)
		}
		s.Lists = append(s.Lists, l)
	}
}

// dateUnits are the units, each with the shortest way to write its first period.
var dateUnits = map[string]string{"day": "2006-01-02", "month": "2006-01", "year": "2006"}

// date reads the unit and the first period.
func (b *shardBlock) date(s *Shard) {
	if b.require("unit", "add unit: day, month or year") {
		s.Unit = b.choice("unit", "", "day", "month", "year")
	}
	if !b.require("start", "add start: the first period, such as 2026-01") || s.Unit == "" {
		return
	}
	n := b.get("start")
	text, ok := b.r.text(n, b.path+".start")
	if !ok {
		return
	}
	short := dateUnits[s.Unit]
	start, err := time.Parse(short, text)
	if err != nil {
		start, err = time.Parse(time.DateOnly, text)
	}
	switch {
	case err != nil || start.Year() < 1:
		b.r.fail(n, "write it as "+example(short), "%s.start: %q is not a %s", b.path, text, s.Unit)
		return
	case s.Unit != "day" && start.Day() != 1 || s.Unit == "year" && start.Month() != time.January:
		b.r.fail(n, "write "+start.Format(short), "%s.start: %s is not the first day of a %s", b.path, text, s.Unit)
		return
	}
	s.Start = start.Format(time.DateOnly)
	if end := lastPeriod(start, s.Unit, b.count); end.Year() > 9999 {
		b.r.fail(n, "start earlier or take fewer shards", "%s.start: shard %d would start after the year 9999", b.path, b.count-1)
	}
}

// example is an example of a first period.
func example(layout string) string {
	return time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC).Format(layout)
}

// lastPeriod is the first day of the last of n periods.
func lastPeriod(start time.Time, unit string, n int) time.Time {
	steps := max(0, n-1)
	switch unit {
	case "day":
		return start.AddDate(0, 0, steps)
	case "month":
		return start.AddDate(0, steps, 0)
	}
	return start.AddDate(steps, 0, 0)
}
