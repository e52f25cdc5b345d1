// Package fuzz sends Serval damaged packets in every state that a connection can be in: before and in the login, idle, in
// the middle of a packet, with prepared statements, cursors and long data, inside a transaction, while a result comes,
// compressed, under TLS. No packet may make a session panic, leave a connection that neither answers nor ends, or leave
// anything behind; and a healthy client beside it must keep getting right answers.
//
// `go test ./e2e/fuzz` sends some thousands; SERVAL_FUZZ_PACKETS=1000000 (make fuzz-protocol) the million. A failure names
// the seed that makes the same packets again: SERVAL_FUZZ_SEED.
package fuzz
