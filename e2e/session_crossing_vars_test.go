package e2e

// session_crossing_vars_test.go: the variables of the crossing test. Values tell, where the variable has room, which
// client set them.

import (
	"fmt"
	"regexp"
	"strconv"

	"serval/e2e/servers"
)

// crossVar is a session variable; value gives what stands after SET, and what SELECT @@ then says.
type crossVar struct {
	name  string
	value func(client, n int) (sql, want string)
}

// ownBase is where numbers that name their client begin: ownBase + 10 × client + something.
const ownBase = 1_000_000

func ownNumber(client, n int) (string, string) {
	s := strconv.Itoa(ownBase + 10*client + n%10)
	return s, s
}

// upTo has values from 0 to limit-1.
func upTo(limit int) func(int, int) (string, string) {
	return func(client, n int) (string, string) {
		s := strconv.Itoa((client + n) % limit)
		return s, s
	}
}

// oneOf has the values of a list, strings.
func oneOf(list ...string) func(int, int) (string, string) {
	return func(client, n int) (string, string) {
		s := list[(client+n)%len(list)]
		return "'" + s + "'", s
	}
}

func ownZone(client, n int) (string, string) {
	k := client*7 + n
	s := fmt.Sprintf("%c%02d:%02d", "+-"[k%2], k/2%13, 1+k/26%59)
	return "'" + s + "'", s
}

func ownSeconds(client, n int) (string, string) {
	s := strconv.Itoa(ownBase + 10*client + n%10)
	return s, s + ".000000"
}

// crossVars are the variables that a kind of server has.
func crossVars(kind servers.Kind) []crossVar {
	list := []crossVar{
		{"group_concat_max_len", ownNumber}, {"net_read_timeout", ownNumber}, {"net_write_timeout", ownNumber},
		{"wait_timeout", ownNumber}, {"interactive_timeout", ownNumber}, {"lock_wait_timeout", ownNumber},
		{"sql_select_limit", ownNumber}, {"long_query_time", ownSeconds},
		{"sql_mode", oneOf("", "ANSI_QUOTES", "NO_BACKSLASH_ESCAPES", "STRICT_TRANS_TABLES", "PIPES_AS_CONCAT", "IGNORE_SPACE", "HIGH_NOT_PRECEDENCE", "NO_UNSIGNED_SUBTRACTION")},
		{"lc_time_names", oneOf("en_US", "de_DE", "fr_FR", "ja_JP", "es_ES", "tr_TR")},
		{"div_precision_increment", upTo(31)}, {"default_week_format", upTo(8)}, {"optimizer_search_depth", upTo(63)},
		{"foreign_key_checks", upTo(2)}, {"unique_checks", upTo(2)}, {"sql_notes", upTo(2)}, {"sql_warnings", upTo(2)},
		{"sql_quote_show_create", upTo(2)}, {"sql_auto_is_null", upTo(1)}, {"sql_buffer_result", upTo(2)},
		{"auto_increment_increment", func(client, n int) (string, string) { s := strconv.Itoa(1 + (client+n)%3); return s, s }},
		{"max_error_count", func(client, n int) (string, string) { s := strconv.Itoa(64 + (client+n)%500); return s, s }},
		{"max_sort_length", func(client, n int) (string, string) { s := strconv.Itoa(64 + (client+n)%500); return s, s }},
		{"completion_type", oneOf("NO_CHAIN")},
	}
	isolation := oneOf("READ-UNCOMMITTED", "READ-COMMITTED", "REPEATABLE-READ", "SERIALIZABLE")
	if kind == servers.MariaDB {
		// MariaDB 10.11 keeps offsets in a table whose keys it compares as latin1 text: -00:54 and -03:10 are one to it. Whole
		// hours are told apart.
		list = append(list, crossVar{"time_zone", oneOf("+01:00", "+02:00", "+03:00", "+05:00", "+07:00", "+09:00", "+10:00", "+12:00")})
		return append(list, crossVar{"tx_isolation", isolation}, crossVar{"join_cache_level", upTo(9)})
	}
	return append(list, crossVar{"time_zone", ownZone}, crossVar{"transaction_isolation", isolation}, crossVar{"max_execution_time", ownNumber},
		crossVar{"cte_max_recursion_depth", ownNumber}, crossVar{"transaction_read_only", upTo(1)})
}

// namesVars are what SET NAMES sets.
var namesVars = []string{"character_set_client", "character_set_connection", "character_set_results", "collation_connection"}

// crossNames are character sets and collations for SET NAMES.
var crossNames = [][2]string{{"utf8mb4", "utf8mb4_bin"}, {"utf8mb4", "utf8mb4_unicode_ci"}, {"utf8mb4", "utf8mb4_swedish_ci"},
	{"utf8mb4", "utf8mb4_general_ci"}, {"latin1", "latin1_german1_ci"}, {"latin1", "latin1_bin"}}

var ownedText = regexp.MustCompile(`\bc(\d+)-\d+|\b(1\d{6})\b`)

// owner is the other client that a failure's text names a value of, nil when there is none.
func (x *crossing) owner(text string, me int) *crossClient {
	for _, m := range ownedText.FindAllStringSubmatch(text, -1) {
		id, err := strconv.Atoi(m[1] + m[2])
		if err != nil {
			continue
		}
		if m[2] != "" {
			id = (id - ownBase) / 10
		}
		if id != me && id < len(x.clients) {
			return x.clients[id]
		}
	}
	return nil
}
