package txn

// survey.go: what is in doubt, for an operator who looks at it or ends it by hand. It works on the servers, without a
// running Serval; what to print is not its matter.

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"serval/proxy/backend"
)

// Survey is all that is prepared on the groups' primaries.
type Survey struct {
	Doubts  []Doubt          // Serval's transactions, the oldest first
	Foreign map[string]int   // by group: what is not Serval's
	Unasked map[string]error // groups that could not be asked, and why
}

// Doubt is a transaction with prepared branches.
type Doubt struct {
	ID       ID
	Branches []Prepared
	Deciders []string // groups with the deciding store: one, unless groups share a server
	Verdict  Verdict  // "" is undecided, or not known
	Unknown  error    // why the verdict is not known
}

// Prepared is a prepared branch in a group.
type Prepared struct {
	Group string
	XID   XID
}

// Survey asks all groups, within attemptTimeout each.
func (m *Manager) Survey(ctx context.Context) *Survey {
	s := &Survey{Foreign: map[string]int{}, Unasked: map[string]error{}}
	doubts := map[ID]*Doubt{}
	var (
		mu   sync.Mutex
		wait sync.WaitGroup
	)
	for _, g := range m.cluster.Groups() {
		wait.Go(func() {
			list, err := m.survey(ctx, g.Name())
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				s.Unasked[g.Name()] = err
				return
			}
			s.Foreign[g.Name()] = list.foreign
			for _, x := range list.ours {
				if doubts[x.ID] == nil {
					doubts[x.ID] = &Doubt{ID: x.ID}
				}
				doubts[x.ID].Branches = append(doubts[x.ID].Branches, Prepared{g.Name(), x})
			}
		})
	}
	wait.Wait()
	for _, d := range doubts {
		slices.SortFunc(d.Branches, func(a, b Prepared) int { return strings.Compare(a.Group, b.Group) })
		d.Deciders = m.having(d.ID.Store)
		d.Verdict, d.Unknown = m.look(ctx, d)
		s.Doubts = append(s.Doubts, *d)
	}
	slices.SortFunc(s.Doubts, func(a, b Doubt) int { return strings.Compare(a.ID.Unique, b.ID.Unique) })
	return s
}

// survey reads a group's store, if it is not known, and what it has prepared.
func (m *Manager) survey(ctx context.Context, group string) (list *prepared, err error) {
	if err := m.lookFor(ctx, group); err != nil {
		return nil, err
	}
	err = m.own(ctx, group, func(_ context.Context, c *backend.Conn) error {
		list, err = recoverList(c)
		return err
	})
	return list, err
}

// look reads a verdict and makes none.
func (m *Manager) look(ctx context.Context, d *Doubt) (v Verdict, err error) {
	if len(d.Deciders) == 0 {
		return "", errUnknownStore
	}
	for _, group := range d.Deciders {
		err := m.own(ctx, group, func(_ context.Context, c *backend.Conn) error {
			got, err := m.readVerdict(c, d.ID)
			if got != "" && v != Committed {
				v = got
			}
			return err
		})
		if err != nil {
			return "", err
		}
	}
	return v, nil
}

// Find gives the doubt of that name, nil when it has no prepared branch.
func (s *Survey) Find(id ID) *Doubt {
	for i := range s.Doubts {
		if s.Doubts[i].ID == id {
			return &s.Doubts[i]
		}
	}
	return nil
}

// Decide gives an undecided transaction this verdict. One that is there already and is another one is an error.
func (m *Manager) Decide(ctx context.Context, id ID, v Verdict) error {
	got, err := m.decide(ctx, id, v)
	if err == nil && got != v {
		return fmt.Errorf("the verdict on %s is there already: %s", id, got)
	}
	return err
}

// FinishAll finishes a transaction's branches without asking who decides, and tells which.
func (m *Manager) FinishAll(ctx context.Context, d *Doubt, v Verdict) (finished []Prepared, err error) {
	var errs []error
	for _, b := range d.Branches {
		done, err := m.finishBranch(ctx, b.Group, b.XID, v)
		if done {
			finished = append(finished, b)
		}
		errs = append(errs, err)
	}
	return finished, errors.Join(errs...)
}
