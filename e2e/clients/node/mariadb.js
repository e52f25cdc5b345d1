// mariadb.js query|execute: MariaDB's driver for Node, with its text protocol or with prepared statements.
const mariadb = require('mariadb');
const { where, kind, version, run, out, same, raises, columns, read } = require('./tap');

const method = process.argv[2];
const options = { ...where, charset: 'utf8mb4', bigIntAsNumber: false, decimalAsNumber: false, dateStrings: true, allowPublicKeyRetrieval: true };
let conn;
const query = async (sql, args) => conn[method](sql, args);
const plain = (rows) => rows.map((r) => ({ ...r }));

run({
  async connect() {
    version('mariadb');
    conn = await mariadb.createConnection(options);
    same('is MariaDB', conn.info.isMariaDB(), kind === 'mariadb');
    out('connect', conn.serverVersion());
    same('SELECT 1', Number((await query('SELECT 1 AS one'))[0].one), 1);
  },
  async migrate() {
    await conn.query('CREATE TABLE notes (id INT AUTO_INCREMENT PRIMARY KEY, title VARCHAR(50) NOT NULL, body TEXT)');
    await conn.query('ALTER TABLE notes ADD COLUMN stars INT NOT NULL DEFAULT 3');
  },
  async autoincrement() {
    same('the id', Number((await query('INSERT INTO notes (title, body) VALUES (?, ?)', ['first', '😀'])).insertId), 1);
    const batch = await conn.batch('INSERT INTO notes (title) VALUES (?)', [['second'], ['third'], ['fourth']]);
    same('batch', [].concat(batch).reduce((n, r) => n + r.affectedRows, 0), 3);
    same('the rows', plain(await query('SELECT id, title, body FROM notes ORDER BY id LIMIT 2')), [{ id: 1, title: 'first', body: '😀' }, { id: 2, title: 'second', body: null }]);
  },
  async types() {
    const names = columns.map((c) => c.name).join(', ');
    const compare = (row, i) => columns.forEach((c) => same(c.name, read(c.kind, row[c.name]), c.rows[i]));
    for (let i = 0; i < 3; i++) {
      const values = columns.map((c) => (c.kind === 'json' && c.rows[i] !== null ? JSON.stringify(c.rows[i]) : c.rows[i]));
      await query(`INSERT INTO types (id, ${names}) VALUES (?${', ?'.repeat(columns.length)})`, [i + 1, ...values]);
      compare((await query(`SELECT ${names} FROM types WHERE id = ?`, [i + 1]))[0], i);
    }
    (await query(`SELECT ${names} FROM types ORDER BY id`)).forEach(compare);
  },
  async crud() {
    for (let i = 1; i <= 8; i++) {
      same('inserted', (await query('INSERT INTO accounts (id, name, balance) VALUES (?, ?, ?)', [i, `name ${i % 3}`, i * 10])).affectedRows, 1);
    }
    same('updated', (await query('UPDATE accounts SET balance = balance + ? WHERE id = ?', ['0.5', 3])).affectedRows, 1);
    same('deleted', (await query('DELETE FROM accounts WHERE id = ?', [8])).affectedRows, 1);
    same('IN', (await query('SELECT id FROM accounts WHERE id IN (?, ?, ?) ORDER BY id', [1, 3, 8])).map((r) => r.id), [1n, 3n]);
    same('page', (await query('SELECT id FROM accounts ORDER BY name, id DESC LIMIT 3 OFFSET 1')).map((r) => r.id), [3n, 7n, 4n]);
    same('balance', plain(await query('SELECT balance FROM accounts WHERE id = ?', [3])), [{ balance: '30.50' }]);
  },
  async prepared() {
    const st = await conn.prepare('SELECT id, name FROM accounts WHERE id = ?');
    for (const [id, want] of [[1, 1], [2, 1], [99, 0], [null, 0]]) same(`rows of ${id}`, (await st.execute([id])).length, want);
    st.close();
    await raises(1064, () => conn.prepare('SELEC ?'));
  },
  async transactions() {
    await conn.beginTransaction();
    await query('UPDATE accounts SET balance = 0 WHERE id = 4');
    await conn.rollback();
    same('after the rollback', (await query('SELECT balance FROM accounts WHERE id = 4'))[0].balance, '40.00');
    await conn.beginTransaction();
    await query('UPDATE accounts SET balance = 41 WHERE id = ?', [4]);
    await query('INSERT INTO accounts (id, name) VALUES (?, ?)', [12, 'with 4']);
    await conn.commit();
    same('after the commit', (await query('SELECT balance FROM accounts WHERE id = 4'))[0].balance, '41.00');
  },
  async stream() {
    let count = 0, total = 0;
    for await (const row of conn.queryStream('SELECT n, label FROM bulk.numbers ORDER BY n')) {
      count += 1;
      total += row.n;
    }
    same('rows and their sum', [count, total], [20000, 200010000]);
  },
  async errors() {
    same('name', (await raises(1062, () => query('INSERT INTO accounts (id, name) VALUES (?, ?)', [1, 'again']))).code, 'ER_DUP_ENTRY');
    same('name', (await raises(1064, () => query('SELEC 1'))).code, 'ER_PARSE_ERROR');
    same('name', (await raises(1146, () => query('SELECT * FROM nosuch'))).code, 'ER_NO_SUCH_TABLE');
  },
  async reconnect() {
    const pool = mariadb.createPool({ ...options, connectionLimit: 1, minDelayValidation: 0 });
    const [{ id }] = await pool.query('SELECT CONNECTION_ID() AS id');
    await conn.query(`KILL ${id}`);
    await new Promise((r) => setTimeout(r, 200));
    same('after the reconnect', (await pool.query('SELECT name FROM accounts WHERE id = 1'))[0].name, 'name 1');
    await pool.end();
  },
  async reset() {
    await conn.reset();
    if (kind === 'mysql') return; // the driver refuses it there
    await conn.changeUser({ user: where.user, password: where.password, database: 'bulk' });
    same('after COM_CHANGE_USER', (await query('SELECT DATABASE() AS d'))[0].d, 'bulk');
    await conn.changeUser({ user: where.user, password: where.password, database: where.database });
  },
  async metadata() {
    const rows = await query('SELECT * FROM types WHERE id = 1');
    for (const f of rows.meta) out('metadata', f.name(), f.orgName(), f.table(), f.orgTable(), f.db(), f.type, f.flags, f.columnLength, f.scale);
    for (const r of await query('SELECT table_name AS t, column_name AS c, column_type AS y FROM information_schema.columns WHERE table_schema = ? ORDER BY t, ordinal_position', [where.database])) out('metadata', { ...r });
  },
});
