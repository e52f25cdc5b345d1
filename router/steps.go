package router

// steps.go: statements that the session carries out as several statements of logical SQL, in one transaction.

// Steps says how a statement is carried out in steps.
type Steps uint8

// The ways.
const (
	StepsNone         Steps = iota
	StepsPick               // UPDATE and DELETE of rows whose keys are looked for first
	StepsMove               // UPDATE of a shard key
	StepsLoad               // LOAD DATA LOCAL: the file is cut into lines
	StepsInsertSelect       // INSERT … SELECT: the rows are read, and inserted by their keys
	StepsValues             // INSERT … VALUES of values that are asked for first
)

// reason says in words what is done.
func (s Steps) reason() string {
	switch s {
	case StepsPick:
		return "the rows' keys are looked for first, then they are written by their keys, in one transaction"
	case StepsMove:
		return "rows move to the shards of their new keys, in one transaction"
	case StepsValues:
		return "values are asked for first, and inserted as literals"
	case StepsInsertSelect:
		return "the rows are read, and inserted by their keys, in one transaction"
	}
	return "several statements, in one transaction"
}
