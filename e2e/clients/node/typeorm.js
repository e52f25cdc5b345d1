// typeorm.js: the ORM TypeORM over mysql2: entities, schema synchronisation, migrations, repositories, query builder.
require('reflect-metadata');
const { DataSource, EntitySchema, In, QueryFailedError } = require('typeorm');
const { where, kind, version, run, out, same, columns, read } = require('./tap');
const shared = require('./tap_orm');

const Account = new EntitySchema({
  name: 'Account', tableName: 'accounts', synchronize: false,
  columns: {
    id: { type: 'bigint', primary: true }, name: { type: 'varchar', length: 60 }, balance: { type: 'decimal', precision: 12, scale: 2, default: 0 },
    created: { type: 'datetime', nullable: true },
  },
});
const Types = new EntitySchema({
  name: 'Types', tableName: 'types', synchronize: false,
  columns: {
    id: { type: 'bigint', primary: true }, c_int: { type: 'int', nullable: true }, c_ubig: { type: 'bigint', unsigned: true, nullable: true },
    c_decimal: { type: 'decimal', nullable: true }, c_double: { type: 'double', nullable: true }, c_bool: { type: 'boolean', nullable: true },
    c_date: { type: 'date', nullable: true }, c_time: { type: 'time', nullable: true }, c_datetime6: { type: 'datetime', precision: 6, nullable: true },
    c_varchar: { type: 'varchar', nullable: true }, c_blob: { type: 'blob', nullable: true }, c_enum: { type: 'enum', enum: ['red', 'green', 'blue'], nullable: true },
    c_set: { type: 'set', enum: ['a', 'b', 'c'], nullable: true }, c_json: { type: 'json', nullable: true },
  },
});
const Author = new EntitySchema({
  name: 'Author', tableName: 'authors',
  columns: { id: { type: 'int', primary: true, generated: 'increment' }, name: { type: 'varchar', length: 50, unique: true } },
  relations: { books: { type: 'one-to-many', target: 'Book', inverseSide: 'author', cascade: true } },
});
const Book = new EntitySchema({
  name: 'Book', tableName: 'books',
  columns: {
    id: { type: 'int', primary: true, generated: 'increment' }, title: { type: 'varchar', length: 100 }, stars: { type: 'int', default: 3 },
    createdAt: { type: 'datetime', createDate: true },
  },
  relations: { author: { type: 'many-to-one', target: 'Author', inverseSide: 'books', onDelete: 'CASCADE' } },
  indices: [{ name: 'by_title', columns: ['title'] }],
});
class AddPages1700000000000 {
  async up(q) { await q.query('ALTER TABLE books ADD COLUMN pages INT NULL'); }
  async down(q) { await q.query('ALTER TABLE books DROP COLUMN pages'); }
}

const open = () => new DataSource({
  type: kind === 'mariadb' ? 'mariadb' : 'mysql', driver: require('mysql2'), host: where.host, port: where.port, username: where.user, password: where.password,
  database: where.database, charset: 'utf8mb4', entities: [Account, Types, Author, Book], migrations: [AddPages1700000000000], poolSize: 1,
  supportBigNumbers: true, bigNumberStrings: true, timezone: 'Z', extra: { connectionLimit: 1 },
}).initialize();
let db, other;

run({
  async connect() {
    version('typeorm');
    db = await open();
    other = await open();
    same('SELECT 1', String((await db.query('SELECT 1 AS one'))[0].one), '1');
    out('connect', db.driver.version);
  },
  async migrate() {
    await db.synchronize();
    await db.synchronize(); // finds nothing to do
    const left = await db.driver.createSchemaBuilder().log();
    out('migrate', left.upQueries.map((q) => q.query));
    await db.runMigrations();
    await db.undoLastMigration();
  },
  async autoincrement() {
    const ann = await db.getRepository(Author).save({ name: 'Ünal 😀', books: [{ title: 'one' }, { title: 'two' }] });
    same('the id', ann.id, 1);
    const found = await db.getRepository(Author).findOne({ where: { name: 'Ünal 😀' }, relations: { books: true }, order: { books: { id: 'ASC' } } });
    same('books', found.books.map((b) => [b.title, b.stars]), [['one', 3], ['two', 3]]);
    const counted = await db.getRepository(Book).createQueryBuilder('b').innerJoin('b.author', 'a').select('a.name', 'name').addSelect('COUNT(*)', 'n').groupBy('a.name').getRawMany();
    same('grouped', counted.map((r) => [r.name, String(r.n)]), [['Ünal 😀', '2']]);
    await db.getRepository(Author).upsert([{ name: 'b' }, { name: 'Ünal 😀' }], ['name']);
  },
  async types() {
    const want = {
      id: '1', c_int: -7, c_ubig: '18446744073709551615', c_decimal: '-1.500000', c_double: 0.1, c_bool: true, c_date: '2026-02-28', c_time: '23:59:58',
      c_datetime6: new Date('1999-12-31T23:59:59.999Z'), c_varchar: '日本 😀', c_blob: Buffer.from([0, 255, 39, 92]), c_enum: 'green', c_set: ['a', 'c'],
      c_json: { a: [1, null], s: 'ü' },
    };
    await db.getRepository(Types).insert({ ...want });
    await db.getRepository(Types).insert({ id: '2' });
    const got = await db.getRepository(Types).findOneBy({ id: '1' });
    for (const [name, value] of Object.entries(want)) same(name, got[name], value);
    same('all in order', (await db.getRepository(Types).find({ order: { id: 'ASC' } })).map((r) => r.c_int), [-7, null]);
    for (let i = 0; i < 2; i++) { // and all columns, as text
      const names = columns.map((c) => c.name).join(', ');
      await db.query(`INSERT INTO types (id, ${names}) VALUES (?${', ?'.repeat(columns.length)})`,
        [i + 11, ...columns.map((c) => (c.kind === 'json' ? JSON.stringify(c.rows[i]) : c.rows[i]))]);
      const [row] = await db.query(`SELECT ${names} FROM types WHERE id = ?`, [i + 11]);
      for (const c of columns) if (!/date/.test(c.kind)) same(c.name, read(c.kind, row[c.name]), c.rows[i]);
    }
  },
  async crud() {
    const accounts = db.getRepository(Account);
    for (let i = 1; i <= 6; i++) await accounts.insert({ id: String(i), name: `name ${i % 3}`, balance: String(i) });
    same('updated', (await accounts.update({ id: '3' }, { name: 'changed' })).affected, 1);
    same('incremented', (await accounts.increment({ id: '3' }, 'balance', 1)).affected, 1);
    same('deleted', (await accounts.delete('6')).affected, 1);
    same('page', (await accounts.find({ order: { name: 'ASC', id: 'DESC' }, skip: 1, take: 2 })).map((a) => a.id), ['4', '1']);
    same('filtered', (await accounts.find({ where: [{ id: In(['1', '2', '9']) }, { name: 'changed' }], order: { id: 'ASC' } })).map((a) => a.id), ['1', '2', '3']);
    const saved = await accounts.save({ id: '5', name: 'saved', balance: '5.50' }); // reads before it writes
    same('saved', [saved.name, (await accounts.findOneBy({ id: '5' })).balance], ['saved', '5.50']);
  },
  async transactions() {
    await db.transaction(async (m) => {
      await m.update(Account, { id: '4' }, { balance: '0' });
      throw new Error('roll back');
    }).catch((e) => same('the failure', e.message, 'roll back'));
    same('after the rollback', (await db.getRepository(Account).findOneBy({ id: '4' })).balance, '4.00');
    await db.transaction('READ COMMITTED', async (m) => {
      await m.findOne(Account, { where: { id: '4' }, lock: { mode: 'pessimistic_write' } });
      await m.update(Account, { id: '4' }, { balance: '44' });
    });
    same('after the commit', (await db.getRepository(Account).findOneBy({ id: '4' })).balance, '44.00');
  },
  async savepoints() {
    await db.transaction(async (m) => {
      await m.insert(Author, { name: 'outer' });
      await m.transaction(async (inner) => {
        await inner.insert(Author, { name: 'inner' });
        throw new Error('roll back');
      }).catch(() => {});
    });
    same('authors', (await db.getRepository(Author).findBy({ name: In(['outer', 'inner']) })).map((a) => a.name), ['outer']);
  },
  async stream() {
    const runner = db.createQueryRunner();
    let count = 0, total = 0;
    for await (const row of await runner.stream('SELECT n, label FROM bulk.numbers ORDER BY n')) {
      count += 1;
      total += row.n;
    }
    await runner.release();
    same('rows and their sum', [count, total], [20000, 200010000]);
  },
  async errors() {
    await shared.errors((text) => db.query(text));
    await db.getRepository(Account).insert({ id: '1', name: 'again' }).then(() => { throw new Error('no error'); }, (e) => same('class', e instanceof QueryFailedError, true));
  },
  reconnect: () => shared.reconnect((text) => db.query(text), (text) => other.query(text)),
  async metadata() {
    const runner = db.createQueryRunner();
    for (const name of ['types', 'accounts', 'authors', 'books']) {
      const t = await runner.getTable(name);
      for (const c of t.columns.sort((a, b) => (a.name < b.name ? -1 : 1))) out('metadata', name, c.name, c.type, c.length, c.isNullable, c.default, c.unsigned, c.isGenerated, c.precision, c.scale, c.enum);
      out('metadata', name, t.indices.map((i) => [i.name, i.columnNames, i.isUnique]), t.foreignKeys.map((f) => [f.columnNames, f.referencedTableName, f.onDelete]));
    }
  },
});
