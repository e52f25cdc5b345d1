<?php
// pdo.php native|emulated: PHP's PDO, with the server's prepared statements or with those that PDO makes up.
require __DIR__ . '/tap.php';
$emulated = $argv[1] === 'emulated';
$db = null;

function open(): PDO {
    global $host, $port, $user, $password, $name, $emulated;
    return new PDO("mysql:host=$host;port=$port;dbname=$name;charset=utf8mb4", $user, $password, [
        PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION, PDO::ATTR_EMULATE_PREPARES => $emulated, PDO::ATTR_DEFAULT_FETCH_MODE => PDO::FETCH_ASSOC,
        PDO::MYSQL_ATTR_INIT_COMMAND => "SET SESSION sql_mode = CONCAT(@@sql_mode, ',STRICT_TRANS_TABLES'), time_zone = '+00:00'",
    ]);
}

function statement(string $sql, array $args = []) {
    global $db;
    $st = $db->prepare($sql);
    foreach ($args as $i => $v) $st->bindValue($i + 1, $v, is_int($v) ? PDO::PARAM_INT : ($v === null ? PDO::PARAM_NULL : PDO::PARAM_STR));
    $st->execute();
    return $st->columnCount() > 0 ? $st->fetchAll() : $st->rowCount();
}

run([
    'connect' => function () use (&$db) {
        echo 'version PDO (PHP ', PHP_VERSION, ")\n";
        $db = open();
        out('connect', $db->getAttribute(PDO::ATTR_SERVER_VERSION));
        same('SELECT 1', (string) statement('SELECT 1 AS one')[0]['one'], '1');
    },
    'migrate' => function () use (&$db) {
        $db->exec('CREATE TABLE notes (id INT AUTO_INCREMENT PRIMARY KEY, title VARCHAR(50) NOT NULL, body TEXT, UNIQUE KEY by_title (title))');
        $db->exec('ALTER TABLE notes ADD COLUMN stars INT NOT NULL DEFAULT 3');
    },
    'autoincrement' => function () use (&$db) {
        statement('INSERT INTO notes (title, body) VALUES (?, ?)', ['first', '😀']);
        same('the id', $db->lastInsertId(), '1');
        $named = $db->prepare('INSERT INTO notes (title, body) VALUES (:title, :body)');
        foreach (['second', 'third'] as $title) $named->execute(['title' => $title, 'body' => null]);
        same('the id', $db->lastInsertId(), '3');
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
        same('page', $ids(statement('SELECT id FROM accounts ORDER BY name, id DESC LIMIT ? OFFSET ?', [3, 1])), [3, 7, 4]);
        same('pairs', $db->query('SELECT id, name FROM accounts WHERE id < 3 ORDER BY id')->fetchAll(PDO::FETCH_KEY_PAIR), [1 => 'name 1', 2 => 'name 2']);
    },
    'prepared' => function () use (&$db) {
        $st = $db->prepare('SELECT name FROM accounts WHERE id = :id');
        foreach ([1 => 'name 1', 2 => 'name 2', 99 => false] as $id => $want) {
            $st->execute(['id' => $id]);
            same("name of $id", $st->fetchColumn(), $want);
            $st->closeCursor();
        }
        $lob = $db->prepare('UPDATE types SET c_blob = ? WHERE id = 1');
        $stream = fopen('php://memory', 'r+');
        fwrite($stream, str_repeat("\0'\\", 5000));
        rewind($stream);
        $lob->bindParam(1, $stream, PDO::PARAM_LOB);
        $lob->execute();
        same('a LOB', $db->query('SELECT c_blob FROM types WHERE id = 1')->fetchColumn(), str_repeat("\0'\\", 5000));
    },
    'transactions' => function () use (&$db) {
        $db->beginTransaction();
        statement('UPDATE accounts SET balance = 0 WHERE id = 4');
        $db->rollBack();
        same('after the rollback', statement('SELECT balance FROM accounts WHERE id = 4')[0]['balance'], '40.00');
        $db->beginTransaction();
        statement('UPDATE accounts SET balance = 41 WHERE id = ?', [4]);
        statement('INSERT INTO accounts (id, name) VALUES (?, ?)', [12, 'with 4']);
        same('in it', $db->inTransaction(), true);
        $db->commit();
        same('after the commit', [statement('SELECT balance FROM accounts WHERE id = 4')[0]['balance'], $db->inTransaction()], ['41.00', false]);
    },
    'stream' => function () use (&$db) {
        $db->setAttribute(PDO::MYSQL_ATTR_USE_BUFFERED_QUERY, false);
        $count = $total = 0;
        $st = $db->prepare('SELECT n, label FROM bulk.numbers ORDER BY n');
        $st->execute();
        while ($r = $st->fetch(PDO::FETCH_NUM)) [$count, $total] = [$count + 1, $total + (int) $r[0]];
        $st->closeCursor();
        $db->setAttribute(PDO::MYSQL_ATTR_USE_BUFFERED_QUERY, true);
        same('rows and their sum', [$count, $total], [20000, 200010000]);
    },
    'errors' => function () {
        $code = fn ($e) => $e->errorInfo[1];
        raises(PDOException::class, 1062, fn () => statement('INSERT INTO accounts (id, name) VALUES (?, ?)', [1, 'again']), $code);
        raises(PDOException::class, 1064, fn () => statement('SELEC 1'), $code);
        raises(PDOException::class, 1146, fn () => statement('SELECT * FROM nosuch'), $code);
    },
    'reconnect' => function () use (&$db) {
        $victim = open();
        $db->exec('KILL ' . $victim->query('SELECT CONNECTION_ID()')->fetchColumn());
        usleep(100000);
        raises(PDOException::class, 2006, fn () => @$victim->query('SELECT 1'), fn ($e) => in_array($e->errorInfo[1], [2006, 2013, 1927, 4031]) ? 2006 : $e->errorInfo[1]);
        same('after the reconnect', open()->query('SELECT name FROM accounts WHERE id = 1')->fetchColumn(), 'name 1');
    },
    'metadata' => function () use (&$db) {
        $st = $db->query('SELECT * FROM types WHERE id = 1');
        for ($i = 0; $i < $st->columnCount(); $i++) out('metadata', $st->getColumnMeta($i));
    },
]);
