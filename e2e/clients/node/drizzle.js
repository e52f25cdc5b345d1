// drizzle.js: the ORM Drizzle over mysql2: typed queries, prepared queries, transactions, its migrator.
const fs = require('fs');
const os = require('os');
const path = require('path');
const mysql = require('mysql2/promise');
const { drizzle } = require('drizzle-orm/mysql2');
const { migrate } = require('drizzle-orm/mysql2/migrator');
const { and, asc, count, desc, eq, inArray, like, or, sql } = require('drizzle-orm');
const t = require('drizzle-orm/mysql-core');
const { where, version, run, out, same } = require('./tap');
const shared = require('./tap_orm');

const accounts = t.mysqlTable('accounts', {
  id: t.bigint('id', { mode: 'number' }).primaryKey(), name: t.varchar('name', { length: 60 }).notNull(),
  balance: t.decimal('balance', { precision: 12, scale: 2 }).notNull().default('0'), created: t.datetime('created'),
});
const authors = t.mysqlTable('authors', { id: t.int('id').autoincrement().primaryKey(), name: t.varchar('name', { length: 50 }).notNull().unique() });
const books = t.mysqlTable('books', { id: t.int('id').autoincrement().primaryKey(), title: t.text('title').notNull(), author: t.int('author_id').references(() => authors.id), stars: t.int('stars').default(3) });
const types = t.mysqlTable('types', {
  id: t.bigint('id', { mode: 'number' }).primaryKey(), tiny: t.tinyint('c_tiny'), ubig: t.bigint('c_ubig', { mode: 'bigint', unsigned: true }), decimal: t.decimal('c_decimal'),
  double: t.double('c_double'), float: t.float('c_float'), bool: t.boolean('c_bool'), date: t.date('c_date', { mode: 'string' }), time: t.time('c_time'), datetime: t.datetime('c_datetime6', { fsp: 6, mode: 'string' }),
  timestamp: t.timestamp('c_timestamp'), year: t.year('c_year'), text: t.text('c_text'), varchar: t.varchar('c_varchar', { length: 100 }), varbinary: t.varbinary('c_varbinary', { length: 100 }),
  color: t.mysqlEnum('c_enum', ['red', 'green', 'blue']), json: t.json('c_json'),
});

const options = { ...where, charset: 'utf8mb4', timezone: 'Z', supportBigNumbers: true, connectionLimit: 1 };
let pool, other, db;
const rows = async (text) => (await db.execute(sql.raw(text)))[0];

// folder writes what drizzle-kit would have generated.
const folder = () => {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'drizzle-'));
  fs.mkdirSync(path.join(dir, 'meta'));
  fs.writeFileSync(path.join(dir, '0000_books.sql'), `CREATE TABLE \`authors\` (\`id\` int AUTO_INCREMENT NOT NULL, \`name\` varchar(50) NOT NULL, CONSTRAINT \`authors_id\` PRIMARY KEY(\`id\`), CONSTRAINT \`authors_name_unique\` UNIQUE(\`name\`));
--> statement-breakpoint
CREATE TABLE \`books\` (\`id\` int AUTO_INCREMENT NOT NULL, \`title\` text NOT NULL, \`author_id\` int, CONSTRAINT \`books_id\` PRIMARY KEY(\`id\`));
--> statement-breakpoint
ALTER TABLE \`books\` ADD CONSTRAINT \`books_author_id_authors_id_fk\` FOREIGN KEY (\`author_id\`) REFERENCES \`authors\`(\`id\`) ON DELETE no action ON UPDATE no action;`);
  fs.writeFileSync(path.join(dir, '0001_stars.sql'), 'ALTER TABLE `books` ADD `stars` int DEFAULT 3;');
  const entry = (idx, tag) => ({ idx, version: '5', when: 1700000000000 + idx, tag, breakpoints: true });
  fs.writeFileSync(path.join(dir, 'meta/_journal.json'), JSON.stringify({ version: '5', dialect: 'mysql', entries: [entry(0, '0000_books'), entry(1, '0001_stars')] }));
  return dir;
};

run({
  async connect() {
    version('drizzle-orm');
    pool = mysql.createPool(options);
    other = mysql.createPool(options);
    db = drizzle(pool, { schema: { accounts, authors, books, types }, mode: 'default' });
    same('SELECT 1', (await rows('SELECT 1 AS one')).map((r) => Number(r.one)), [1]);
  },
  async migrate() {
    const dir = folder();
    await migrate(db, { migrationsFolder: dir });
    await migrate(db, { migrationsFolder: dir });
    fs.rmSync(dir, { recursive: true });
  },
  async autoincrement() {
    const [{ id }] = await db.insert(authors).values({ name: 'Ünal 😀' }).$returningId();
    same('the id', id, 1);
    await db.insert(books).values([{ title: 'one', author: id }, { title: 'two', author: id }]);
    same('joined', await db.select({ title: books.title, name: authors.name }).from(books).innerJoin(authors, eq(books.author, authors.id)).orderBy(books.id), [{ title: 'one', name: 'Ünal 😀' }, { title: 'two', name: 'Ünal 😀' }]);
    same('grouped', await db.select({ author: books.author, n: count() }).from(books).groupBy(books.author), [{ author: 1, n: 2 }]);
    await db.insert(authors).values({ name: 'Ünal 😀' }).onDuplicateKeyUpdate({ set: { name: 'Ünal 😀' } });
  },
  async types() {
    const want = {
      id: 1, tiny: -7, ubig: 18446744073709551615n, decimal: '-1.500000', double: 0.1, float: 1.5, bool: true, date: '2026-02-28', time: '23:59:58',
      datetime: '1999-12-31 23:59:59.999999', timestamp: new Date('2026-06-15T12:00:00Z'), year: 2026, text: "it's \\ 100%", varchar: '日本 😀', varbinary: 'abc', color: 'green', json: { a: [1, null] },
    };
    await db.insert(types).values(want);
    await db.insert(types).values({ id: 2 });
    const [got] = await db.select().from(types).where(eq(types.id, 1));
    if (typeof got.json === 'string') got.json = JSON.parse(got.json); // MariaDB's is a text column
    same('the row', got, want);
    same('all in order', await db.select({ id: types.id, tiny: types.tiny }).from(types).orderBy(asc(types.id)), [{ id: 1, tiny: -7 }, { id: 2, tiny: null }]);
  },
  async crud() {
    for (let i = 1; i <= 6; i++) await db.insert(accounts).values({ id: i, name: `name ${i % 3}`, balance: String(i) });
    same('updated', (await db.update(accounts).set({ balance: sql`${accounts.balance} + 1` }).where(eq(accounts.id, 3)))[0].affectedRows, 1);
    same('deleted', (await db.delete(accounts).where(eq(accounts.id, 6)))[0].affectedRows, 1);
    same('page', await db.select({ id: accounts.id }).from(accounts).orderBy(accounts.name, desc(accounts.id)).limit(2).offset(1), [{ id: 4 }, { id: 1 }]);
    const filtered = await db.query.accounts.findMany({ columns: { id: true }, where: or(inArray(accounts.id, [1, 2, 9]), and(like(accounts.name, '%0'), eq(accounts.id, 3))), orderBy: accounts.id });
    same('filtered', filtered, [{ id: 1 }, { id: 2 }, { id: 3 }]);
  },
  async prepared() {
    const st = db.select({ name: accounts.name }).from(accounts).where(eq(accounts.id, sql.placeholder('id'))).prepare();
    for (const [id, want] of [[1, 'name 1'], [2, 'name 2'], [99, undefined]]) same(`name of ${id}`, (await st.execute({ id }))[0]?.name, want);
  },
  async transactions() {
    await db.transaction(async (x) => {
      await x.update(accounts).set({ balance: '0' }).where(eq(accounts.id, 4));
      x.rollback();
    }).catch((e) => same('the failure', e.constructor.name, 'TransactionRollbackError'));
    same('after the rollback', await db.select({ b: accounts.balance }).from(accounts).where(eq(accounts.id, 4)), [{ b: '4.00' }]);
    await db.transaction(async (x) => {
      await x.select().from(accounts).where(eq(accounts.id, 4)).for('update');
      await x.update(accounts).set({ balance: '44' }).where(eq(accounts.id, 4));
    }, { isolationLevel: 'read committed', accessMode: 'read write' });
    same('after the commit', await db.select({ b: accounts.balance }).from(accounts).where(eq(accounts.id, 4)), [{ b: '44.00' }]);
  },
  async savepoints() {
    await db.transaction(async (x) => {
      await x.insert(authors).values({ name: 'outer' });
      await x.transaction(async (inner) => {
        await inner.insert(authors).values({ name: 'inner' });
        inner.rollback();
      }).catch(() => {});
    });
    same('authors', await db.select({ name: authors.name }).from(authors).where(inArray(authors.name, ['outer', 'inner'])), [{ name: 'outer' }]);
  },
  errors: () => shared.errors(rows),
  reconnect: () => shared.reconnect(rows, (text) => other.query(text)),
});
