// Package e2e tests Serval end to end on real servers: MariaDB 10.11 and MySQL 9.7 (package servers starts them,
// install.sh installs them).
//
//   - TestCases runs every statement of cases/*.test on one plain server and, through Serval, on a sharded cluster of
//     the same kind of server, and compares everything that a client can see. A new case is one line in one of those
//     files; cases/README.md explains the few directives.
//   - TestLayoutCases runs them in the packet layout of newer clients (no EOF, query attributes, session state).
//   - TestPreparedCases runs them over the binary protocol: as they are, and with their literals as parameters.
//   - The other tests are scenarios: sysbench under load with its rows counted in the shards, clients that are cut at
//     random while a server is restarted, memory while a million rows pass, packets over 16 MiB, other people's clients.
//   - TestRandomDML compares random statements that write (package dml) with a plain server, answer by answer and table by
//     table, and cuts what differs down to a few statements (make dml). SERVAL_E2E_SEED is the first round's seed.
//   - TestBank moves money over two groups through two Servals while everything fails at random (make bank). It prints its
//     seed; SERVAL_E2E_SEED repeats the draws, SERVAL_E2E_BANK_LOGS=directory keeps the servers' general logs.
//   - TestCrashMatrix strikes transactions over several groups at every step of their commit, and recovery at every step of
//     its own: kills, freezes, cuts (make crash for all of it). Packages failpoint and cut are its tools.
//
// One case: go test ./e2e -run 'TestCases/mysql/routing.test:12'. One kind: SERVAL_E2E_KINDS=mariadb.
// Longer scenarios: SERVAL_E2E_SECONDS=60 (make sysbench, make chaos). -short leaves the scenarios out.
package e2e
