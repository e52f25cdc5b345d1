package proxy

// load.go: LOAD DATA LOCAL INFILE into a table in several places. The client's file is cut into lines, each goes to the
// shard of its key (or to every copy), and each place is given its lines, byte for byte, in batches with a LOAD DATA of
// their own: the servers parse the fields, convert and warn. One goroutine a group gives batches away while the session
// reads; memory is what the batches may hold, whatever the file's size. All of it is one transaction.

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"serval/proxy/backend"
	"serval/proxy/loaddata"
	"serval/proxy/transcode"
	"serval/proxy/wire"
	"serval/router"
)

const (
	// batchBytes is when a place's lines are sent, batchesBytes when the place that has the most is.
	batchBytes   = 1 << 20
	batchesBytes = 16 << 20
)

// loading is one LOAD DATA.
type loading struct {
	*session
	plan    *router.Plan
	load    *router.Load
	charset string // of the file
	table   *transcode.Table
	literal int // the place of all lines, -1: their fields say
	key     int // where the key is among the wanted fields
	numbers *lineNumbers

	workers []*loadWorker // one a group that has been sent something
	common  []loaddata.Warning
	first   failure // the first failure by the file's lines

	batches []*loaddata.Batch // per place
	held    int               // bytes in them
	last    int               // the place of the last line
	room    []byte
	decoded []byte
}

// loadData carries out a LOAD DATA LOCAL.
func (c *session) loadData(p *router.Plan) error {
	if c.st.Parameters > 0 {
		return notSupported("Serval does not support parameters in LOAD DATA into a table in several places: write the values into the statement")
	}
	l := &loading{session: c, plan: p, load: p.Load, literal: -1, last: -1}
	limit, err := l.learn()
	if err != nil {
		return err
	}
	if c.lockedGroup != "" {
		return errTablesLocked("LOAD DATA into a table in several places")
	}
	var (
		total    loaddata.Counts
		affected uint64
	)
	warnings := loaddata.Warnings{Limit: limit}
	err = c.atomically(func() error {
		err := l.run(limit)
		for _, w := range l.counted() {
			total.Add(w.counts)
			affected += w.affected
			warnings.Merge(&w.warnings)
		}
		return err
	})
	if err != nil {
		return err
	}
	total.Warnings += uint64(len(l.common))
	list := append(l.common, warnings.List...)
	c.warnings = c.warnings[:0]
	if err := c.addWarnings(loadWarnings(list[:min(len(list), limit)])); err != nil {
		return err
	}
	ok := &wire.OK{AffectedRows: affected, Warnings: uint16(min(total.Warnings, 65535)), Info: total.Info()}
	c.rowCount = int64(ok.AffectedRows)
	if l.numbers != nil && l.numbers.first > 0 {
		c.lastInsertID = l.numbers.first
	}
	return clientError(c.ok(ok))
}

// loadWarnings are warnings as SHOW WARNINGS gives them.
func loadWarnings(list []loaddata.Warning) (rows []backend.Row) {
	for _, w := range list {
		rows = append(rows, backend.Row{[]byte(w.Level), []byte(w.Code), []byte(w.Message)})
	}
	return rows
}

// learn finds out what is not in the plan: the file's character set, how many warnings are kept, the place of a literal.
func (l *loading) learn() (limit int, err error) {
	c := l.session
	r, err := c.step([]byte("SELECT @@character_set_database, @@max_error_count"))
	if err != nil {
		return 0, err
	}
	defer r.Close()
	row, err := r.Next()
	if err != nil || len(row) != 2 {
		return 0, errors.Join(errNotReadBack, err)
	}
	if l.charset = l.load.Charset; l.charset == "" {
		l.charset = string(row[0])
	}
	if limit, err = strconv.Atoi(string(row[1])); err != nil {
		return 0, errors.Join(errNotReadBack, err)
	}
	if l.load.FromLiteral() {
		if l.literal, err = c.route.LoadLiteral(l.load, &c.st); err != nil {
			return 0, notSupported("Serval cannot tell where to load: %v", err)
		}
	}
	if err := l.mayPassThrough(); err != nil {
		return 0, err
	}
	l.table, err = l.decodes()
	return limit, err
}

// mayPassThrough refuses a key that goes through a user variable of a character set in which ASCII is not ASCII: MySQL reads
// the variable in the character set that it had before the statement.
func (l *loading) mayPassThrough() error {
	literal := l.state.users[strings.ToLower(l.load.Variable)]
	for _, set := range []string{"ucs2", "utf16", "utf32"} {
		if strings.Contains(literal, set) {
			return notSupported("Serval does not support a shard key from @%s, which is in %s, in LOAD DATA: SET @%s = '' first", l.load.Variable, set, l.load.Variable)
		}
	}
	return nil
}

// decodes is the table by which a key is decoded, nil where its bytes are what is compared.
func (l *loading) decodes() (*transcode.Table, error) {
	col := l.load.Table.KeyColumn()
	if l.load.Key < 0 || col == nil || col.Collation == "" || col.Collation == "binary" || !transcoded(l.charset) {
		return nil, nil
	}
	return l.srv.charsetTable(l.charset)
}

// format is how the file is cut.
func (l *loading) format() loaddata.Format {
	p := l.load
	return loaddata.Format{
		FieldTerm: p.FieldTerm, LineTerm: p.LineTerm, LineStart: p.LineStart, Enclosed: p.Enclosed, Escaped: p.Escaped,
		Charset: l.charset, Skip: p.Skip, Fields: p.Fields,
	}
}

// run loads the file: when it has been asked for it is read to its end, whatever happens.
func (l *loading) run(limit int) error {
	wanted, auto := l.wanted()
	l.numbers = l.newLineNumbers(auto)
	source := &later{}
	lines, err := loaddata.NewReader(source, l.format(), wanted...)
	if err != nil {
		return loadRefused(l.load.Table, err)
	}
	defer l.wait()
	question, err := l.ask(limit)
	if err != nil {
		return err
	}
	file, err := l.conn.AskFile(question)
	if err != nil {
		return clientError(err)
	}
	source.Reader = file
	err = l.split(lines)
	if err == nil {
		err = l.numbers.tell()
	}
	if err == nil {
		err = l.flush()
	}
	gone := file.Drain()
	err = l.finish(err)
	if gone != nil {
		return clientError(gone)
	}
	return err
}

// wanted are the fields that are looked at: of the shard key and of the number.
func (l *loading) wanted() (fields []int, auto int) {
	auto = -1
	if l.load.Key >= 0 {
		fields = append(fields, l.load.Key)
	}
	if l.load.Auto == nil || l.load.AutoField < 0 {
		return fields, auto
	}
	switch at := l.load.AutoField; {
	case at == l.load.Key:
		return fields, 0
	case at < l.load.Key:
		l.key = 1
		return []int{at, l.load.Key}, 0
	default:
		return append(fields, at), len(fields)
	}
}

// loadRefused is the refusal of a file that cannot be cut.
func loadRefused(t *router.Table, err error) error {
	var no *loaddata.Unsupported
	if errors.As(err, &no) {
		return &router.Refusal{Construct: "LOAD DATA of " + no.What, Table: t.Database + "." + t.Name, Remedy: no.Remedy}
	}
	return err
}

// ask has a server look at the statement before the client is asked for its file: it loads an empty one. What it warns of
// is about the statement. The question for the file is the server's.
func (l *loading) ask(limit int) ([]byte, error) {
	w, err := l.worker(max(l.literal, 0), limit)
	if err != nil {
		return nil, err
	}
	question, ok, err := w.probe(l.sqlOf(max(l.literal, 0)))
	if err == nil && ok.Warnings > 0 {
		l.common, err = w.askWarnings()
	}
	if err != nil {
		return nil, l.failed(w, err)
	}
	if l.load.Charset == "" { // the name of utf8mb3 is Serval's
		l.common = notOfCharset(l.common)
	}
	for _, w := range l.workers {
		w.common = int(ok.Warnings)
	}
	return question, nil
}

// sqlOf is what a place is asked.
func (l *loading) sqlOf(place int) []byte {
	return l.load.SQL(nil, place, l.charset, &l.st, &l.args)
}

// split reads the lines into batches, and sends those that are full.
func (l *loading) split(lines *loaddata.Reader) error {
	places := 1
	if l.load.Table.Kind == router.Sharded {
		places = len(l.load.Table.Shards)
	}
	l.batches = make([]*loaddata.Batch, places)
	for {
		line, err := lines.Next()
		switch {
		case errors.Is(err, errEOF):
			return nil
		case err != nil:
			return l.cannotCut(err)
		}
		if line.Number > l.first.row() {
			return nil // what comes now does not matter any more
		}
		pieces, made, err := l.numbers.pieces(line)
		place := 0
		if err == nil {
			place, err = l.place(line, made)
		}
		var bad *badLine
		if errors.As(err, &bad) {
			l.first.note(line.Number, notSupported("Serval cannot tell the shard of line %d of the file for table '%s.%s': %v; nothing has been loaded",
				line.Number, l.load.Table.Database, l.load.Table.Name, bad))
			return nil
		}
		if err != nil {
			return err
		}
		l.last = place
		if err := l.add(place, line.Number, pieces[:]); err != nil {
			return err
		}
	}
}

// cannotCut is the failure to read the file.
func (l *loading) cannotCut(err error) error {
	var bad *loaddata.Bad
	if errors.As(err, &bad) {
		l.first.note(bad.Line, notSupported("Serval cannot tell the lines of the file for table '%s.%s' apart: %v; nothing has been loaded", l.load.Table.Database, l.load.Table.Name, bad))
		return nil
	}
	return clientError(err)
}

// badLine is a line that cannot be given a place.
type badLine struct{ err error }

func (e *badLine) Error() string { return e.err.Error() }
func (e *badLine) Unwrap() error { return e.err }

// place is where a line goes: an index of the table's shards, 0 for all copies. made is the number that it was given, 0:
// none.
func (l *loading) place(line *loaddata.Line, made uint64) (int, error) {
	switch {
	case l.load.Table.Kind != router.Sharded:
		return 0, nil
	case l.literal >= 0:
		return l.literal, nil
	}
	var f router.LoadField
	if made > 0 && l.load.Auto == l.load.Table.KeyColumn() {
		f.Text = strconv.AppendUint(nil, made, 10)
	} else {
		wanted := line.Wanted[l.key]
		if !transcode.ASCII(wanted.Text) {
			if err := l.decodeKey(&wanted); err != nil {
				return 0, &badLine{err}
			}
		}
		f = router.LoadField{Text: wanted.Text, Null: wanted.Null, Missing: wanted.Missing}
	}
	place, err := l.load.LineShard(f, l.room)
	if err != nil {
		return 0, &badLine{err}
	}
	return place, nil
}

// decodeKey gives a key in UTF-8.
func (l *loading) decodeKey(f *loaddata.Field) error {
	col := l.load.Table.KeyColumn()
	switch {
	case col == nil:
		return nil
	case l.load.Variable != "":
		return fmt.Errorf("column '%s' is the shard key and text outside of ASCII reaches it through @%s, which the servers may convert; name the column in the list", col.Name, l.load.Variable)
	case col.Collation == "" || col.Collation == "binary":
		return nil
	case l.charset == "binary":
		return fmt.Errorf("column '%s' is the shard key and its bytes have no character set; say CHARACTER SET", col.Name)
	case l.table == nil:
		return nil
	}
	text, met := l.table.Decode(l.decoded[:0], f.Text)
	l.decoded = text
	if met.Kept {
		return fmt.Errorf("column '%s' is the shard key and holds bytes that are no characters of %s", col.Name, l.charset)
	}
	f.Text = text
	return nil
}

// add puts a line into the batch of its place.
func (l *loading) add(place int, number uint64, pieces [][]byte) error {
	b := l.batches[place]
	if b == nil {
		b = &loaddata.Batch{}
		b.Reset(place)
		l.batches[place] = b
	}
	before := b.Size()
	b.Add(number, pieces...)
	l.held += b.Size() - before
	switch {
	case b.Size() >= batchBytes:
		return l.send(place)
	case l.held >= batchesBytes:
		return l.send(l.biggest())
	}
	return nil
}

func (l *loading) biggest() (place int) {
	size := -1
	for i, b := range l.batches {
		if b != nil && b.Size() > size {
			place, size = i, b.Size()
		}
	}
	return place
}

// flush sends what is left, the last line's place behind the others: what the line leaves in user variables stays.
func (l *loading) flush() error {
	for place, b := range l.batches {
		if b != nil && b.Len() > 0 && place != l.last {
			if err := l.send(place); err != nil {
				return err
			}
		}
	}
	if l.last >= 0 && l.batches[l.last] != nil && l.batches[l.last].Len() > 0 {
		return l.send(l.last)
	}
	return nil
}
