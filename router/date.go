package router

import (
	"fmt"
	"time"
)

// date.go: one shard for each day, month or year from a start on. The days are those of the column's own
// value; DATE and DATETIME have no time zone.

type dateUnit uint8

const (
	unitDay dateUnit = iota
	unitMonth
	unitYear
)

type dateBy struct {
	shards int
	unit   dateUnit
	first  int64 // number of the period of shard 0, see period
}

const errNoDate = keyError("it is before the first or after the last period of the configuration; add shards for later ones")

// NewDate makes the algorithm date. unit is "day", "month" or "year"; start is a day ("2006-01-02") of shard 0's period.
//
//	day:    shard(d) = TO_DAYS(d) - TO_DAYS(start)
//	month:  shard(d) = 12·YEAR(d) + MONTH(d) - 12·YEAR(start) - MONTH(start)
//	year:   shard(d) = YEAR(d) - YEAR(start)
func NewDate(unit, start string, shards int) (Algorithm, error) {
	if err := checkShards(shards); err != nil {
		return nil, err
	}
	d := &dateBy{shards: shards}
	switch unit {
	case "day":
		d.unit = unitDay
	case "month":
		d.unit = unitMonth
	case "year":
		d.unit = unitYear
	default:
		return nil, fmt.Errorf("unit %q: it is day, month or year", unit)
	}
	k, _, ok := parseDate([]byte(start))
	if !ok || k.Magnitude%microsPerDay != 0 {
		return nil, fmt.Errorf("start %q is not a day; write it like 2026-01-31", start)
	}
	d.first = d.period(k)
	return d, nil
}

// Name is "date".
func (*dateBy) Name() string { return "date" }

// Shards is the number of periods.
func (d *dateBy) Shards() int { return d.shards }

// Shard fails for a date outside of all periods.
func (d *dateBy) Shard(k Key) (int, error) {
	if k.Kind != KeyDate {
		return 0, keyError("it is not a date")
	}
	i := d.period(k) - d.first
	if i < 0 || i >= int64(d.shards) {
		return 0, errNoDate
	}
	return int(i), nil
}

// Range adds the shards of the periods that the interval touches.
func (d *dateBy) Range(lo, hi *Bound, set *ShardSet) {
	from, to := int64(0), int64(d.shards)-1
	if lo != nil {
		from = max(from, d.period(lo.Key)-d.first)
	}
	if hi != nil {
		k := hi.Key
		if !hi.Inclusive && k.Magnitude > 0 {
			k.Magnitude-- // the last microsecond before
		}
		to = min(to, d.period(k)-d.first)
	}
	for i := from; i <= to; i++ {
		set.Add(int(i))
	}
}

// period numbers the days, months or years since year 0.
func (d *dateBy) period(k Key) int64 {
	days := int64(k.Magnitude / microsPerDay)
	if d.unit == unitDay {
		return days
	}
	year, month, _ := time.Unix((days-unixDay)*secondsPerDay, 0).UTC().Date()
	if d.unit == unitYear {
		return int64(year)
	}
	return int64(year)*12 + int64(month) - 1
}

const (
	secondsPerDay = 24 * 60 * 60
	microsPerDay  = secondsPerDay * 1_000_000
	unixDay       = 719528 // TO_DAYS('1970-01-01')
)

// parseDate reads YYYY-MM-DD, optionally followed by a space or T and HH:MM:SS with up to six digits of fraction:
// what all servers read alike under every sql_mode. Day and month exist, the year is 1 to 9999.
//
// edge means that the text lies in the last second of a day with a fraction: a DATETIME column without
// fractions keeps it on that day or moves it to the next, by server and sql_mode.
func parseDate(text []byte) (k Key, edge, ok bool) {
	if len(text) < 10 || text[4] != '-' || text[7] != '-' {
		return Key{}, false, false
	}
	year, ok1 := number(text[0:4])
	month, ok2 := number(text[5:7])
	day, ok3 := number(text[8:10])
	if !ok1 || !ok2 || !ok3 || year < 1 || month < 1 || month > 12 || day < 1 {
		return Key{}, false, false
	}
	t := time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC)
	if t.Day() != day {
		return Key{}, false, false // 31 April
	}
	micros, ok := parseTime(text[10:])
	days := t.Unix()/secondsPerDay + unixDay // exact: t is a midnight
	k = Key{Kind: KeyDate, Magnitude: uint64(days)*microsPerDay + micros}
	return k, micros > microsPerDay-1_000_000, ok
}

// parseTime reads nothing, or the time of day that follows a date, in microseconds.
func parseTime(text []byte) (uint64, bool) {
	if len(text) == 0 {
		return 0, true
	}
	if len(text) < 9 || text[0] != ' ' && text[0] != 'T' || text[3] != ':' || text[6] != ':' {
		return 0, false
	}
	hour, ok1 := number(text[1:3])
	minute, ok2 := number(text[4:6])
	second, ok3 := number(text[7:9])
	if !ok1 || !ok2 || !ok3 || hour > 23 || minute > 59 || second > 59 {
		return 0, false
	}
	micros := uint64(hour*3600+minute*60+second) * 1_000_000
	fraction := text[9:]
	if len(fraction) == 0 {
		return micros, true
	}
	if fraction[0] != '.' || len(fraction) < 2 || len(fraction) > 7 {
		return 0, false
	}
	value, ok := number(fraction[1:])
	for i := len(fraction); i < 7; i++ {
		value *= 10
	}
	return micros + uint64(value), ok
}

// number reads decimal digits and nothing else.
func number(text []byte) (int, bool) {
	n := 0
	for _, c := range text {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int(c-'0')
	}
	return n, len(text) > 0
}
