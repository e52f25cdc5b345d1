<?php
// mysqli.php text|prepared: PHP's mysqli (mysqlnd), with query or with prepared statements.
require __DIR__ . '/tap.php';
mysqli_report(MYSQLI_REPORT_ERROR | MYSQLI_REPORT_STRICT);
$prepared = $argv[1] === 'prepared';
$db = null;

function open(): mysqli {
    global $host, $port, $user, $password, $name;
    $db = new mysqli($host, $user, $password, $name, (int) $port);
    $db->set_charset('utf8mb4');
    return $db;
}

// statement runs SQL with values in it or beside it, and returns the rows or the number of affected rows.
function statement(string $sql, array $args = []) {
    global $db, $prepared;
    if ($prepared) {
        $st = $db->prepare($sql);
        if ($args) $st->bind_param(implode('', array_map(fn ($v) => is_int($v) ? 'i' : (is_float($v) ? 'd' : 's'), $args)), ...$args);
        $st->execute();
        $result = $st->get_result();
        return $result ? $result->fetch_all(MYSQLI_ASSOC) : $st->affected_rows;
    }
    $parts = explode('?', $sql);
    $text = array_shift($parts);
    foreach ($parts as $i => $part) {
        $v = $args[$i];
        $text .= ($v === null ? 'NULL' : (is_int($v) || is_float($v) ? var_export($v, true) : "'" . $db->real_escape_string($v) . "'")) . $part;
    }
    $result = $db->query($text);
    return $result instanceof mysqli_result ? $result->fetch_all(MYSQLI_ASSOC) : $db->affected_rows;
}

run([
    'connect' => function () use (&$db) {
        echo 'version mysqli (PHP ', PHP_VERSION, ', ', mysqli_get_client_info(), ")\n";
        $db = open();
        out('connect', $db->server_info, $db->protocol_version);
        same('SELECT 1', (string) statement('SELECT 1 AS one')[0]['one'], '1');
    },
    'migrate' => function () use (&$db) {
        $db->query('CREATE TABLE notes (id INT AUTO_INCREMENT PRIMARY KEY, title VARCHAR(50) NOT NULL, body TEXT, UNIQUE KEY by_title (title))');
        $db->query('ALTER TABLE notes ADD COLUMN stars INT NOT NULL DEFAULT 3');
    },
    'autoincrement' => function () use (&$db) {
        statement('INSERT INTO notes (title, body) VALUES (?, ?)', ['first', '😀']);
        same('the id', $db->insert_id, 1);
        same('many', statement('INSERT INTO notes (title) VALUES (?), (?)', ['second', 'third']), 2);
        same('info', (string) $db->info, 'Records: 2  Duplicates: 0  Warnings: 0');
    },
    'types' => function () {
        $columns = columns();
        $names = implode(', ', array_column($columns, 0));
        $compare = function (array $row, int $i) use ($columns) {
            foreach ($columns as [$name, $kind, $rows]) same($name, read($kind, $row[$name]), $rows[$i]);
        };
        for ($i = 0; $i < 3; $i++) {
            $values = array_map(fn ($c) => written($c[1], $c[2][$i]), $columns);
            statement("INSERT INTO types (id, $names) VALUES (?" . str_repeat(', ?', count($values)) . ')', [$i + 1, ...$values]);
            $compare(statement("SELECT $names FROM types WHERE id = ?", [$i + 1])[0], $i);
        }
        foreach (statement("SELECT $names FROM types ORDER BY id") as $i => $row) $compare($row, $i);
    },
    'crud' => function () use (&$db) {
        for ($i = 1; $i <= 8; $i++) {
            same('inserted', statement('INSERT INTO accounts (id, name, balance) VALUES (?, ?, ?)', [$i, 'name ' . $i % 3, $i * 10]), 1);
        }
        same('updated', statement('UPDATE accounts SET balance = balance + 0.5 WHERE id = ?', [3]), 1);
        same('deleted', statement('DELETE FROM accounts WHERE id = ?', [8]), 1);
        $ids = fn ($rows) => array_map(fn ($r) => (int) $r['id'], $rows);
        same('IN', $ids(statement('SELECT id FROM accounts WHERE id IN (?, ?, ?) ORDER BY id', [1, 3, 8])), [1, 3]);
        same('page', $ids(statement('SELECT id FROM accounts ORDER BY name, id DESC LIMIT 3 OFFSET 1')), [3, 7, 4]);
        same('balance', statement('SELECT balance FROM accounts WHERE id = ?', [3])[0]['balance'], '30.50');
        $db->multi_query('SELECT id FROM accounts WHERE id = 1; SELECT id FROM accounts WHERE id = 2');
        $all = [];
        do $all[] = (int) $db->store_result()->fetch_row()[0]; while ($db->more_results() && $db->next_result());
        same('several statements', $all, [1, 2]);
    },
    'prepared' => function () use (&$db) {
        $st = $db->prepare('SELECT id, name FROM accounts WHERE id = ?');
        foreach ([[1, 1], [2, 1], [99, 0], [null, 0]] as [$id, $want]) {
            $st->bind_param('i', $id);
            $st->execute();
            $st->store_result();
            same('rows of ' . json_encode($id), (int) $st->num_rows, $want);
        }
        same('parameters', [$st->param_count, $st->field_count], [1, 2]);
        $st->close();
        $long = $db->prepare('UPDATE types SET c_blob = ? WHERE id = 1');
        $null = null;
        $long->bind_param('b', $null);
        for ($i = 0; $i < 10; $i++) $long->send_long_data(0, str_repeat(chr($i), 1000));
        $long->execute();
        same('long data', (int) $db->query('SELECT LENGTH(c_blob) FROM types WHERE id = 1')->fetch_row()[0], 10000);
        $cursor = $db->stmt_init();
        $cursor->prepare('SELECT id FROM accounts ORDER BY id');
        $cursor->attr_set(MYSQLI_STMT_ATTR_CURSOR_TYPE, MYSQLI_CURSOR_TYPE_READ_ONLY);
        $cursor->execute();
        $cursor->bind_result($id);
        $ids = [];
        while ($cursor->fetch()) $ids[] = $id;
        same('with a cursor', $ids, [1, 2, 3, 4, 5, 6, 7]);
    },
    'transactions' => function () use (&$db) {
        $db->begin_transaction();
        statement('UPDATE accounts SET balance = 0 WHERE id = 4');
        $db->rollback();
        same('after the rollback', statement('SELECT balance FROM accounts WHERE id = 4')[0]['balance'], '40.00');
        $db->autocommit(false);
        statement('UPDATE accounts SET balance = 41 WHERE id = ?', [4]);
        statement('INSERT INTO accounts (id, name) VALUES (?, ?)', [12, 'with 4']);
        $db->commit();
        $db->autocommit(true);
        same('after the commit', statement('SELECT balance FROM accounts WHERE id = 4')[0]['balance'], '41.00');
    },
    'savepoints' => function () use (&$db) {
        $db->begin_transaction();
        statement("INSERT INTO notes (title) VALUES ('outer')");
        $db->savepoint('inner_one');
        statement("INSERT INTO notes (title) VALUES ('inner')");
        try {
            $db->query('ROLLBACK TO SAVEPOINT inner_one');
        } finally {
            $db->commit();
        }
        same('notes', array_column(statement("SELECT title FROM notes WHERE title IN ('outer', 'inner')"), 'title'), ['outer']);
    },
    'stream' => function () use (&$db, $prepared) {
        $sql = 'SELECT n, label FROM bulk.numbers ORDER BY n';
        $count = $total = 0;
        if ($prepared) {
            $st = $db->prepare($sql);
            $st->execute();
            $st->bind_result($n, $label);
            while ($st->fetch()) [$count, $total] = [$count + 1, $total + $n];
            $st->close();
        } else {
            $rows = $db->query($sql, MYSQLI_USE_RESULT);
            while ($r = $rows->fetch_row()) [$count, $total] = [$count + 1, $total + (int) $r[0]];
            $rows->close();
        }
        same('rows and their sum', [$count, $total], [20000, 200010000]);
    },
    'errors' => function () {
        $code = fn ($e) => $e->getCode();
        raises(mysqli_sql_exception::class, 1062, fn () => statement("INSERT INTO accounts (id, name) VALUES (?, 'again')", [1]), $code);
        raises(mysqli_sql_exception::class, 1064, fn () => statement('SELEC 1'), $code);
        raises(mysqli_sql_exception::class, 1146, fn () => statement('SELECT * FROM nosuch'), $code);
    },
    'reconnect' => function () use (&$db) {
        $victim = open();
        $db->query('KILL ' . $victim->thread_id);
        usleep(100000);
        try {
            $victim->query('SELECT 1');
            throw new Exception('the killed connection lives');
        } catch (mysqli_sql_exception $e) {
            same('the code', in_array($e->getCode(), [2006, 2013, 1927, 1317]), true);
        }
        same('after the reconnect', open()->query('SELECT name FROM accounts WHERE id = 1')->fetch_row()[0], 'name 1');
    },
    'reset' => function () use (&$db, $user, $password, $name) {
        $db->change_user($user, $password, 'bulk');
        same('after COM_CHANGE_USER', statement('SELECT DATABASE() AS d')[0]['d'], 'bulk');
        $db->select_db($name);
        same('after COM_INIT_DB', statement('SELECT DATABASE() AS d')[0]['d'], $name);
        same('ping and statistics', [$db->ping(), is_string($db->stat())], [true, true]);
    },
    'metadata' => function () use (&$db) {
        $result = $db->query('SELECT * FROM types WHERE id = 1');
        foreach ($result->fetch_fields() as $f) out('metadata', $f->name, $f->orgname, $f->table, $f->orgtable, $f->db, $f->length, $f->charsetnr, $f->flags, $f->type, $f->decimals);
    },
]);
