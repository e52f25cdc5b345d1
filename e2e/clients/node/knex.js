// knex.js: the query builder Knex over mysql2: schema builder, migrations, queries, streams.
const knexLib = require('knex');
const { where, version, run, out, same, columns, read } = require('./tap');
const shared = require('./tap_orm');

const connection = { ...where, charset: 'utf8mb4', supportBigNumbers: true, bigNumberStrings: true, dateStrings: true };
let knex, other;
const open = (max) => knexLib({ client: 'mysql2', connection, pool: { min: 0, max } });
const sql = async (text) => (await knex.raw(text))[0];

const migrations = {
  getMigrations: async () => ['1_books', '2_stars'],
  getMigrationName: (m) => m,
  getMigration: async (m) => (m === '1_books' ? {
    up: async (k) => {
      await k.schema.createTable('authors', (t) => {
        t.increments('id');
        t.string('name', 50).notNullable().unique();
      });
      await k.schema.createTable('books', (t) => {
        t.increments('id');
        t.string('title').index();
        t.integer('author_id').unsigned().references('authors.id');
        t.timestamps(true, true);
      });
    },
    down: async (k) => k.schema.dropTable('books').dropTable('authors'),
  } : {
    up: async (k) => k.schema.alterTable('books', (t) => t.integer('stars').notNullable().defaultTo(3)),
    down: async (k) => k.schema.alterTable('books', (t) => t.dropColumn('stars')),
  }),
};

run({
  async connect() {
    version('knex');
    knex = open(1);
    other = open(1);
    same('SELECT 1', String((await sql('SELECT 1 AS one'))[0].one), '1');
  },
  async migrate() {
    await knex.migrate.latest({ migrationSource: migrations });
    await knex.migrate.down({ migrationSource: migrations });
    await knex.migrate.latest({ migrationSource: migrations });
    same('has', [await knex.schema.hasTable('books'), await knex.schema.hasColumn('books', 'stars'), await knex.schema.hasTable('nosuch')], [true, true, false]);
  },
  async autoincrement() {
    const [author] = await knex('authors').insert({ name: 'Ünal 😀' });
    await knex('books').insert([{ title: 'one', author_id: author }, { title: 'two', author_id: author }]);
    const rows = await knex('books').join('authors', 'authors.id', 'books.author_id').select('title', 'name', 'stars').orderBy('books.id');
    same('joined', rows.map((r) => ({ ...r })), [{ title: 'one', name: 'Ünal 😀', stars: 3 }, { title: 'two', name: 'Ünal 😀', stars: 3 }]);
    await knex('authors').insert({ id: 9, name: 'Ünal 😀' }).onConflict('name').merge(['name']);
  },
  async types() {
    for (let i = 0; i < 3; i++) {
      const row = { id: i + 1 };
      for (const c of columns) row[c.name] = c.kind === 'json' && c.rows[i] !== null ? JSON.stringify(c.rows[i]) : c.rows[i];
      await knex('types').insert(row);
      const got = await knex('types').where({ id: i + 1 }).first();
      for (const c of columns) same(c.name, read(c.kind, got[c.name]), c.rows[i]);
    }
    same('all in order', (await knex('types').select('id').orderBy('id')).map((r) => r.id), ['1', '2', '3']);
  },
  async crud() {
    for (let i = 1; i <= 6; i++) await knex('accounts').insert({ id: i, name: `name ${i % 3}`, balance: i });
    same('updated', await knex('accounts').where('id', 3).increment('balance', 1), 1);
    same('deleted', await knex('accounts').where('id', 6).del(), 1);
    same('page', (await knex('accounts').orderBy([{ column: 'name' }, { column: 'id', order: 'desc' }]).limit(2).offset(1)).map((r) => r.id), ['4', '1']);
    same('IN', await knex('accounts').whereIn('id', [1, 2, 9]).orderBy('id').pluck('id'), ['1', '2']);
  },
  async transactions() {
    await knex.transaction(async (t) => {
      await t('accounts').where('id', 4).update({ balance: 0 });
      throw new Error('roll back');
    }).catch((e) => same('the failure', e.message, 'roll back'));
    same('after the rollback', (await knex('accounts').where('id', 4).first()).balance, '4.00');
    await knex.transaction(async (t) => {
      await t('accounts').where('id', 4).forUpdate().first();
      await t('accounts').where('id', 4).update({ balance: 44 });
    }, { isolationLevel: 'read committed' });
    same('after the commit', (await knex('accounts').where('id', 4).first()).balance, '44.00');
  },
  async savepoints() {
    await knex.transaction(async (t) => {
      await t('authors').insert({ name: 'outer' });
      await t.transaction(async (inner) => {
        await inner('authors').insert({ name: 'inner' });
        throw new Error('roll back');
      }).catch(() => {});
    });
    same('authors', await knex('authors').whereIn('name', ['outer', 'inner']).pluck('name'), ['outer']);
  },
  async stream() {
    let count = 0, total = 0;
    for await (const row of knex.select('n', 'label').from('bulk.numbers').orderBy('n').stream()) {
      count += 1;
      total += row.n;
    }
    same('rows and their sum', [count, total], [20000, 200010000]);
  },
  errors: () => shared.errors(sql),
  reconnect: () => shared.reconnect(sql, (text) => other.raw(text)),
  async metadata() {
    for (const t of ['types', 'accounts', 'books']) out('metadata', t, Object.entries(await knex(t).columnInfo()).sort());
  },
});
