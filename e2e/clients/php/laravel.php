<?php
// laravel.php: Laravel's illuminate/database over PDO: schema builder, query builder, Eloquent, transactions.
require __DIR__ . '/tap.php';
require 'Illuminate/Database/autoload.php';

use Illuminate\Container\Container;
use Illuminate\Database\{Capsule\Manager as DB, QueryException};
use Illuminate\Database\Eloquent\{Model, SoftDeletes};
use Illuminate\Events\Dispatcher;

class Author extends Model {
    protected $guarded = [];
    protected $casts = ['meta' => 'array'];
    public function books() { return $this->hasMany(Book::class); }
}
class Book extends Model {
    use SoftDeletes;
    protected $guarded = [];
}
class Account extends Model {
    public $timestamps = false;
    public $incrementing = false;
    protected $guarded = [];
}

$where = ['driver' => 'mysql', 'host' => $host, 'port' => $port, 'database' => $name, 'username' => $user, 'password' => $password,
    'charset' => 'utf8mb4', 'collation' => 'utf8mb4_unicode_ci', 'strict' => true];
$db = new DB();
$db->addConnection($where);
$db->addConnection($where, 'other');
$db->setAsGlobal();
$db->bootEloquent();

run([
    'connect' => function () {
        echo 'version illuminate/database ', trim((string) shell_exec("dpkg-query -W -f '\${Version}' php-illuminate-database")), "\n";
        same('SELECT 1', (int) DB::select('SELECT 1 AS one')[0]->one, 1);
        out('connect', DB::selectOne('SELECT @@sql_mode AS m')->m);
    },
    'migrate' => function () {
        DB::schema()->create('authors', function ($t) {
            $t->id();
            $t->string('name', 50)->unique();
            $t->json('meta')->nullable();
            $t->timestamps();
        });
        DB::schema()->create('books', function ($t) {
            $t->id();
            $t->foreignId('author_id')->constrained()->cascadeOnDelete();
            $t->string('title')->index();
            $t->softDeletes();
            $t->timestamps();
        });
        DB::schema()->table('books', function ($t) {
            $t->unsignedInteger('stars')->default(3)->after('title');
        });
        same('has', [DB::schema()->hasTable('books'), DB::schema()->hasColumn('books', 'stars'), DB::schema()->hasTable('nosuch')], [true, true, false]);
    },
    'autoincrement' => function () {
        $ann = Author::create(['name' => 'Ünal 😀', 'meta' => ['a' => [1, null]]]);
        same('the id', $ann->id, 1);
        $ann->books()->createMany([['title' => 'one'], ['title' => 'two']]);
        $found = Author::with('books')->where('meta->a', '!=', null)->firstOrFail();
        same('books', [$found->meta, $found->books->pluck('title')->all()], [['a' => [1, null]], ['one', 'two']]);
        Book::where('title', 'two')->delete();
        same('not deleted softly', Book::pluck('title')->all(), ['one']);
        same('found or created', [Author::firstOrCreate(['name' => 'b'])->wasRecentlyCreated, Author::withCount('books')->find(1)->books_count], [true, 1]);
        DB::table('authors')->upsert([['name' => 'b', 'meta' => null], ['name' => 'c', 'meta' => null]], ['name'], ['meta']);
    },
    'types' => function () {
        $columns = columns();
        for ($i = 0; $i < 3; $i++) {
            $row = ['id' => $i + 1];
            foreach ($columns as [$column, $kind, $rows]) $row[$column] = written($kind, $rows[$i]);
            DB::table('types')->insert($row);
            $got = (array) DB::table('types')->find($i + 1);
            foreach ($columns as [$column, $kind, $rows]) same($column, read($kind, $got[$column]), $rows[$i]);
        }
        same('all in order', DB::table('types')->orderBy('id')->pluck('id')->map('intval')->all(), [1, 2, 3]);
    },
    'crud' => function () {
        for ($i = 1; $i <= 6; $i++) Account::create(['id' => $i, 'name' => 'name ' . $i % 3, 'balance' => $i]);
        same('updated', Account::where('id', 3)->increment('balance', 1, ['name' => 'changed']), 1);
        same('deleted', Account::destroy(6), 1);
        same('page', Account::orderBy('name')->orderByDesc('id')->skip(1)->take(2)->pluck('id')->all(), [4, 1]);
        same('filtered', Account::whereIn('id', [1, 2, 9])->orWhere('name', 'changed')->orderBy('id')->pluck('id')->all(), [1, 2, 3]);
        same('exists', [Account::where('id', 2)->exists(), Account::where('id', 99)->exists()], [true, false]);
    },
    'transactions' => function () {
        try {
            DB::connection()->transaction(function () {
                Account::where('id', 4)->update(['balance' => 0]);
                throw new DomainException();
            });
        } catch (DomainException) {
        }
        same('after the rollback', Account::find(4)->balance, '4.00');
        DB::connection()->transaction(function () {
            $a = Account::lockForUpdate()->find(4);
            $a->update(['balance' => 44]);
        }, 3);
        same('after the commit', Account::sharedLock()->find(4)->balance, '44.00');
    },
    'savepoints' => function () {
        DB::connection()->transaction(function () {
            Author::create(['name' => 'outer']);
            try {
                DB::connection()->transaction(function () {
                    Author::create(['name' => 'inner']);
                    throw new DomainException();
                });
            } catch (DomainException) {
            }
        });
        same('authors', Author::whereIn('name', ['outer', 'inner'])->pluck('name')->all(), ['outer']);
    },
    'stream' => function () {
        DB::connection()->getPdo()->setAttribute(PDO::MYSQL_ATTR_USE_BUFFERED_QUERY, false);
        $count = $total = 0;
        foreach (DB::table('bulk.numbers')->orderBy('n')->cursor() as $r) [$count, $total] = [$count + 1, $total + $r->n];
        DB::connection()->getPdo()->setAttribute(PDO::MYSQL_ATTR_USE_BUFFERED_QUERY, true);
        same('rows and their sum', [$count, $total], [20000, 200010000]);
        $last = 0;
        DB::table('bulk.numbers')->where('n', '<', 500)->orderBy('n')->chunk(100, function ($rows) use (&$last) { $last = $rows->last()->n; });
        same('the last of all chunks', $last, 499);
    },
    'errors' => function () {
        $code = fn ($e) => $e->errorInfo[1];
        raises(QueryException::class, 1062, fn () => Account::create(['id' => 1, 'name' => 'again']), $code);
        raises(QueryException::class, 1064, fn () => DB::select('SELEC 1'), $code);
        raises(QueryException::class, 1146, fn () => DB::table('nosuch')->get(), $code);
    },
    'reconnect' => function () {
        $id = DB::selectOne('SELECT CONNECTION_ID() AS id')->id;
        DB::connection('other')->statement("KILL $id");
        usleep(100000);
        same('after the reconnect', Account::find(1)->name, 'name 1'); // Laravel reconnects by itself
    },
    'metadata' => function () {
        foreach (['types', 'accounts', 'books'] as $table) {
            $columns = DB::schema()->getColumnListing($table);
            sort($columns); // Laravel asks for no order
            out('metadata', $table, $columns);
            out('metadata', $table, DB::schema()->getConnection()->select('SHOW COLUMNS FROM ' . $table));
        }
        out('metadata', array_map(fn ($t) => array_values((array) $t)[0], DB::schema()->getAllTables()));
    },
]);
