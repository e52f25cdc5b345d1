package ddl

// unfinished.go: schema changes that are not done in all places, as the log has them.

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"serval/proxy/backend"
	"serval/router"
)

// Unfinished is a schema change that is being carried out, or was and has not ended well.
type Unfinished struct {
	ID        uint64
	Statement string
	Database  string // that was current
	Tables    []router.TableKey
	Session   string // the state of the session
	Proxy     string // the Serval that ran it last
	Error     string // "" while it runs, or when its Serval died
	Started   time.Time
	Running   bool // somebody is at it
	Places    []UnfinishedPlace

	fingerprint string
}

// UnfinishedPlace is one place of it.
type UnfinishedPlace struct {
	Number int
	Group  string
	Name   string // `database`.`table`
	Shard  int    // -1: a whole table
	State  string // pending, done or failed
	Error  string

	before string
}

// Unfinished lists what is not done, the oldest first.
func (s *Store) Unfinished(ctx context.Context) (list []*Unfinished, err error) {
	err = s.own(ctx, s.group, func(c *backend.Conn) error {
		list, err = s.unfinished(c)
		return err
	})
	return list, err
}

// locked tells whether a schema change of one of the tables is being carried out.
func locked(c *backend.Conn, tables []router.TableKey) (bool, error) {
	for _, t := range tables {
		rows, err := c.Query("SELECT IS_USED_LOCK(" + asciiOf(lockName(t)) + ")")
		if err != nil || rows[0][0] != nil {
			return err == nil, err
		}
	}
	return false, nil
}

// Forget gives up an unfinished change: its places stay as they are.
func (s *Store) Forget(ctx context.Context, id uint64) (found bool, err error) {
	err = s.own(ctx, s.group, func(c *backend.Conn) error {
		list, err := s.unfinished(c)
		if err != nil {
			return err
		}
		for _, u := range list {
			if u.ID == id && u.Running {
				return fmt.Errorf("schema change %d is being carried out now, by %s", id, u.Proxy)
			}
		}
		return within(c, func() error {
			ok, err := c.Exec(fmt.Sprintf("UPDATE %s SET state = 'forgotten', ended_at = %d WHERE id = %d AND state IN ('running', 'failed')", s.table("ddl"), time.Now().Unix(), id))
			if code(err) == codeNoTable || code(err) == codeUnknownDatabase || err == nil && ok.AffectedRows == 0 {
				return nil
			}
			if found = err == nil; found {
				_, err = s.bump(c)
			}
			return err
		})
	})
	return found, err
}

// unfinished reads the log.
func (s *Store) unfinished(c *backend.Conn) ([]*Unfinished, error) {
	rows, err := c.Query("SELECT id, statement, db, fingerprint, names, session, proxy, error, started_at FROM " + s.table("ddl") + " WHERE state IN ('running', 'failed') ORDER BY id")
	switch code(err) {
	case codeNoTable, codeUnknownDatabase:
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var list []*Unfinished
	for _, r := range rows {
		u := &Unfinished{Statement: string(r[1]), Database: string(r[2]), fingerprint: string(r[3]), Tables: splitKeys(string(r[4])),
			Session: string(r[5]), Proxy: string(r[6]), Error: string(r[7])}
		var started int64
		if u.ID, err = strconv.ParseUint(string(r[0]), 10, 64); err == nil {
			started, err = strconv.ParseInt(string(r[8]), 10, 64)
		}
		if err == nil {
			u.Started = time.Unix(started, 0)
			u.Places, err = s.placesOf(c, u.ID)
		}
		if err == nil {
			u.Running, err = locked(c, u.Tables)
		}
		if err != nil {
			return nil, err
		}
		list = append(list, u)
	}
	return list, nil
}

func (s *Store) placesOf(c *backend.Conn, id uint64) (places []UnfinishedPlace, err error) {
	rows, err := c.Query(fmt.Sprintf("SELECT place, grp, name, shard, before_it, state, error FROM %s WHERE ddl = %d ORDER BY place", s.table("ddl_place"), id))
	if err != nil {
		return nil, err
	}
	for _, r := range rows {
		p := UnfinishedPlace{Group: string(r[1]), Name: string(r[2]), before: string(r[4]), State: string(r[5]), Error: string(r[6])}
		if p.Number, err = strconv.Atoi(string(r[0])); err == nil {
			p.Shard, err = strconv.Atoi(string(r[3]))
		}
		if err != nil {
			return nil, err
		}
		places = append(places, p)
	}
	return places, nil
}

// touches tells whether the change is of one of the tables.
func (u *Unfinished) touches(tables []router.TableKey) bool {
	for _, t := range splitKeys(joinKeys(tables)) {
		if slices.Contains(u.Tables, t) {
			return true
		}
	}
	return false
}

// within tells whether all of its tables are among these.
func (u *Unfinished) within(tables []router.TableKey) bool {
	all := splitKeys(joinKeys(tables))
	for _, t := range u.Tables {
		if !slices.Contains(all, t) {
			return false
		}
	}
	return true
}

// Done counts its places that are done.
func (u *Unfinished) Done() (n int) {
	for _, p := range u.Places {
		if p.State == string(placeDone) {
			n++
		}
	}
	return n
}
