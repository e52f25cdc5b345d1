package proxy

// errors.go: the one place where an error becomes what the client is told.

import (
	"context"
	"errors"
	"fmt"

	"serval/proxy/wire"
	"serval/router"
)

// Error codes of https://dev.mysql.com/doc/mysql-errors/9.4/en/server-error-reference.html that Serval itself uses.
const (
	codeNoDropDatabase    = 1008
	codeDBAccessDenied    = 1044
	codeNoDatabase        = 1046
	codeUnknownCommand    = 1047
	codeUnknownDatabase   = 1049
	codeParse             = 1064
	codeEmptyQuery        = 1065
	codeUnknown           = 1105
	codeUnknownCharset    = 1115
	codeColumnCount       = 1136
	codeTableAccessDenied = 1142
	codeTableExists       = 1050
	codeBadTable          = 1051
	codeNoSuchTable       = 1146
	codePacketTooLarge    = 1153
	codeOutOfOrder        = 1156
	codeDuplicate         = 1062
	codeOutOfDisk         = 1021
	codeUnknownVariable   = 1193
	codeLockWait          = 1205
	codeDeadlock          = 1213
	codeSpecificAccess    = 1227
	codeWrongValue        = 1231
	codeNotSupported      = 1235
	codeQueryInterrupted  = 1317
	codeInvalidString     = 1300
	codeDeprecated        = 1287
	codeCommitUnknown     = 2013
	codeLostConnection    = 2013
	codeUnknownStmtHandle = 1243
	codeMalformedPacket   = 1835
)

// errClientGone ends a session whose client cannot be written to.
var errClientGone = errors.New("the client is gone")

func protocolError(code uint16, state, format string, args ...any) *wire.Error {
	return &wire.Error{Code: code, State: state, Message: fmt.Sprintf(format, args...)}
}

// notSupported is the refusal of something that other parts than the planner find.
func notSupported(format string, args ...any) *wire.Error {
	return protocolError(codeNotSupported, "42000", format, args...)
}

// toClient turns any error into a MySQL error.
func toClient(err error) *wire.Error {
	var (
		sent    *wire.Error
		refusal *router.Refusal
		key     *router.KeyError
		unknown *router.UnknownDatabase
		noDB    *router.NoDatabase
		rows    router.ColumnCountError
		syntax  *router.SyntaxError
		table   *router.NoSuchTable
		gone    *router.UnknownTable
		there   *router.TableExists
		missing *router.NoSuchDatabase
	)
	switch {
	case errors.As(err, &sent):
		return sent
	case errors.As(err, &refusal):
		return protocolError(codeNotSupported, "42000", "%s", refusal.Error())
	case errors.As(err, &key):
		return notSupported("Serval does not support this shard key: %s", key.Error())
	case errors.As(err, &unknown):
		return protocolError(codeUnknownDatabase, "42000", "Unknown database '%s'", unknown.Name)
	case errors.As(err, &noDB):
		return protocolError(codeNoDatabase, "3D000", "No database selected")
	case errors.As(err, &table):
		return protocolError(codeNoSuchTable, "42S02", "%s", table.Error())
	case errors.As(err, &gone):
		return protocolError(codeBadTable, "42S02", "%s", gone.Error())
	case errors.As(err, &there):
		return protocolError(codeTableExists, "42S01", "%s", there.Error())
	case errors.As(err, &missing):
		return protocolError(codeNoDropDatabase, "HY000", "%s", missing.Error())
	case errors.As(err, &rows):
		return protocolError(codeColumnCount, "21S01", "Column count doesn't match value count at row %d", rows.Row())
	case errors.As(err, &syntax):
		return protocolError(codeParse, "42000", "You have an error in your SQL syntax; %s", syntax.Error())
	case errors.Is(err, context.Canceled):
		return protocolError(codeQueryInterrupted, "70100", "Query execution was interrupted")
	}
	return protocolError(codeUnknown, "HY000", "%s", err.Error())
}

func errMalformedPacket() *wire.Error {
	return protocolError(codeMalformedPacket, "HY000", "Malformed communication packet.")
}

// noLocalFiles is a server's answer to LOAD DATA LOCAL from a client without CLIENT_LOCAL_FILES.
func (c *session) noLocalFiles() error {
	if c.known.flavor.mariadb {
		return protocolError(4166, "HY000", "The used command is not allowed because the MariaDB server or client has disabled the local infile capability")
	}
	return protocolError(3948, "42000", "Loading local data is disabled; this must be enabled on both the client and server sides")
}

// lostBackend is a server's connection that broke while it had a statement.
func lostBackend(where string, err error) *wire.Error {
	return protocolError(codeLostConnection, "HY000", "Lost connection to MySQL server during query (%s: %v)", where, err)
}
