// Package sequence gives ids that are unique over any number of Servals: numbers for the AUTO_INCREMENT columns of tables
// that are in several places, and for named sequences. What ids are made of is kept in Serval's own database of one
// group, on connections of the package's own: no client's transaction and no place in a pool is part of it. The package
// knows nothing of statements and sessions.
package sequence
