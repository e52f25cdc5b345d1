package router

// refusal.go: what Serval says when a statement is not proven safe to split.

import "fmt"

// Refusal is the reason why a statement is not carried out. The session answers it as error 1235 (42000).
type Refusal struct {
	Construct string // what is in the way: "GROUP BY over several shards"
	Table     string // logical table it is about, "" when it is about none
	Remedy    string // what would work

	unknown bool // it is about a value of an INSERT that could be asked for first
}

func (r *Refusal) Error() string {
	s := "Serval does not support " + r.Construct
	if r.Table != "" {
		s += " on table '" + r.Table + "'"
	}
	if r.Remedy != "" {
		s += ": " + r.Remedy
	}
	return s
}

func refuse(construct string, t *Table, remedy string, args ...any) *Refusal {
	r := &Refusal{Construct: construct, Remedy: fmt.Sprintf(remedy, args...)}
	if t != nil {
		r.Table = t.Database + "." + t.Name
	}
	return r
}

// unknownValue marks a refusal that is about a value which could be asked for first.
func unknownValue(r *Refusal) *Refusal {
	r.unknown = true
	return r
}

// asRefusal is an error that is nil or a refusal.
func asRefusal(err error) *Refusal {
	r, _ := err.(*Refusal)
	return r
}

// SyntaxError is a statement that the parser does not understand. The session lets a server have the last word.
type SyntaxError struct{ Err error }

func (e *SyntaxError) Error() string { return e.Err.Error() }

// Unwrap gives the parser's error.
func (e *SyntaxError) Unwrap() error { return e.Err }
