// Package dml makes random statements that write: INSERT, REPLACE, UPDATE, DELETE in all their forms, with transactions and
// savepoints around them, for tables of every kind that Serval has. A statement of it means one thing on any server, whatever
// order rows are read in: that is what the package is for, and it knows no server.
//
//	g := dml.New(seed, true)      // true: what only MySQL understands too
//	s := g.Next()                 // s.SQL, to be sent as text or prepared
//
// Schema and Layout are the tables, for package cluster.
package dml
