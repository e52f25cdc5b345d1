// prisma.js: the ORM Prisma with its adapter over MariaDB's driver: queries, relations, interactive transactions.
const { PrismaClient, Prisma } = require('@prisma/client');
const { PrismaMariaDb } = require('@prisma/adapter-mariadb');
const { where, version, run, out, same } = require('./tap');

const open = () => new PrismaClient({
  adapter: new PrismaMariaDb({ ...where, connectionLimit: 2, allowPublicKeyRetrieval: true, charset: 'utf8mb4' }), log: [], errorFormat: 'minimal',
});
let db, other;
const ids = (rows) => rows.map((r) => Number(r.id));

// known checks Prisma's code of a failure: P2002 for a duplicate key, P2010 for SQL of one's own.
const known = async (code, f) => {
  try {
    await f();
  } catch (e) {
    same(`the code of ${e.message}`, [e instanceof Prisma.PrismaClientKnownRequestError, e.code], [true, code]);
    return e;
  }
  throw new Error(`no error ${code}`);
};

run({
  async connect() {
    version('@prisma/client');
    db = open();
    other = open();
    await db.$connect();
    same('SELECT 1', Number((await db.$queryRaw`SELECT 1 AS one`)[0].one), 1);
  },
  async migrate() { // what its schema engine would have made
    await db.$executeRawUnsafe('CREATE TABLE `authors` (`id` INTEGER NOT NULL AUTO_INCREMENT, `name` VARCHAR(50) NOT NULL, UNIQUE INDEX `authors_name_key`(`name`), PRIMARY KEY (`id`)) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci');
    await db.$executeRawUnsafe('CREATE TABLE `books` (`id` INTEGER NOT NULL AUTO_INCREMENT, `title` VARCHAR(100) NOT NULL, `author_id` INTEGER NOT NULL, PRIMARY KEY (`id`)) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci');
    await db.$executeRawUnsafe('ALTER TABLE `books` ADD CONSTRAINT `books_author_id_fkey` FOREIGN KEY (`author_id`) REFERENCES `authors`(`id`) ON DELETE RESTRICT ON UPDATE CASCADE');
  },
  async autoincrement() {
    const ann = await db.author.create({ data: { name: 'Ünal 😀', books: { create: [{ title: 'one' }, { title: 'two' }] } }, include: { books: true } });
    same('the author', [ann.id, ann.books.map((b) => b.title)], [1, ['one', 'two']]);
    same('many', (await db.author.createMany({ data: [{ name: 'b' }, { name: 'c' }] })).count, 2);
    same('some', ids(await db.author.findMany({ where: { books: { some: { title: { contains: 'tw' } } } } })), [1]);
    same('upsert', (await db.author.upsert({ where: { name: 'b' }, create: { name: 'b' }, update: { name: 'bb' } })).name, 'bb');
    same('counted', await db.book.groupBy({ by: ['authorId'], _count: true }), [{ authorId: 1, _count: 2 }]);
  },
  async types() {
    const want = {
      id: 1n, c_int: -7, c_ubig: 9223372036854775807n, c_decimal: new Prisma.Decimal('-12345678901234.123456'), c_double: 0.1, c_bool: true,
      c_date: new Date('2026-02-28'), c_datetime6: new Date('1999-12-31T23:59:59.999Z'), c_text: "it's \\ 100% 😀", c_blob: new Uint8Array([0, 255, 39, 92]),
      c_enum: 'green', c_json: { a: [1, null], s: 'ü' },
    };
    await db.everything.create({ data: want });
    await db.everything.create({ data: { id: 2 } });
    const got = await db.everything.findUnique({ where: { id: 1 } });
    for (const [name, value] of Object.entries(want)) same(name, String(got[name]) === String(value) ? value : got[name], value);
    same('all in order', (await db.everything.findMany({ orderBy: { id: 'asc' } })).map((r) => r.c_int), [-7, null]);
  },
  async crud() {
    for (let i = 1; i <= 6; i++) await db.account.create({ data: { id: i, name: `name ${i % 3}`, balance: i } });
    same('updated', String((await db.account.update({ where: { id: 3 }, data: { balance: { increment: 1 }, name: 'changed' } })).balance), '4');
    await db.account.delete({ where: { id: 6 } });
    same('page', ids(await db.account.findMany({ orderBy: [{ name: 'asc' }, { id: 'desc' }], skip: 1, take: 2 })), [4, 1]);
    same('filtered', ids(await db.account.findMany({ where: { OR: [{ id: { in: [1, 2, 9] } }, { name: 'changed' }] }, orderBy: { id: 'asc' } })), [1, 2, 3]);
    same('none', await db.account.findUnique({ where: { id: 99 } }), null);
  },
  async transactions() {
    await db.$transaction(async (x) => {
      await x.account.update({ where: { id: 4 }, data: { balance: 0 } });
      throw new Error('roll back');
    }).catch((e) => same('the failure', e.message, 'roll back'));
    same('after the rollback', String((await db.account.findUnique({ where: { id: 4 } })).balance), '4');
    await db.$transaction(async (x) => {
      await x.account.update({ where: { id: 4 }, data: { balance: 44 } });
    }, { isolationLevel: 'ReadCommitted' });
    same('after the commit', String((await db.account.findUnique({ where: { id: 4 } })).balance), '44');
  },
  async errors() {
    await known('P2002', () => db.account.create({ data: { id: 1, name: 'again' } }));
    await known('P2025', () => db.account.update({ where: { id: 99 }, data: { name: 'nobody' } }));
    out('errors', (await known('P2010', () => db.$queryRawUnsafe('SELEC 1'))).message.split('\n').pop());
    out('errors', (await known('P2010', () => db.$queryRawUnsafe('SELECT * FROM nosuch'))).message.split('\n').pop());
  },
  async reconnect() {
    const [{ id }] = await db.$queryRaw`SELECT CONNECTION_ID() AS id`;
    await other.$executeRawUnsafe(`KILL ${id}`);
    await new Promise((r) => setTimeout(r, 1000));
    same('after the reconnect', (await db.account.findUnique({ where: { id: 1 } })).name, 'name 1');
  },
});
