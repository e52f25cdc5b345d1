package e2e

// session_vars_test.go: no state of one client is seen by another. Every session variable of both servers is set
// through Serval, over a pool of two connections: it is taken, seen by the session on whichever connection, and by nobody
// else; or it is refused, by the server in the words of a plain one, or by Serval for a reason that is expected here.

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"testing"

	"serval/e2e/raw"
	"serval/e2e/servers"
	"serval/proxy"
)

// notCarried are the variables whose SET Serval refuses although a plain server takes it.
const notCarried = ` rand_seed1 rand_seed2 insert_id pseudo_thread_id pseudo_slave_mode pseudo_replica_mode proxy_user gtid_next gtid_seq_no gtid_domain_id
 server_id sql_log_bin sql_log_off binlog_format skip_replication skip_parallel_replication original_commit_timestamp original_server_version
 immediate_server_version rbr_exec_mode require_row_format default_master_connection wsrep_on wsrep_gtid_seq_no wsrep_osu_method
 wsrep_trx_fragment_size wsrep_trx_fragment_unit debug debug_sync transaction_allow_batching completion_type sql_auto_is_null profiling
 resultset_metadata optimizer_trace max_relay_log_size sql_slave_skip_counter `

// ofTheMoment are told by each connection for itself, and are no state that can be compared.
const ofTheMoment = ` timestamp last_insert_id identity pseudo_thread_id rand_seed1 rand_seed2 warning_count error_count in_transaction statement_id
 external_user last_gtid insert_id `

func TestEverySessionVariable(t *testing.T) {
	for _, kind := range servers.Kinds(t) {
		t.Run(string(kind), func(t *testing.T) {
			bed := newSessionBed(t, kind)
			addr := bed.smallServal(t, 2)
			var taken, refusedHere, refusedThere int
			for _, name := range sessionVariableNames(t, bed) {
				switch bed.tryVariable(t, addr, name) {
				case "taken":
					taken++
				case "refused by Serval":
					refusedHere++
				default:
					refusedThere++
				}
			}
			t.Logf("%s: %d variables follow the client, %d are refused by Serval, %d by the server", kind, taken, refusedHere, refusedThere)
			if taken < 100 {
				t.Errorf("only %d variables could be tried", taken)
			}
		})
	}
}

// smallServal is a Serval with a pool of so many connections to each group.
func (bed *sessionBed) smallServal(t *testing.T, connections int) (addr string) {
	t.Helper()
	cfg := *bed.Config
	cfg.Groups = slices.Clone(cfg.Groups)
	for i := range cfg.Groups {
		cfg.Groups[i].Primary.Pool.Max, cfg.Groups[i].Primary.Pool.MaxIdle = connections, connections
	}
	s := proxy.NewServer(&cfg, slog.New(slog.DiscardHandler))
	if err := s.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s.Addr().String()
}

func sessionVariableNames(t *testing.T, bed *sessionBed) (names []string) {
	t.Helper()
	rows, err := bed.Plain.Query("SHOW SESSION VARIABLES")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		names = append(names, r[0])
	}
	return append(names, "pseudo_slave_mode", "debug_sync", "nosuch_variable")
}

// candidates are values that a variable may be set to, as SQL.
func candidates(old string) []string {
	list := []string{"1", "0", "2", "4096", "1048576"}
	if n, err := strconv.ParseInt(old, 10, 64); err == nil {
		list = append([]string{fmt.Sprint(n + 1), fmt.Sprint(n - 1), fmt.Sprint(n * 2), fmt.Sprint(n / 2), fmt.Sprint(n + 4096)}, list...)
	}
	if f, err := strconv.ParseFloat(old, 64); err == nil && strings.Contains(old, ".") {
		list = append([]string{fmt.Sprint(f + 1.5)}, list...)
	}
	for _, s := range []string{"ON", "OFF", "latin1", "latin1_bin", "utf8mb4_unicode_ci", "de_DE", "+01:00", "MyISAM", "MEMORY", "READ-COMMITTED", "ANSI_QUOTES", "JSON", "TREE",
		"TRADITIONAL", "MINIMAL", "FULL", "NONE", "ALL", "STATE", "OWN_GTID", "FORCE", "EVENTUAL", "BEFORE", "STATEMENT", "ROW", "MIXED", "CHAIN", "aes-256-cbc",
		"index_merge=off", "enabled=on", "nulls_unequal", "a%b'c", "time_zone", "sql_mode", "DOTALL", "admin", "query_plan", "COPY", "ERROR", "KEEP", "SINGLE_PREC_HB",
		"DOUBLE_PREC_HB", "NEVER", "COMPLEMENTARY", "PREFERABLY", "UTF8_IS_UTF8MB3", "NO_PROGRESS_INFO", "TempTable", "PARTIAL_JSON", "Y", "en_US", "STRICT", "EXTENDED_STATUS",
		"fulltext", "RSU", "statements", "IDEMPOTENT", "fcstat=off", "basic,notes", "AUTOMATIC", ""} {
		list = append(list, "'"+strings.ReplaceAll(s, "'", "''")+"'")
	}
	return list
}

// tryVariable sets one variable on the plain server and then through Serval, and says what became of it.
func (bed *sessionBed) tryVariable(t *testing.T, addr, name string) string {
	t.Helper()
	value, changed, refusal := bed.settable(t, name)
	a, b := dial(t, addr, "sbtest"), dial(t, addr, "sbtest")
	defer a.Close()
	defer b.Close()
	read := "SELECT @@session." + name
	before := told(say(t, b, read))
	set := say(t, a, "SET SESSION "+name+" = "+value)
	switch {
	case refusal != 0 && set.Kind == raw.Error && (set.Code == refusal || set.Code == 1235):
		return "refused by the server"
	case refusal != 0:
		t.Errorf("SET %s = %s: %s; a plain server answers ERROR %d", name, value, told(set), refusal)
		return ""
	case set.Kind == raw.Error && set.Code == 1235 && slices.Contains(strings.Fields(notCarried), name) && len(set.Message) > 40:
		return "refused by Serval"
	case set.Kind == raw.Error:
		t.Errorf("SET %s = %s: %s %s", name, value, told(set), set.Message)
		return ""
	case slices.Contains(strings.Fields(ofTheMoment), name):
		return "taken"
	}
	bed.seenBySelf(t, a, b, addr, name, changed, before)
	return "taken"
}

// seenBySelf: the value is there for the session that set it, on each connection, and for nobody else.
func (bed *sessionBed) seenBySelf(t *testing.T, a, b *raw.Conn, addr, name, changed, before string) {
	t.Helper()
	read := "SELECT @@session." + name
	for range 2 {
		if got := strings.Join(texts(say(t, a, read)), " "); got != changed {
			t.Errorf("%s: set to %q, read as %q", name, changed, got)
		}
		if got := told(say(t, b, read)); got != before {
			t.Errorf("%s: another session reads %s, before it %s", name, got, before)
		}
	}
	done(t, b, "BEGIN", "SELECT v FROM kv WHERE id = 0") // has the connection that was used last
	if got := strings.Join(texts(say(t, a, read)), " "); got != changed {
		t.Errorf("%s: set to %q, read on the other connection as %q", name, changed, got)
	}
	if got := told(say(t, b, read)); !sameValue(got, before) {
		t.Errorf("%s: another session's transaction reads %s, before it %s", name, got, before)
	}
	done(t, b, "ROLLBACK")
	a.Close()
	c := dial(t, addr, "sbtest")
	defer c.Close()
	if got := told(say(t, c, read)); got != before {
		t.Errorf("%s: a later session reads %s, before it %s", name, got, before)
	}
}

// sameValue compares what was told but for the status flags.
func sameValue(a, b string) bool {
	x, _, _ := strings.Cut(a, " status")
	y, _, _ := strings.Cut(b, " status")
	return x == y
}

// settable finds a value that the plain server takes for a variable and that changes it, and what it reads then; or the
// plain server's error.
func (bed *sessionBed) settable(t *testing.T, name string) (value, changed string, refusal uint16) {
	t.Helper()
	read := "SELECT @@session." + name
	c := dial(t, bed.Plain.Addr(), "sbtest")
	defer c.Close()
	old := say(t, c, read)
	text := strings.Join(texts(old), " ")
	var first uint16
	unchanged := ""
	for _, value := range candidates(text) {
		a := say(t, c, "SET SESSION "+name+" = "+value)
		if a.Kind == raw.Error {
			if first == 0 {
				first = a.Code
			}
			continue
		}
		now := strings.Join(texts(say(t, c, read)), " ")
		if now != text {
			return value, now, 0
		}
		unchanged = value
	}
	if unchanged != "" {
		return unchanged, text, 0
	}
	return "1", "", first
}

// TestHiddenUserVariables: what triggers and stored functions assign is the session's, and nobody else's.
func TestHiddenUserVariables(t *testing.T) {
	for _, kind := range servers.Kinds(t) {
		t.Run(string(kind), func(t *testing.T) {
			bed := newSessionBed(t, kind)
			for _, n := range append(bed.Nodes[:1:1], bed.Plain) {
				for _, sql := range []string{
					"SET GLOBAL log_bin_trust_function_creators = 1",
					"CREATE TRIGGER sbtest.counted BEFORE INSERT ON sbtest.counters FOR EACH ROW SET @seen = CONCAT(IFNULL(@seen, ''), NEW.label, @`my suffix`), @n = IFNULL(@n, 0) + 1",
					"CREATE FUNCTION sbtest.counting() RETURNS INT NOT DETERMINISTIC NO SQL BEGIN SET @n = IFNULL(@n, 0) + 10; RETURN @n; END",
				} {
					if err := n.Exec(sql); err != nil {
						t.Fatal(err)
					}
				}
			}
			addr := bed.smallServal(t, 2)
			plain, a, b := dial(t, bed.Plain.Addr(), "sbtest"), dial(t, addr, "sbtest"), dial(t, addr, "sbtest")
			defer plain.Close()
			defer a.Close()
			defer b.Close()
			for _, sql := range []string{"SET @`My Suffix` = '!'", "INSERT INTO counters (label) VALUES ('x'), ('y')", "SELECT @seen, @n", "SELECT counting()", "SELECT @n",
				"BEGIN", "INSERT INTO counters (label) VALUES ('z')", "ROLLBACK", "SELECT @seen, @n", "SELECT COUNT(*), counting() > 0 FROM counters", "SELECT @n"} {
				want, got := told(say(t, plain, sql)), told(say(t, a, sql))
				if want != got {
					t.Errorf("%s:\n plain  %s\n serval %s", sql, want, got)
				}
				if other := texts(say(t, b, "SELECT @seen IS NULL, @n IS NULL, @`my suffix` IS NULL")); other[0] != "1/1/1" {
					t.Errorf("after %s another session sees %q", sql, other)
				}
			}
		})
	}
}
