// sequelize.js: the ORM Sequelize over mysql2: sync, models, associations, managed transactions, introspection.
const { Sequelize, DataTypes, Op, Transaction, UniqueConstraintError, DatabaseError } = require('sequelize');
const { where, version, run, out, same } = require('./tap');
const shared = require('./tap_orm');

const open = () => new Sequelize(where.database, where.user, where.password, {
  host: where.host, port: where.port, dialect: 'mysql', logging: false, pool: { max: 1 },
  dialectOptions: { charset: 'utf8mb4', supportBigNumbers: true, bigNumberStrings: true },
});
let db, other;
const sql = async (text) => (await db.query(text))[0];
const models = {};

const define = () => {
  const plain = { timestamps: false, freezeTableName: true };
  models.Account = db.define('accounts', {
    id: { type: DataTypes.BIGINT, primaryKey: true }, name: DataTypes.STRING(60), balance: DataTypes.DECIMAL(12, 2), created: DataTypes.DATE,
  }, plain);
  models.Types = db.define('types', {
    id: { type: DataTypes.BIGINT, primaryKey: true }, c_int: DataTypes.INTEGER, c_ubig: DataTypes.BIGINT.UNSIGNED, c_decimal: DataTypes.DECIMAL(20, 6),
    c_double: DataTypes.DOUBLE, c_bool: DataTypes.BOOLEAN, c_date: DataTypes.DATEONLY, c_time: DataTypes.TIME, c_datetime6: DataTypes.DATE(6),
    c_varchar: DataTypes.STRING, c_text: DataTypes.TEXT, c_blob: DataTypes.BLOB, c_enum: DataTypes.ENUM('red', 'green', 'blue'), c_json: DataTypes.JSON,
  }, plain);
  models.Author = db.define('Author', { name: { type: DataTypes.STRING(50), unique: true } });
  models.Book = db.define('Book', { title: DataTypes.STRING });
  models.Author.hasMany(models.Book);
  models.Book.belongsTo(models.Author);
};

run({
  async connect() {
    version('sequelize');
    db = open();
    other = open();
    await db.authenticate();
    out('connect', await db.getQueryInterface().databaseVersion());
    define();
  },
  async migrate() {
    await models.Author.sync();
    await models.Book.sync();
    await models.Author.sync({ alter: true });
    await db.getQueryInterface().addColumn('Books', 'stars', { type: DataTypes.INTEGER, defaultValue: 3 });
    await db.getQueryInterface().addIndex('Books', ['title'], { name: 'by_title' });
  },
  async autoincrement() {
    const ann = await models.Author.create({ name: 'Ünal 😀', Books: [{ title: 'one' }, { title: 'two' }] }, { include: models.Book });
    same('the id', ann.id, 1);
    await models.Author.bulkCreate([{ name: 'b' }, { name: 'c' }]);
    const found = await models.Author.findOne({ where: { name: 'Ünal 😀' }, include: models.Book, order: [[models.Book, 'id', 'ASC']] });
    same('books', found.Books.map((b) => b.title), ['one', 'two']);
    same('counted', await models.Author.findAndCountAll({ limit: 1 }).then((r) => r.count), 3);
    same('found or created', (await models.Author.findOrCreate({ where: { name: 'd' } }))[1], true);
  },
  async types() {
    const want = {
      id: '1', c_int: -7, c_ubig: '18446744073709551615', c_decimal: '-1.500000', c_double: 0.1, c_bool: true, c_date: '2026-02-28', c_time: '23:59:58',
      c_datetime6: new Date('1999-12-31T23:59:59.999Z'), c_varchar: '日本 😀', c_text: "it's \\ 100%", c_blob: Buffer.from([0, 255, 39, 92]),
      c_enum: 'green', c_json: { a: [1, null], s: 'ü' },
    };
    await models.Types.create(want);
    await models.Types.create({ id: 2 });
    const got = (await models.Types.findByPk(1)).get();
    for (const [name, value] of Object.entries(want)) same(name, name === 'c_json' && typeof got[name] === 'string' ? JSON.parse(got[name]) : got[name], value);
    same('all in order', (await models.Types.findAll({ order: ['id'] })).map((r) => r.c_text), ["it's \\ 100%", null]);
  },
  async crud() {
    for (let i = 1; i <= 6; i++) await models.Account.create({ id: i, name: `name ${i % 3}`, balance: i });
    same('updated', (await models.Account.update({ name: 'changed' }, { where: { id: 3 } }))[0], 1);
    await (await models.Account.findByPk(3)).increment('balance');
    same('balance', (await models.Account.findByPk(3)).balance, '4.00');
    same('deleted', await models.Account.destroy({ where: { id: 6 } }), 1);
    const page = await models.Account.findAll({ order: ['name', ['id', 'DESC']], limit: 2, offset: 1 });
    same('page', page.map((a) => a.id), ['4', '1']);
    const filtered = await models.Account.findAll({ where: { [Op.or]: [{ id: [1, 2, 9] }, { name: 'changed' }] }, order: ['id'] });
    same('filtered', filtered.map((a) => a.id), ['1', '2', '3']);
  },
  async transactions() {
    await db.transaction(async (transaction) => {
      await models.Account.update({ balance: 0 }, { where: { id: 4 }, transaction });
      throw new Error('roll back');
    }).catch((e) => same('the failure', e.message, 'roll back'));
    same('after the rollback', (await models.Account.findByPk(4)).balance, '4.00');
    await db.transaction({ isolationLevel: Transaction.ISOLATION_LEVELS.READ_COMMITTED }, async (transaction) => {
      const a = await models.Account.findByPk(4, { transaction, lock: transaction.LOCK.UPDATE });
      await a.update({ balance: 44 }, { transaction });
    });
    same('after the commit', (await models.Account.findByPk(4)).balance, '44.00');
  },
  async savepoints() {
    await db.transaction(async (transaction) => {
      await models.Author.create({ name: 'outer' }, { transaction });
      await db.transaction({ transaction }, async (inner) => {
        await models.Author.create({ name: 'inner' }, { transaction: inner });
        throw new Error('roll back');
      }).catch(() => {});
    });
    same('authors', (await models.Author.findAll({ where: { name: ['outer', 'inner'] } })).map((a) => a.name), ['outer']);
  },
  async errors() {
    await shared.errors(sql);
    await models.Author.create({ name: 'b' }).then(() => { throw new Error('no error'); }, (e) => same('unique', e instanceof UniqueConstraintError, true));
    await db.query('SELECT * FROM nosuch').then(() => { throw new Error('no error'); }, (e) => same('database error', e instanceof DatabaseError, true));
  },
  reconnect: () => shared.reconnect(sql, (text) => other.query(text)),
  async metadata() {
    const q = db.getQueryInterface();
    out('metadata', (await q.showAllTables()).map((t) => t.tableName || t).sort());
    for (const t of ['types', 'accounts', 'Books']) {
      out('metadata', t, await q.describeTable(t));
      out('metadata', t, (await q.showIndex(t)).map((i) => [i.name, i.unique, i.fields.map((f) => f.attribute)]));
      out('metadata', t, await q.getForeignKeyReferencesForTable(t));
    }
  },
});
