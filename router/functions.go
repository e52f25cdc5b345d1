package router

// functions.go: which functions may run on several shards. Only those known to give, on each shard's rows, what they
// would give on one server are let through; everything else (stored functions, session functions, chance) is refused
// there by name.

import (
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"
)

var scalarFunctions = wordSet(` abs acos adddate addtime aes_decrypt aes_encrypt ascii asin atan atan2 bin bin_to_uuid bit_count bit_length
 ceil ceiling char_func char_length character_length charset coalesce coercibility collation compress concat concat_ws conv convert_tz cos cot crc32
 date date_add date_format date_sub datediff day dayname dayofmonth dayofweek dayofyear degrees elt exp export_set extract
 extractvalue field find_in_set floor format from_base64 from_days from_unixtime get_format greatest hex hour if ifnull
 inet6_aton inet6_ntoa inet_aton inet_ntoa insert_func insert instr interval is_ipv4 is_ipv6 is_uuid isnull
 json_array json_array_append json_array_insert json_contains json_contains_path json_depth json_extract json_insert json_keys
 json_length json_merge_patch json_merge_preserve json_object json_overlaps json_pretty json_quote json_remove json_replace
 json_search json_set json_storage_size json_type json_unquote json_valid json_value
 last_day lcase least left length like ln locate log log10 log2 lower lpad ltrim make_set makedate maketime md5 microsecond mid minute
 mod month monthname not nullif oct octet_length ord period_add period_diff pi position pow power quarter quote radians regexp regexp_instr
 regexp_like regexp_replace regexp_substr repeat replace reverse right round rpad rtrim sec_to_time second sha sha1 sha2 sign
 sin soundex space sqrt str_to_date strcmp subdate substr substring substring_index subtime tan time time_format time_to_sec
 timediff timestamp timestampadd timestampdiff to_base64 to_days to_seconds trim truncate ucase uncompress uncompressed_length unhex
 unix_timestamp upper uuid_to_bin week weekday weekofyear weight_string year yearweek char convert st_astext `,
	ast.DateLiteral, ast.TimeLiteral, ast.TimestampLiteral)

// timeFunctions are the same on every leg once the legs are given one time.
var timeFunctions = wordSet(` curdate current_date current_time current_timestamp curtime localtime localtimestamp now unix_timestamp utc_date utc_time utc_timestamp `)

// sessionFunctions need the session's own connection or would leave something behind on a pooled one.
var sessionFunctions = wordSet(` load_file master_pos_wait
 source_pos_wait wait_for_executed_gtid_set nextval lastval setval `)

// lockFunctions take, give back and look at named locks, which exclude each other over all clients: see locks.go.
var lockFunctions = wordSet(` get_lock is_free_lock is_used_lock release_all_locks release_lock `)

// connectionVariables tell of the connection itself, not of the session. Those of its last statement are replaced
// (replacedVariable).
var connectionVariables = wordSet("insert_id rand_seed1 rand_seed2 pseudo_thread_id")

// settingFunctions may stand in SET beside the scalar ones: what they give is only kept.
var settingFunctions = wordSet(` rand uuid uuid_short version sleep random_bytes sysdate benchmark name_const any_value
 row_number json_arrayagg sformat natural_sort_key `)

// gatherFunctions are further ones that are the servers' own, and go by nothing but their arguments and the session.
var gatherFunctions = wordSet(` grouping json_objectagg json_schema_valid json_schema_validation_report json_table json_storage_free json_normalize json_compact
 json_detailed json_loose json_exists json_query json_equals json_objectagg st_geometrycollectionfromtext
 st_area st_asbinary st_aswkb st_aswkt st_asgeojson st_buffer st_centroid st_contains st_convexhull st_crosses st_difference st_dimension
 st_disjoint st_distance st_distance_sphere st_endpoint st_envelope st_equals st_exteriorring st_geohash st_geometryn
 st_geometrytype st_geomfromgeojson st_geomfromtext st_geomfromwkb st_interiorringn st_intersection st_intersects st_isclosed
 st_isempty st_issimple st_isvalid st_latfromgeohash st_latitude st_length st_linefromtext st_longfromgeohash st_longitude
 st_makeenvelope st_numgeometries st_numinteriorring st_numpoints st_overlaps st_pointfromgeohash st_pointfromtext st_pointn
 st_polyfromtext st_simplify st_srid st_startpoint st_swapxy st_symdifference st_touches st_transform st_union st_validate st_within st_x st_y
 mbrcontains mbrcoveredby mbrcovers mbrdisjoint mbrequals mbrintersects mbroverlaps mbrtouches mbrwithin
 point linestring polygon multipoint multilinestring multipolygon geometrycollection `)

// wordSet makes a set of the words of a text and of further names.
func wordSet(text string, more ...string) map[string]bool {
	set := map[string]bool{}
	for _, w := range append(strings.Fields(text), more...) {
		set[w] = true
	}
	return set
}

// chanceFunctions give another value for every row: on several shards they are as good as on one.
var chanceFunctions = wordSet(` rand uuid random_bytes sysdate `)

// numericFunctions give numbers, whatever they are given.
var numericFunctions = wordSet(` abs acos asin atan atan2 ceil ceiling cos cot degrees exp floor ln log log10 log2 mod pi pow power
 radians round sign sin sqrt tan truncate length char_length character_length octet_length bit_length ascii ord crc32 `)

// functionUse is what the walk over a statement's functions found.
type functionUse struct {
	unsafe    string // the first function that may not run on several shards
	grave     string // the first of them that is not chance: RAND() gives any number, wherever it is asked
	stuck     string // the first that may not run on gathered rows either
	strange   string // the first that may not stand in SET: a stored function, say
	session   string // the first function that cannot run on a pooled connection at all
	usesTime  bool
	aggregate bool
	window    bool
	sysVar    bool
	user      bool // user variables
	variables int  // system variables whose value the proxy knows better than the server
	setsID    bool // LAST_INSERT_ID(expression)
	subquery  bool
	into      bool                // SELECT … INTO
	schemas   []string            // databases of stored functions
	locks     []*ast.FuncCallExpr // named locks
	replaced  []*ast.FuncCallExpr // DATABASE() and the like: the proxy knows better than the server
}

// functionsOf walks a whole statement.
func functionsOf(n ast.Node) *functionUse {
	u := &functionUse{}
	n.Accept(u)
	return u
}

// Enter implements ast.Visitor.
func (u *functionUse) Enter(n ast.Node) (ast.Node, bool) {
	switch x := n.(type) {
	case *ast.AggregateFuncExpr:
		u.aggregate = true
	case *ast.WindowFuncExpr:
		u.window = true
	case *ast.VariableExpr:
		u.systemVariable(x)
	case *ast.SubqueryExpr:
		u.subquery = true
	case *ast.SelectStmt:
		u.into = u.into || x.SelectIntoOpt != nil
	case *ast.MatchAgainst:
		u.setStuck("MATCH … AGAINST")
	case *ast.FuncCallExpr:
		u.call(x)
	}
	return n, false
}

// Leave implements ast.Visitor.
func (u *functionUse) Leave(n ast.Node) (ast.Node, bool) { return n, true }

func (u *functionUse) systemVariable(x *ast.VariableExpr) {
	name := strings.ToLower(x.Name)
	switch {
	case !x.IsSystem:
		u.user = true
		return
	case connectionVariables[name]:
		u.session = "@@" + x.Name
	case replacedVariable(name) >= 0:
		u.variables++
	}
	u.sysVar = true
}

func (u *functionUse) call(x *ast.FuncCallExpr) {
	name := x.FnName.L
	switch {
	case x.Schema.O != "":
		u.schemas = append(u.schemas, x.Schema.O)
		u.setStuck("the function " + name + "()")
		u.strange = name
	case sessionFunctions[name]:
		u.session = name
	case lockFunctions[name]:
		u.locks = append(u.locks, x)
		u.setStuck("the function " + name + "()")
	case name == "last_insert_id" && len(x.Args) > 0:
		u.setsID = true
		u.setStuck("the function " + name + "()")
	case replacedPiece(x) >= 0:
		u.replaced = append(u.replaced, x)
	case timeFunctions[name] && (name != "unix_timestamp" || len(x.Args) == 0):
		u.usesTime = true
	case chanceFunctions[name] && (name == "random_bytes" || len(x.Args) == 0):
		if u.unsafe == "" {
			u.unsafe = "the function " + name + "()"
		}
	case !scalarFunctions[name]:
		u.setUnsafe("the function " + name + "()")
		if !settingFunctions[name] && !gatherFunctions[name] {
			u.setStuck("the function " + name + "()") // it may be a stored one
		}
		if !settingFunctions[name] {
			u.strange = name
		}
	}
}

func (u *functionUse) setUnsafe(name string) {
	if u.unsafe == "" {
		u.unsafe = name
	}
	if u.grave == "" {
		u.grave = name
	}
}

func (u *functionUse) setStuck(name string) {
	u.setUnsafe(name)
	if u.stuck == "" {
		u.stuck = name
	}
}
