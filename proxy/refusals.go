package proxy

// refusals.go: what SET cannot do, each with its reason. Everything that is not here follows the client.

import (
	"errors"
	"strings"

	"serval/proxy/backend"
	"serval/proxy/wire"
	"serval/rewrite"
	"serval/router"
)

const (
	ofOneConnection = "it is of one connection's next statement, and the next statement may run on another connection"
	ofReplication   = "it changes what the server writes for its replicas, which a client of a proxy must not"
	ofTheServer     = "it is about a connection to one server"
)

// refused are session variables that cannot be carried from connection to connection.
var refused = map[string]string{
	"rand_seed1": ofOneConnection, "rand_seed2": ofOneConnection, "insert_id": ofOneConnection,
	"pseudo_thread_id": ofTheServer, "pseudo_slave_mode": ofTheServer, "pseudo_replica_mode": ofTheServer, "proxy_user": ofTheServer,
	"gtid_next": ofReplication, "gtid_seq_no": ofReplication, "gtid_domain_id": ofReplication, "server_id": ofReplication,
	"sql_log_bin": ofReplication, "sql_log_off": ofReplication, "binlog_format": ofReplication, "skip_replication": ofReplication,
	"skip_parallel_replication": ofReplication, "original_commit_timestamp": ofReplication, "original_server_version": ofReplication,
	"immediate_server_version": ofReplication, "rbr_exec_mode": ofReplication, "require_row_format": ofReplication,
	"default_master_connection": ofReplication, "wsrep_on": ofReplication, "wsrep_gtid_seq_no": ofReplication,
	"wsrep_osu_method": ofReplication, "wsrep_trx_fragment_size": ofReplication, "wsrep_trx_fragment_unit": ofReplication,
	"debug": "it is for the server's own debugging", "debug_sync": "it is for the server's own debugging",
	"transaction_allow_batching": ofOneConnection,
}

// only are variables of which one value is as good as not set, and the others are not possible over a pool.
var only = map[string]struct {
	values string // which are allowed, as they are read back
	reason string
}{
	"completion_type":    {" NO_CHAIN ", "a transaction's end gives its connection back: write COMMIT AND CHAIN"},
	"sql_auto_is_null":   {" 0 ", "IS NULL would look for the last id of a connection that others use"},
	"profiling":          {" 0 ", "the profile would be that of a connection that others use"},
	"resultset_metadata": {" FULL ", "Serval needs the columns to pass results on"},
}

// maySet refuses what can be told before a server is asked.
func (c *session) maySet(items []router.Assignment) error {
	for _, a := range items {
		switch {
		case a.Form == router.SetOwn && a.Scope != "session":
			return notSupported("Serval does not support SET %s %s: for all sessions it is transactions.across_groups in Serval's configuration", strings.ToUpper(a.Scope), a.Name)
		case strings.HasPrefix(a.Scope, "persist"):
			return notSupported("Serval does not support SET PERSIST (%s): set it on the servers, each has its own", a.Name)
		case a.Scope == "global":
			return notSupported("Serval does not support SET GLOBAL (%s): set it on the servers, each has its own", a.Name)
		case a.Next && len(items) > 1:
			return notSupported("Serval does not support a characteristic of the next transaction together with others in one SET (%s): set it by itself", a.Name)
		case refused[a.Name] != "" && a.Form == router.SetVariable:
			if err := c.unknownVariable(a.Name); err != nil {
				return err
			}
			return notSupported("Serval does not support SET %s: %s", a.Name, refused[a.Name])
		case a.Name == "autocommit" && a.Form == router.SetVariable && len(c.txn.branches) > 1 && !c.state.autocommit && !onlyAutocommit(items):
			return notSupported("Serval does not support SET autocommit together with other variables, or to an expression, in a transaction over several groups: it may commit; write SET autocommit = 1 by itself")
		case a.Name == "timestamp" && a.Form == router.SetVariable && !isNumber(a.Value) && !strings.EqualFold(a.Value, "default"):
			return notSupported("Serval does not support SET timestamp to an expression: give the number, or DEFAULT")
		}
	}
	return nil
}

func isNumber(text string) bool { return number([]byte(text)) }

// mayKeep refuses values that only the server could tell. The connection has them, and loses them before it is used again.
func (c *session) mayKeep(next *sessionState, items []router.Assignment) error {
	for _, a := range items {
		if rule, ok := only[a.Name]; ok && a.Form == router.SetVariable {
			if value := strings.Trim(next.vars[a.Name], "'"); !strings.Contains(rule.values, " "+value+" ") {
				return notSupported("Serval does not support SET %s = %s: %s", a.Name, value, rule.reason)
			}
		}
	}
	if strings.Contains(next.vars["optimizer_trace"], "enabled=on") {
		return notSupported("Serval does not support SET optimizer_trace with enabled=on: the trace would be that of a connection that others use")
	}
	if next.sets != c.state.sets {
		for _, name := range []string{next.sets.client, next.sets.connection, next.sets.results} {
			if err := c.mayCharset(name); err != nil {
				return err
			}
		}
	}
	if len(next.text) > maxStateText {
		return notSupported("Serval does not support user variables of more than %d MiB together", maxStateText>>21)
	}
	if next.sets.client == "binary" && next.oddUsers() {
		return notSupported("Serval does not support names of user variables with other letters than ASCII in this character set: use utf8mb4")
	}
	return nil
}

// maxStateText bounds a session's state as it is sent to servers: strings take two bytes for each of theirs.
const maxStateText = 8 << 20

// unknownVariable is the server's error for a variable that does not exist.
func (c *session) unknownVariable(name string) error {
	var e *wire.Error
	err := c.withConn(c.defaultGroup(), func(conn *backend.Conn) error {
		_, err := conn.Query("SELECT @@" + rewrite.Quote(name) + " LIMIT 1")
		if errors.As(err, &e) {
			return nil
		}
		return err
	})
	if err != nil {
		return err
	}
	if e != nil && e.Code == codeUnknownVariable {
		return e
	}
	return nil
}
