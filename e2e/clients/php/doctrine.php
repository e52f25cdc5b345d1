<?php
// doctrine.php: Doctrine's DBAL over PDO: schema tool, comparison of schemas, query builder, introspection.
require __DIR__ . '/tap.php';
require 'Doctrine/DBAL/autoload.php';

use Doctrine\DBAL\{ArrayParameterType, Connection, DriverManager, Exception as DBALException, TransactionIsolationLevel};
use Doctrine\DBAL\Exception\{ConnectionLost, SyntaxErrorException, TableNotFoundException, UniqueConstraintViolationException};
use Doctrine\DBAL\Schema\Schema;
use Doctrine\DBAL\Types\Types;

$db = null;
function open(): Connection {
    global $host, $port, $user, $password, $name;
    $db = DriverManager::getConnection(['driver' => 'pdo_mysql', 'host' => $host, 'port' => (int) $port, 'user' => $user, 'password' => $password,
        'dbname' => $name, 'charset' => 'utf8mb4', 'defaultTableOptions' => ['charset' => 'utf8mb4', 'collate' => 'utf8mb4_unicode_ci']]);
    foreach (['bit', 'enum', 'set', 'year'] as $type) $db->getDatabasePlatform()->registerDoctrineTypeMapping($type, 'string');
    return $db;
}

run([
    'connect' => function () use (&$db) {
        echo 'version Doctrine DBAL ', trim((string) shell_exec("dpkg-query -W -f '\${Version}' php-doctrine-dbal")), "\n";
        $db = open();
        same('SELECT 1', (int) $db->fetchOne('SELECT 1'), 1);
        out('connect', get_class($db->getDatabasePlatform()), $db->getTransactionIsolation());
    },
    'migrate' => function () use (&$db) {
        $manager = $db->createSchemaManager();
        $schema = new Schema([], [], $manager->createSchemaConfig());
        $authors = $schema->createTable('authors');
        $authors->addColumn('id', Types::INTEGER, ['autoincrement' => true]);
        $authors->addColumn('name', Types::STRING, ['length' => 50]);
        $authors->addColumn('meta', Types::JSON, ['notnull' => false]);
        $authors->setPrimaryKey(['id']);
        $authors->addUniqueIndex(['name']);
        $books = $schema->createTable('books');
        $books->addColumn('id', Types::BIGINT, ['autoincrement' => true]);
        $books->addColumn('author_id', Types::INTEGER);
        $books->addColumn('published', Types::DATETIME_IMMUTABLE, ['notnull' => false]);
        $books->setPrimaryKey(['id']);
        $books->addForeignKeyConstraint($authors, ['author_id'], ['id']);
        foreach ($schema->toSql($db->getDatabasePlatform()) as $sql) $db->executeStatement($sql);
        $before = $manager->introspectTable('books');
        $after = clone $before;
        $after->addColumn('stars', Types::INTEGER, ['default' => 3]);
        $after->addIndex(['published'], 'by_published');
        $manager->alterTable($manager->createComparator()->compareTables($before, $after));
        same('no difference is left', $manager->createComparator()->compareTables($manager->introspectTable('books'), $after)->isEmpty(), true);
    },
    'autoincrement' => function () use (&$db) {
        $db->insert('authors', ['name' => 'Ünal 😀', 'meta' => ['a' => [1, null]]], ['meta' => Types::JSON]);
        same('the id', (int) $db->lastInsertId(), 1);
        $db->insert('books', ['author_id' => 1, 'published' => new DateTimeImmutable('2026-02-28 23:59:59')], ['published' => Types::DATETIME_IMMUTABLE]);
        $q = $db->createQueryBuilder()->select('a.name', 'b.stars')->from('books', 'b')->join('b', 'authors', 'a', 'a.id = b.author_id')->where('a.name LIKE :n')->setParameter('n', 'Ün%');
        same('joined', array_map(fn ($r) => [$r['name'], (int) $r['stars']], $q->fetchAllAssociative()), [['Ünal 😀', 3]]);
    },
    'types' => function () use (&$db) {
        $columns = columns();
        for ($i = 0; $i < 3; $i++) {
            $row = ['id' => $i + 1];
            foreach ($columns as [$column, $kind, $rows]) $row[$column] = written($kind, $rows[$i]);
            $kinds = ['c_bit' => $row['c_bit'] === null ? \Doctrine\DBAL\ParameterType::NULL : \Doctrine\DBAL\ParameterType::INTEGER];
            $db->insert('types', $row, $kinds);
            $got = $db->fetchAssociative('SELECT * FROM types WHERE id = ?', [$i + 1]);
            foreach ($columns as [$column, $kind, $rows]) same($column, read($kind, $got[$column]), $rows[$i]);
        }
        same('all in order', array_map('intval', $db->fetchFirstColumn('SELECT id FROM types ORDER BY id')), [1, 2, 3]);
    },
    'crud' => function () use (&$db) {
        for ($i = 1; $i <= 6; $i++) $db->insert('accounts', ['id' => $i, 'name' => 'name ' . $i % 3, 'balance' => $i]);
        same('updated', (int) $db->update('accounts', ['name' => 'changed'], ['id' => 3]), 1);
        same('deleted', (int) $db->delete('accounts', ['id' => 6]), 1);
        same('IN', array_map('intval', $db->fetchFirstColumn('SELECT id FROM accounts WHERE id IN (?) ORDER BY id', [[1, 2, 9]], [ArrayParameterType::INTEGER])), [1, 2]);
        $page = $db->createQueryBuilder()->select('id')->from('accounts')->orderBy('name')->addOrderBy('id', 'DESC')->setFirstResult(1)->setMaxResults(2);
        same('page', array_map('intval', $page->fetchFirstColumn()), [4, 1]);
    },
    'transactions' => function () use (&$db) {
        try {
            $db->transactional(function ($db) {
                $db->update('accounts', ['balance' => 0], ['id' => 4]);
                throw new DomainException();
            });
        } catch (DomainException) {
        }
        same('after the rollback', $db->fetchOne('SELECT balance FROM accounts WHERE id = 4'), '4.00');
        $db->setTransactionIsolation(TransactionIsolationLevel::READ_COMMITTED);
        $db->transactional(fn ($db) => $db->update('accounts', ['balance' => 44], ['id' => 4]));
        same('after the commit', $db->fetchOne('SELECT balance FROM accounts WHERE id = 4'), '44.00');
    },
    'savepoints' => function () use (&$db) {
        $db->setNestTransactionsWithSavepoints(true);
        $db->beginTransaction();
        $db->insert('authors', ['name' => 'outer']);
        try {
            $db->beginTransaction();
        } catch (DBALException $e) {
            $db->close(); // and with it the transaction
            throw $e;
        }
        $db->insert('authors', ['name' => 'inner']);
        $db->rollBack();
        $db->commit();
        same('authors', $db->fetchFirstColumn('SELECT name FROM authors WHERE name IN (?, ?)', ['outer', 'inner']), ['outer']);
    },
    'stream' => function () use (&$db) {
        $db->getNativeConnection()->setAttribute(PDO::MYSQL_ATTR_USE_BUFFERED_QUERY, false);
        $count = $total = 0;
        foreach ($db->iterateNumeric('SELECT n, label FROM bulk.numbers ORDER BY n') as [$n]) [$count, $total] = [$count + 1, $total + (int) $n];
        $db->getNativeConnection()->setAttribute(PDO::MYSQL_ATTR_USE_BUFFERED_QUERY, true);
        same('rows and their sum', [$count, $total], [20000, 200010000]);
    },
    'errors' => function () use (&$db) {
        $code = fn ($e) => $e->getCode();
        raises(UniqueConstraintViolationException::class, 1062, fn () => $db->insert('accounts', ['id' => 1, 'name' => 'again']), $code);
        raises(SyntaxErrorException::class, 1064, fn () => $db->executeQuery('SELEC 1'), $code);
        raises(TableNotFoundException::class, 1146, fn () => $db->executeQuery('SELECT * FROM nosuch'), $code);
    },
    'reconnect' => function () use (&$db) {
        $victim = open();
        $db->executeStatement('KILL ' . $victim->fetchOne('SELECT CONNECTION_ID()'));
        usleep(100000);
        try {
            $victim->fetchOne('SELECT 1');
            throw new Exception('the killed connection lives');
        } catch (DBALException) {
            $victim->close();
        }
        same('after the reconnect', $victim->fetchOne('SELECT name FROM accounts WHERE id = 1'), 'name 1');
    },
    'metadata' => function () use (&$db, $name) {
        $manager = $db->createSchemaManager();
        out('metadata', array_values(array_intersect($manager->listDatabases(), [$name])), count($manager->listTableNames()), count($manager->listViews()));
        $tables = $manager->listTables();
        usort($tables, fn ($a, $b) => strcmp($a->getName(), $b->getName()));
        foreach ($tables as $t) {
            foreach ($t->getColumns() as $c) {
                out('metadata', $t->getName(), $c->getName(), get_class($c->getType()), $c->getLength(), $c->getNotnull(), $c->getUnsigned(), $c->getDefault(), $c->getAutoincrement(), $c->getPlatformOptions());
            }
            $indexes = $t->getIndexes();
            ksort($indexes);
            foreach ($indexes as $i) out('metadata', $t->getName(), $i->getName(), $i->getColumns(), $i->isUnique(), $i->isPrimary());
            foreach ($t->getForeignKeys() as $f) out('metadata', $t->getName(), $f->getName(), $f->getLocalColumns(), $f->getForeignTableName(), $f->getForeignColumns());
        }
    },
]);
