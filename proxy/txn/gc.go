package txn

// gc.go: deletes verdicts that nobody will ask for any more. Any Serval may do it at any time. It must never delete a
// verdict that somebody still asks for: who finds none makes one, and it would be rollback.

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"serval/proxy/backend"
)

// Verdicts are kept for this long at least. A commit is asked for by those who have a branch prepared, whom the lists of
// prepared branches show, and by a coordinator that lost the deciding connection in COMMIT, within seconds. A rollback
// stands in the way of a coordinator that was frozen before it decided; it cannot do so any more when its connection has
// gone.
const (
	keepCommits   = 10 * time.Minute
	keepRollbacks = 24 * time.Hour
)

const (
	collectEvery   = time.Minute // half as much to half more, so that several Servals do it in turn
	collectBatch   = 500
	clockTolerance = time.Minute // by which the server's clock and this one's may differ
)

// collectUntil collects until ctx ends.
func (m *Manager) collectUntil(ctx context.Context) {
	complaint := ""
	for pause(ctx, collectEvery/2+rand.N(collectEvery)) {
		deleted, err := m.Collect(ctx)
		if deleted > 0 {
			m.log.Debug("old decisions were deleted", "count", deleted)
		}
		if err == nil {
			complaint = ""
		} else if err.Error() != complaint && ctx.Err() == nil {
			complaint = err.Error()
			m.log.Warn("old decisions cannot be deleted", "error", err)
		}
	}
}

// lists are the transactions that the groups had prepared at one time; a group that could not be asked is missing.
type lists map[string]map[ID]bool

// Collect goes once through the verdicts of all groups and deletes those that are not needed any more. A verdict goes when
// neither this call nor the one before it has seen a branch that needs it, and none can come back (fence): so the first
// call deletes nothing.
func (m *Manager) Collect(ctx context.Context) (deleted int, err error) {
	m.collecting.Lock()
	defer m.collecting.Unlock()
	if !m.anyStore() {
		return 0, nil
	}
	before := m.lastLists
	now, err := m.listAll(ctx, recoverList)
	m.lastLists = now
	errs := []error{err}
	if before == nil {
		return 0, err
	}
	fenced := sync.OnceValue(func() lists {
		all, _ := m.listAll(ctx, m.fence) // a group that is missing keeps its transactions' verdicts
		return all
	})
	done := map[string]bool{} // stores: groups on one server have one
	for _, g := range m.cluster.Groups() {
		k := m.stores[g.Name()].known.Load()
		if k == nil || done[k.id] || now[g.Name()] == nil {
			continue
		}
		done[k.id] = true
		n, err := m.collectGroup(ctx, g.Name(), []lists{before, now}, fenced)
		deleted += n
		errs = append(errs, err)
	}
	return deleted, errors.Join(errs...)
}

// anyStore tells whether there is a group that may have verdicts.
func (m *Manager) anyStore() bool {
	for _, s := range m.stores {
		if s.known.Load() != nil {
			return true
		}
	}
	return false
}

// fence lists what a group has prepared, and commits a write behind it. Where replication waits for a replica, that has
// everything before the write then, the ends of branches too: no failover brings one back that needs its verdict.
func (m *Manager) fence(c *backend.Conn) (*prepared, error) {
	list, err := recoverList(c)
	if err != nil {
		return nil, err
	}
	if m.stores[c.Node().Group()].known.Load() == nil {
		return list, nil // it has no store, and has taken part in nothing
	}
	_, err = c.Exec("INSERT INTO " + m.table("xa_decision") + " (gtrid, verdict, participants, decided_at) VALUES ('', 'rollback', UUID(), 0)" +
		" ON DUPLICATE KEY UPDATE participants = VALUES(participants)")
	return list, err
}

// listAll asks every group what it has prepared.
func (m *Manager) listAll(ctx context.Context, look func(*backend.Conn) (*prepared, error)) (lists, error) {
	groups := m.cluster.Groups()
	found, errs := make([]*prepared, len(groups)), make([]error, len(groups))
	var wait sync.WaitGroup
	for i, g := range groups {
		wait.Go(func() {
			errs[i] = m.own(ctx, g.Name(), func(_ context.Context, c *backend.Conn) (err error) {
				found[i], err = look(c)
				return err
			})
		})
	}
	wait.Wait()
	all := lists{}
	for i, g := range groups {
		if errs[i] != nil {
			continue
		}
		all[g.Name()] = map[ID]bool{}
		for _, x := range found[i].ours {
			all[g.Name()][x.ID] = true
		}
	}
	return all, errors.Join(errs...)
}

// decision is a row of the table.
type decision struct {
	id           ID
	key          string // gtrid as it stands there; id is the zero ID when it is none of Serval's
	verdict      Verdict
	participants []string
	at           int64
}

// limits are the times before which a group's verdicts are old, in Unix seconds.
type limits struct{ commits, rollbacks int64 }

// collectGroup goes through one group's table in the order of time, a batch at a time.
func (m *Manager) collectGroup(ctx context.Context, group string, looks []lists, fenced func() lists) (deleted int, err error) {
	var last decision
	for more := true; more && err == nil; {
		var batch []decision
		found := 0
		err = m.own(ctx, group, func(_ context.Context, c *backend.Conn) error {
			old, err := readLimits(c)
			if err == nil {
				batch, err = m.oldDecisions(c, old, last)
			}
			if err != nil || len(batch) == 0 {
				return err
			}
			unneeded, err := m.unneeded(c, batch, looks)
			found = len(unneeded)
			return err
		})
		if more = len(batch) == collectBatch; len(batch) > 0 {
			last = batch[len(batch)-1]
		}
		if err == nil && found > 0 {
			found, err = m.deleteUnneeded(ctx, group, batch, append(slices.Clip(looks), fenced()))
			deleted += found
		}
	}
	if err != nil {
		return deleted, fmt.Errorf("group %s: %w", group, err)
	}
	return deleted, nil
}

// deleteUnneeded deletes those decisions of a batch that no look shows to be needed.
func (m *Manager) deleteUnneeded(ctx context.Context, group string, batch []decision, looks []lists) (deleted int, err error) {
	err = m.own(ctx, group, func(_ context.Context, c *backend.Conn) error {
		unneeded, err := m.unneeded(c, batch, looks)
		if err == nil && len(unneeded) > 0 {
			_, err = c.Exec("DELETE FROM " + m.table("xa_decision") + " WHERE gtrid IN (" + strings.Join(unneeded, ", ") + ")")
		}
		if err == nil {
			deleted = len(unneeded)
		}
		return err
	})
	return deleted, err
}

// readLimits says what is old. Every Serval writes its own clock's time; one whose clock is far from the server's could
// take a new decision for an old one.
func readLimits(c *backend.Conn) (limits, error) {
	rows, err := c.Query("SELECT UNIX_TIMESTAMP(), GREATEST(@@GLOBAL.wait_timeout, @@GLOBAL.interactive_timeout)")
	if err != nil {
		return limits{}, err
	}
	if len(rows) != 1 {
		return limits{}, fmt.Errorf("%d rows for the time", len(rows))
	}
	server, errT := strconv.ParseInt(string(rows[0][0]), 10, 64)
	timeout, errW := strconv.ParseInt(string(rows[0][1]), 10, 64)
	if err := errors.Join(errT, errW); err != nil {
		return limits{}, err
	}
	now := time.Now()
	if off := now.Sub(time.Unix(server, 0)); off.Abs() > clockTolerance {
		return limits{}, fmt.Errorf("the clocks of this machine and of %s differ by %v", c.Node(), off.Round(time.Second))
	}
	idle := max(keepRollbacks, 2*time.Duration(timeout)*time.Second)
	return limits{commits: now.Add(-keepCommits).Unix(), rollbacks: now.Add(-idle).Unix()}, nil
}

// oldDecisions reads the next batch behind last.
func (m *Manager) oldDecisions(c *backend.Conn, old limits, last decision) ([]decision, error) {
	rows, err := c.Query(fmt.Sprintf("SELECT gtrid, verdict, participants, decided_at FROM %s WHERE decided_at >= %d AND decided_at < %d"+
		" AND (decided_at > %d OR gtrid > x'%x') AND (verdict = 'commit' OR decided_at < %d) ORDER BY decided_at, gtrid LIMIT %d",
		m.table("xa_decision"), last.at, old.commits, last.at, last.key, old.rollbacks, collectBatch))
	if err != nil {
		return nil, err
	}
	batch := make([]decision, 0, len(rows))
	for _, row := range rows {
		d := decision{key: string(row[0]), verdict: Verdict(row[1])}
		d.id, _ = ParseID(d.key)
		if len(row[2]) > 0 {
			d.participants = strings.Split(string(row[2]), ",")
		}
		if d.at, err = strconv.ParseInt(string(row[3]), 10, 64); err != nil {
			return nil, err
		}
		batch = append(batch, d)
	}
	return batch, nil
}

// unneeded are the gtrids, as literals, of those decisions of a batch that can go.
func (m *Manager) unneeded(c *backend.Conn, batch []decision, looks []lists) (literals []string, err error) {
	var processes []backend.Row
	for _, d := range batch {
		if d.id == (ID{}) || slices.ContainsFunc(looks, func(in lists) bool { return !m.settled(d, in) }) {
			continue
		}
		if d.verdict != Committed {
			if processes == nil {
				if processes, err = c.Query("SHOW PROCESSLIST"); err != nil {
					return nil, err
				}
			}
			if process(processes, d.id.Thread) != nil { // it could be the coordinator's, whatever its timeouts
				continue
			}
		}
		literals = append(literals, "_binary'"+d.id.String()+"'")
	}
	return literals, nil
}

// settled tells whether all groups that a transaction may have branches in were asked and have none of it.
func (m *Manager) settled(d decision, in lists) bool {
	groups := map[string]bool{}
	for _, store := range d.participants {
		having := m.having(store)
		if len(having) == 0 {
			return false // not of this configuration, or its store was not read yet
		}
		for _, g := range having {
			groups[g] = true
		}
	}
	for _, g := range m.cluster.Groups() {
		if len(d.participants) > 0 && !groups[g.Name()] {
			continue
		}
		if listed, asked := in[g.Name()]; !asked || listed[d.id] {
			return false
		}
	}
	return true
}
