// Package ddl carries out a schema change in all places of its tables: one statement for each, on all shards and copies,
// under a lock on the logical tables, with a durable log of what is done where. What was interrupted (by a server's error,
// a dead server or a dead Serval) is completed by the same statement, run again through any Serval. The log, the
// catalog's version and the locks are in the first group, in Serval's own database.
//
// It knows physical statements and the shapes of tables. It knows neither how they were planned (router) nor the client's
// session (package proxy gives it connections in the session's state).
package ddl
