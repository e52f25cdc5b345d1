// mysql2.js query|execute: the driver mysql2, with its text protocol or with prepared statements.
const mysql = require('mysql2/promise');
const { where, version, run, out, same, raises, columns, read } = require('./tap');

const method = process.argv[2];
const options = { ...where, charset: 'utf8mb4', supportBigNumbers: true, bigNumberStrings: true, dateStrings: true };
let conn;
const query = async (sql, args) => (await conn[method](sql, args))[0];

run({
  async connect() {
    version('mysql2');
    conn = await mysql.createConnection(options);
    same('SELECT 1', String((await query('SELECT 1 AS one'))[0].one), '1');
  },
  async migrate() {
    await conn.query('CREATE TABLE notes (id INT AUTO_INCREMENT PRIMARY KEY, title VARCHAR(50) NOT NULL, body TEXT, UNIQUE KEY by_title (title))');
    await conn.query('ALTER TABLE notes ADD COLUMN stars INT NOT NULL DEFAULT 3');
  },
  async autoincrement() {
    same('the id', (await query('INSERT INTO notes (title, body) VALUES (?, ?)', ['first', '😀'])).insertId, 1);
    const [many] = await conn.query('INSERT INTO notes (title) VALUES ?', [[['second'], ['third']]]);
    same('many', [many.insertId, many.affectedRows, many.info], [2, 2, 'Records: 2  Duplicates: 0  Warnings: 0']);
    same('the rows', await query('SELECT id, body, stars FROM notes ORDER BY id LIMIT 2'), [{ id: 1, body: '😀', stars: 3 }, { id: 2, body: null, stars: 3 }]);
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
    const updated = await query('UPDATE accounts SET balance = balance + ? WHERE id = ?', ['0.5', 3]);
    same('updated', [updated.affectedRows, updated.changedRows, updated.info], [1, 1, 'Rows matched: 1  Changed: 1  Warnings: 0']);
    const again = await query('UPDATE accounts SET balance = ? WHERE id = ?', ['30.50', 3]);
    same('updated to the same', [again.affectedRows, again.changedRows], [1, 0]);
    same('deleted', (await query('DELETE FROM accounts WHERE id = ?', [8])).affectedRows, 1);
    same('IN', await query('SELECT id FROM accounts WHERE id IN (?, ?, ?) ORDER BY id', [1, 3, 8]), [{ id: '1' }, { id: '3' }]);
    same('page', (await query('SELECT id FROM accounts ORDER BY name, id DESC LIMIT 3 OFFSET 1')).map((r) => r.id), ['3', '7', '4']);
    same('balance', await query('SELECT balance FROM accounts WHERE id = ?', [3]), [{ balance: '30.50' }]);
    same('arrays', (await conn[method]({ sql: 'SELECT id, name FROM accounts WHERE id = 1', rowsAsArray: true }))[0], [['1', 'name 1']]);
  },
  async prepared() {
    const st = await conn.prepare('SELECT id, name FROM accounts WHERE id = ?');
    for (const [id, want] of [[1, 1], [2, 1], [99, 0], [null, 0]]) same(`rows of ${id}`, (await st.execute([id]))[0].length, want);
    await st.close();
    await raises(1064, () => conn.prepare('SELEC ?'));
  },
  async transactions() {
    await conn.beginTransaction();
    await query('UPDATE accounts SET balance = 0 WHERE id = 4');
    await conn.rollback();
    same('after the rollback', await query('SELECT balance FROM accounts WHERE id = 4'), [{ balance: '40.00' }]);
    await conn.beginTransaction();
    await query('UPDATE accounts SET balance = 41 WHERE id = ?', [4]);
    await query('INSERT INTO accounts (id, name) VALUES (?, ?)', [12, 'with 4']);
    await conn.commit();
    same('after the commit', await query('SELECT balance FROM accounts WHERE id = 4'), [{ balance: '41.00' }]);
  },
  async stream() {
    const sql = 'SELECT n, label FROM bulk.numbers ORDER BY n';
    let count = 0, total = 0;
    for await (const row of conn.connection[method](sql).stream({ highWaterMark: 100 })) {
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
    const pool = mysql.createPool({ ...options, connectionLimit: 1 });
    const [[{ id }]] = await pool.query('SELECT CONNECTION_ID() AS id');
    await conn.query(`KILL ${id}`);
    await new Promise((r) => setTimeout(r, 200));
    same('after the reconnect', (await pool.query('SELECT name FROM accounts WHERE id = 1'))[0], [{ name: 'name 1' }]);
    await pool.end();
  },
  async reset() {
    await conn.changeUser({ ...where, charset: 'utf8mb4' });
    same('after COM_CHANGE_USER', await query('SELECT DATABASE() AS d'), [{ d: where.database }]);
    if (conn.reset) await conn.reset();
  },
  async metadata() {
    const [, fields] = await conn[method]('SELECT * FROM types WHERE id = 1');
    for (const f of fields) out('metadata', f.name, f.columnType, f.flags, f.columnLength, f.decimals, f.characterSet, f.orgTable, f.schema);
    for (const r of await query('SELECT table_name AS t, column_name AS c, column_type AS y FROM information_schema.columns WHERE table_schema = ? ORDER BY t, ordinal_position', [where.database])) out('metadata', r);
  },
});
