// mysql.js: the first driver of Node, which only has the text protocol and mysql_native_password.
const mysql = require('mysql');
const { promisify } = require('util');
const { where, version, run, out, same, raises, columns, read } = require('./tap');

let conn;
const open = async (options) => {
  const c = mysql.createConnection({ ...where, charset: 'utf8mb4', supportBigNumbers: true, bigNumberStrings: true, dateStrings: true, ...options });
  await promisify(c.connect).call(c);
  return c;
};
const on = (c) => promisify(c.query).bind(c);
const query = (sql, args) => on(conn)(sql, args);
const plain = (rows) => rows.map((r) => ({ ...r }));

run({
  async connect() {
    version('mysql');
    conn = await open();
    same('SELECT 1', String((await query('SELECT 1 AS one'))[0].one), '1');
  },
  async migrate() {
    await query('CREATE TABLE notes (id INT AUTO_INCREMENT PRIMARY KEY, title VARCHAR(50) NOT NULL, body TEXT)');
    await query('ALTER TABLE notes ADD COLUMN stars INT NOT NULL DEFAULT 3');
  },
  async autoincrement() {
    same('the id', (await query('INSERT INTO notes SET ?', { title: 'first', body: '😀' })).insertId, 1);
    same('many', (await query('INSERT INTO notes (title) VALUES ?', [[['second'], ['third']]])).insertId, 2);
    same('the rows', plain(await query('SELECT id, body FROM notes ORDER BY id LIMIT 2')), [{ id: 1, body: '😀' }, { id: 2, body: null }]);
  },
  async types() {
    const names = columns.map((c) => c.name).join(', ');
    const compare = (row, i) => columns.forEach((c) => same(c.name, read(c.kind, row[c.name]), c.rows[i]));
    for (let i = 0; i < 3; i++) {
      const values = columns.map((c) => (c.kind === 'json' && c.rows[i] !== null ? JSON.stringify(c.rows[i]) : c.rows[i]));
      await query(`INSERT INTO types (id, ${names}) VALUES (?)`, [[i + 1, ...values]]);
      compare((await query('SELECT * FROM types WHERE id = ?', [i + 1]))[0], i);
    }
    (await query('SELECT * FROM types ORDER BY id')).forEach(compare);
  },
  async crud() {
    for (let i = 1; i <= 8; i++) {
      same('inserted', (await query('INSERT INTO accounts (id, name, balance) VALUES (?, ?, ?)', [i, `name ${i % 3}`, i * 10])).affectedRows, 1);
    }
    const updated = await query('UPDATE accounts SET ? WHERE id = ?', [{ balance: '30.50' }, 3]);
    same('updated', [updated.affectedRows, updated.changedRows], [1, 1]);
    same('deleted', (await query('DELETE FROM accounts WHERE id = 8')).affectedRows, 1);
    same('IN', plain(await query('SELECT id FROM accounts WHERE id IN (?) ORDER BY id', [[1, 3, 8]])), [{ id: '1' }, { id: '3' }]);
    same('page', (await query('SELECT id FROM accounts ORDER BY name, id DESC LIMIT 3 OFFSET 1')).map((r) => r.id), ['3', '7', '4']);
    const several = await on(await open({ multipleStatements: true }))('SELECT 1 AS a; SELECT id FROM accounts WHERE id = 2; UPDATE accounts SET balance = 1 WHERE id = 1');
    same('several statements', [String(several[0][0].a), several[1][0].id, several[2].affectedRows], ['1', '2', 1]);
  },
  async transactions() {
    await promisify(conn.beginTransaction).call(conn);
    await query('UPDATE accounts SET balance = 0 WHERE id = 4');
    await promisify(conn.rollback).call(conn);
    same('after the rollback', plain(await query('SELECT balance FROM accounts WHERE id = 4')), [{ balance: '40.00' }]);
    await promisify(conn.beginTransaction).call(conn);
    await query('UPDATE accounts SET balance = 41 WHERE id = 4');
    await query("INSERT INTO accounts (id, name) VALUES (12, 'with 4')");
    await promisify(conn.commit).call(conn);
    same('after the commit', plain(await query('SELECT balance FROM accounts WHERE id = 4')), [{ balance: '41.00' }]);
  },
  async stream() {
    let count = 0, total = 0;
    await new Promise((done, fail) => {
      const rows = conn.query('SELECT n, label FROM bulk.numbers ORDER BY n');
      rows.on('error', fail).on('end', done).on('result', (row) => {
        count += 1;
        total += row.n;
      });
    });
    same('rows and their sum', [count, total], [20000, 200010000]);
  },
  async errors() {
    same('name', (await raises(1062, () => query("INSERT INTO accounts (id, name) VALUES (1, 'again')"))).code, 'ER_DUP_ENTRY');
    same('name', (await raises(1064, () => query('SELEC 1'))).code, 'ER_PARSE_ERROR');
    same('name', (await raises(1146, () => query('SELECT * FROM nosuch'))).code, 'ER_NO_SUCH_TABLE');
  },
  async reconnect() {
    const pool = mysql.createPool({ ...where, connectionLimit: 1 });
    const pooled = promisify(pool.query).bind(pool);
    const [{ id }] = await pooled('SELECT CONNECTION_ID() AS id');
    await query(`KILL ${id}`);
    await new Promise((r) => setTimeout(r, 200));
    same('after the reconnect', plain(await pooled('SELECT name FROM accounts WHERE id = 1')), [{ name: 'name 1' }]);
  },
  async reset() {
    await promisify(conn.changeUser).call(conn, { database: 'bulk' });
    same('after COM_CHANGE_USER', plain(await query('SELECT DATABASE() AS d')), [{ d: 'bulk' }]);
    await promisify(conn.changeUser).call(conn, { database: where.database });
    await promisify(conn.statistics).call(conn);
  },
  async metadata() {
    const fields = await new Promise((done, fail) => conn.query('SELECT * FROM types WHERE id = 1', (e, _, f) => (e ? fail(e) : done(f))));
    for (const f of fields) out('metadata', f.name, f.type, f.flags, f.length, f.decimals, f.charsetNr, f.orgTable, f.db);
  },
});
