package merge

// runfile.go: the runs of an external sort, one behind the other in one file without a name.

// runFile keeps runs of rows.
type runFile struct {
	spool *Spool  // all of whose rows go to its file
	runs  []int64 // where each ends
}

func newRunFile() (*runFile, error) {
	f := &runFile{spool: NewSpool(0)}
	return f, f.spool.open()
}

// append adds a row to the run that is being written.
func (f *runFile) append(row []byte) error { return f.spool.Append(row) }

// end ends a run.
func (f *runFile) end() { f.runs = append(f.runs, f.spool.size) }

// appendAll writes a stream as a run.
func (f *runFile) appendAll(in Stream) error {
	if err := f.spool.AppendAll(in); err != nil {
		return err
	}
	f.end()
	return nil
}

// streams reads the runs, each from its first row.
func (f *runFile) streams() []Stream {
	var streams []Stream
	start := int64(0)
	for _, end := range f.runs {
		streams = append(streams, f.spool.section(start, end))
		start = end
	}
	return streams
}

func (f *runFile) close() error { return f.spool.Close() }
