/* commit.pml: how Serval commits a transaction over three groups, for the model checker spin. One transaction: a deciding
 * part on server 0, branches on servers 1 and 2. docs/transactions.md tells the protocol in words, e2e/model_test.go runs
 * this.
 *
 * What may happen, in any order: the coordinator (the session that commits) stops for good wherever it waits, or goes on
 * as late as it likes; each connection is cut, and the request that is under way on it is carried out later, or never;
 * each server crashes and restarts; two recoverers (of any proxies) act from the first prepared branch on, as slowly as
 * they like, and one of them dies at any step; decision rows are collected. With -DFAILOVER every server has a replica that
 * lags behind, and one server is lost for good and replaced by its replica.
 *
 * What must hold: no part is committed where another one is rolled back; the client is told the truth; and no branch
 * stays prepared: no execution goes on for ever, and none stops while a branch is prepared.
 *
 * What makes it small: a request is sent when its turn has come and is under way for any time, so that a coordinator that
 * is frozen or dead between two steps is one whose requests are late or lost. Time is outside: recovery's grace is left
 * out (recoverers may act at once, which is worse), retentions are conditions that say what they are long enough for.
 *
 * With -DATTACHED a prepared branch belongs to its connection until that ends, as on MariaDB. The other names that can be
 * defined are mistakes, each of which spin must find: search for MISTAKE.
 */

#define D 0 /* the deciding server */

/* A part of the transaction: open; with the decision row inserted (D); with its COMMIT in the binary log, not yet done
 * since no replica has it (D); prepared (branches); and the two ends. */
mtype:part = { open, inserted, syncing, prepared, committed, rolledback };
mtype:part part[3] = open;
mtype:part replica[3] = open; /* the same on the replica: open stands for what is in no binary log */

/* The row of this transaction in the decision table, as everyone reads it on D, and on D's replica. */
mtype:row = { none, commit, rollback };
mtype:row row = none, replicaRow = none;

/* The coordinator's connections: what is asked, what was answered. */
mtype:request = { nothing, xaPrepare, xaCommit, xaRollback, insertRow, doCommit, doRollback };
mtype:request request[3] = nothing;
mtype:answer = { unasked, pending, ok, duplicate };
mtype:answer answer[3] = unasked;
bool linked[3] = true;  /* the coordinator has not lost the connection */
bool session[3] = true; /* nor has the server */

bool over = false;   /* misfortunes are: no server crashes or sees that a client is gone any more, the mortal recoverer is dead */
bool late = false;   /* the retention of decision rows is over */
bool failed = false; /* there was a failover */
mtype:told = { silence, saidCommitted, saidRolledBack, saidUnknown };
mtype:told told = silence;

#define some(x) (part[0] == x || part[1] == x || part[2] == x)
#define rowLocked (part[D] == inserted || part[D] == syncing)

/* acknowledged: the replica has what the server has done. */
#if defined(FAILOVER) && !defined(NO_SEMISYNC)
#define acknowledged(s) (replica[s] == part[s] || (part[s] == syncing && replica[s] == committed))
#else /* MISTAKE NO_SEMISYNC: COMMIT does not wait for a replica */
#define acknowledged(s) true
#endif

/* ---- servers ---- */

/* A session ends: what is neither prepared nor in the log is rolled back. A COMMIT that is in the log is done, whether a
 * replica has it or not: by the restart after a crash, or by the thread whose waiting was ended with KILL. */
inline endSession(s) {
	session[s] = false;
	linked[s] = false;
	request[s] = nothing;
	if
	:: part[s] == open || part[s] == inserted -> part[s] = rolledback
	:: part[s] == syncing -> commitDeciding()
	:: else
	fi
}

inline commitDeciding() {
	part[D] = committed;
	if
	:: row == none -> row = commit
	:: else
	fi
}

inline reply(s, what) {
	request[s] = nothing;
	if
	:: linked[s] -> answer[s] = what
	:: else
	fi
}

inline execute(s) {
	if
	:: request[s] == xaPrepare -> part[s] = prepared /* answered below */
	:: request[s] == xaCommit && part[s] == prepared -> part[s] = committed; reply(s, ok)
	:: request[s] == xaRollback && (part[s] == prepared || part[s] == open) -> part[s] = rolledback; reply(s, ok)
	:: request[s] == insertRow && row == none -> part[D] = inserted; reply(s, ok)
	:: request[s] == insertRow && row != none -> reply(s, duplicate)
	:: request[s] == doCommit -> part[D] = syncing /* answered below */
	:: request[s] == doRollback -> part[D] = rolledback; reply(s, ok)
	:: else -> reply(s, ok) /* 1397: recovery was here */
	fi
}

proctype server(byte s) {
end:	do
	:: atomic { request[s] != nothing && part[s] != syncing && (request[s] == xaPrepare -> part[s] == open : true) ->
		execute(s) }
	/* Semi-synchronous replication, AFTER_SYNC: first the replica has it, then it is done, then it is answered. */
	:: atomic { part[s] == syncing && acknowledged(s) -> commitDeciding(); reply(s, ok) }
	:: atomic { request[s] == xaPrepare && part[s] != open && acknowledged(s) -> reply(s, ok) }
	/* The server crashes and restarts; or it sees that its client is gone. */
	:: atomic { session[s] && !over -> endSession(s) }
	/* The coordinator loses the connection, the server has not noticed. */
	:: atomic { linked[s] && request[s] != nothing -> linked[s] = false }
#ifdef FAILOVER
	/* The replica gets all that is in the binary log. */
	:: atomic { s != D && replica[s] != part[s] -> replica[s] = part[s] }
	:: atomic { s == D && (part[D] == syncing || part[D] == committed) && replica[D] != committed ->
		replica[D] = committed;
		replicaRow = commit }
	:: atomic { s == D && part[D] != syncing && (part[D] == committed -> replica[D] == committed : true) &&
		replicaRow != row -> replicaRow = row }
	/* The server is lost, and its replica takes its place. */
	:: atomic { !failed ->
		failed = true;
		endSession(s);
		part[s] = (replica[s] == open -> rolledback : replica[s]);
		replica[s] = part[s];
		row = (s == D -> replicaRow : row) }
#endif
	od
}

/* ---- what an end is learned from ---- */

/* verdictOf asks D how the transaction ends, and makes sure that it does: with a row that says rollback where there is none. */
inline verdictOf(v) {
	do
	:: atomic { v == none && row != none -> v = row } /* SELECT, or error 1062 and SELECT */
#ifdef NO_TOMBSTONE /* MISTAKE: rolls back and writes no row */
	:: atomic { v == none && row == none -> v = rollback }
#else
	:: atomic { v == none && row == none && !rowLocked -> v = rollback; row = rollback } /* INSERT */
#endif
#ifdef TIMEOUT_MEANS_NONE /* MISTAKE: takes a lock that it waits for in vain (1205) for no row */
	:: atomic { v == none && rowLocked -> v = rollback }
#endif
#ifndef NO_KILL /* MISTAKE: waits for the connection that holds the lock */
	:: atomic { v == none && rowLocked && session[D] -> endSession(D) } /* 1205, KILL the deciding connection */
#endif
	/* A commit counts when the replica has it: after a crash or a KILL the row may be seen earlier. Recovery writes
	 * something itself and waits for that to be acknowledged. */
#ifdef NO_BARRIER /* MISTAKE: acts on every row that it sees */
	:: v == commit -> break
#else
	:: atomic { v == commit && part[D] == committed && acknowledged(D) -> break }
	:: atomic { v == commit && part[D] == rolledback -> v = none } /* a failover took the row */
#endif
	:: v == rollback -> break
	od
}

/* ---- the coordinator ---- */

inline send(s, what) {
	answer[s] = pending;
	if
	:: linked[s] -> request[s] = what
	:: else
	fi
}

#define done(s) (answer[s] == ok || answer[s] == duplicate || !linked[s])
#define fine(s) (answer[s] == ok)

#if defined(COMMIT_BEFORE_PREPARED) /* MISTAKE: does not wait for the branches */
#define decidable fine(D)
#elif defined(IGNORE_1062) /* MISTAKE: a row that is there already does not stop it */
#define decidable (fine(1) && fine(2) && (fine(D) || answer[D] == duplicate))
#else
#define decidable (fine(D) && fine(1) && fine(2))
#endif

active proctype coordinator() {
	mtype:row v = none;
	atomic { send(D, insertRow); send(1, xaPrepare); send(2, xaPrepare) }
	if
	:: goto stop
	:: atomic { decidable -> send(D, doCommit) }
	:: atomic { done(D) && done(1) && done(2) && !decidable -> send(D, doRollback) }
		atomic { done(D) -> told = saidRolledBack; send(1, xaRollback); send(2, xaRollback) }
		goto stop
	fi;
	if
	:: goto stop
	:: atomic { fine(D) -> told = saidCommitted; send(1, xaCommit); send(2, xaCommit) }
	:: atomic { answer[D] == pending && !linked[D] -> skip }
#ifdef LOST_MEANS_ROLLED_BACK /* MISTAKE: takes a COMMIT without an answer for none */
		told = saidRolledBack
#else
		if
		:: told = saidUnknown /* D cannot be asked */
		:: verdictOf(v);
			atomic { if
			:: v == commit -> told = saidCommitted
#ifdef NO_DEADLINE /* MISTAKE: takes no row for a rollback, however long ago there may have been one */
			:: v == rollback -> told = saidRolledBack
#else
			:: v == rollback && !late -> told = saidRolledBack
			:: v == rollback && late -> told = saidUnknown
#endif
			fi }
		fi
#endif
	fi;
stop:	skip
}

/* ---- recovery ---- */

inline finish(b) {
#ifdef ATTACHED
	atomic { if :: part[b] == prepared && session[b] -> endSession(b) :: else fi }; /* 1397: KILL the branch's connection */
#endif
	atomic { if
	:: part[b] == prepared -> part[b] = (v == commit -> committed : rolledback)
	:: else
	fi }
}

proctype recoverer(bool mortal) {
	mtype:row v = none;
	{
end:		do
		:: part[1] == prepared || part[2] == prepared -> verdictOf(v); finish(1); finish(2); v = none
		od
	} unless { mortal && over }
}

/* goneFrom: the branch is not among the prepared ones of its server, nor of the replica that may take its place. Looking and
 * waiting for the acknowledgement are done on one connection, which a failover would cut. */
#if defined(GC_EARLY) /* MISTAKE: looks at the clock only */
#define goneFrom(b) true
#elif defined(GC_NO_BARRIER) /* MISTAKE: forgets that an XA COMMIT can be lost with its server */
#define goneFrom(b) (part[b] != prepared)
#else
#define goneFrom(b) (part[b] != prepared && acknowledged(b))
#endif

/* Rows go when nobody needs them: a commit when no branch can be found prepared again, a tombstone when the deciding
 * transaction that it stops is over. */
active proctype collector() {
end:	do
	:: atomic { row == commit && !late -> late = true }
	:: row == commit && late && goneFrom(1) ->
		atomic { goneFrom(2) -> if :: row == commit -> row = none :: else fi }
#ifdef GC_TOMBSTONE_EARLY /* MISTAKE: looks at the clock only */
	:: atomic { row == rollback -> row = none }
#else
	:: atomic { row == rollback && part[D] != open -> row = none }
#endif
	od
}

/* ---- what must never be ---- */

active proctype misfortune() {
	over = true
}

active proctype monitor() {
end:	(some(committed) && some(rolledback)) || (told == saidCommitted && some(rolledback)) ||
	(told == saidRolledBack && some(committed));
	assert(false)
}

init {
	atomic {
		run server(D); run server(1); run server(2);
		run recoverer(false);
#ifndef FAILOVER /* there it is the coordinator that asks as well */
		run recoverer(true)
#endif
	}
}
