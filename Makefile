# What a developer types. Everything works from a clean clone; install.sh adds what the machine lacks.

GO ?= go
STATICCHECK = honnef.co/go/tools/cmd/staticcheck@v0.8.2
FUZZTIME ?= 30s

.PHONY: build test test-quick install vet staticcheck race sysbench chaos crossing dml ids bank crash bench bench-quick fuzz fuzz-protocol clean demo clients record-clients load

build:
	CGO_ENABLED=0 $(GO) build -trimpath -o bin/serval ./cmd/serval

# Everything that a change has to pass: what .ci/run runs.
test: install vet staticcheck build race

# No servers, no race detector: seconds.
test-quick:
	$(GO) test -short $$($(GO) list ./... | grep -v /e2e)

install:
	bash e2e/install.sh
	bash e2e/clients/install.sh

vet:
	$(GO) vet ./...
	$(GO) vet -tags failpoints ./proxy/txn

staticcheck:
	$(GO) run $(STATICCHECK) ./...

# The end-to-end tests on both servers are among these packages. The race detector needs cgo; the program never does.
# The fold test is one goroutine and millions of folds: it runs without the detector, which would make minutes hours.
FOLD = TestFoldAgreesWithServers
# A go command that fails before any test says so in no event of its own.
BROKEN = echo '{"Action":"build-fail"}'
race:
	{ CGO_ENABLED=1 $(GO) test -race -count=1 -timeout 40m -skip '^$(FOLD)$$' -json ./... || $(BROKEN); \
	  $(GO) test -count=1 -timeout 20m -run '^$(FOLD)$$' -json ./e2e || $(BROKEN); } | $(GO) run ./e2e/summary

# The long forms of two scenarios: a minute each.
sysbench: install
	SERVAL_E2E_SECONDS=60 $(GO) test -count=1 -v -timeout 30m -run TestSysbench ./e2e

chaos: install
	SERVAL_E2E_SECONDS=60 $(GO) test -count=1 -v -race -timeout 30m -run TestChaos ./e2e

# Two thousand clients over twenty backend connections, five minutes, and none may see another's state.
crossing: install
	SERVAL_E2E_SECONDS=300 SERVAL_E2E_CLIENTS=2000 $(GO) test -count=1 -v -timeout 30m -run TestStateCrossing ./e2e

# Random statements that write, compared with a plain server answer by answer and row by row: five minutes on each kind of server.
dml: install
	SERVAL_E2E_SECONDS=300 $(GO) test -count=1 -v -timeout 30m -run TestRandomDML ./e2e

# Sixty-four writers of numbered tables through four Servals, one killed: a minute for each kind of server and of ids.
ids: install
	SERVAL_E2E_SECONDS=60 $(GO) test -count=1 -v -timeout 30m -run TestIDsOfManyWriters ./e2e

# TPC-C by go-tpc at sixteen threads, sharded by warehouse, for two minutes, and its own checks.
tpcc: install
	SERVAL_E2E_SECONDS=120 $(GO) test -count=1 -v -timeout 30m -run TestTPCC ./e2e

# Sixteen clients move money over two groups while Servals, servers and the network fail: five minutes on each kind of server.
bank: install
	SERVAL_E2E_SECONDS=300 $(GO) test -count=1 -v -timeout 30m -run TestBank ./e2e

# Everything that can strike a commit over several groups, at every step of it and of recovery: a quarter of an hour.
crash: install
	SERVAL_E2E_CRASH=all $(GO) test -count=1 -v -timeout 90m -run 'TestCrashMatrix|TestSchemaCrash' ./e2e

# A million damaged packets in every state of a connection.
fuzz-protocol: install
	SERVAL_FUZZ_PACKETS=1000000 $(GO) test -count=1 -v -timeout 30m ./e2e/fuzz

# Serval beside a direct connection and HAProxy, in alternating rounds; Markdown on standard output.
bench: install
	$(GO) run ./e2e/bench

bench-quick: install
	$(GO) run ./e2e/bench -rounds 2 -seconds 3 -threads 16

# Two million rows by LOAD DATA LOCAL, into one server and through Serval: rows, memory, time.
load: install
	SERVAL_E2E_LOAD_ROWS=2000000 $(GO) test -count=1 -v -timeout 30m -run TestLoadDataBig ./e2e

# Every client that can be had, and docs/clients.md from what it finds.
clients: install
	bash e2e/clients/install.sh all
	SERVAL_CLIENTS=all SERVAL_CLIENTS_PAGE=$(CURDIR)/docs/clients.md $(GO) test -count=1 -timeout 30m -run TestClients ./e2e/clients

# What clients say when they connect, into e2e/clients/startup.
record-clients:
	bash e2e/clients/install.sh all
	$(GO) run ./e2e/clients/record

# Every fuzz target of every package, one after the other.
fuzz:
	bash .ci/fuzz $(FUZZTIME)

demo:
	$(GO) run ./cmd/demo

clean:
	rm -rf bin
	$(GO) clean -testcache
