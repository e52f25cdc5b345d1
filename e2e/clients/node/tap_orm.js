// tap_orm.js: checks that all ORMs share. Each gives how to run SQL, and how to run it in a transaction.
const { same, raises } = require('./tap');

// errors checks the codes of three failures; sql runs one statement.
exports.errors = async (sql) => {
  await raises(1062, () => sql("INSERT INTO accounts (id, name) VALUES (1, 'again')"));
  await raises(1064, () => sql('SELEC 1'));
  await raises(1146, () => sql('SELECT * FROM nosuch'));
};

// reconnect kills the pooled connection of sql (a pool of one) with the connection of killer, and checks that sql works again.
exports.reconnect = async (sql, killer) => {
  const [{ id }] = await sql('SELECT CONNECTION_ID() AS id');
  await killer(`KILL ${id}`);
  await new Promise((r) => setTimeout(r, 200));
  let rows;
  try {
    rows = await sql('SELECT name FROM accounts WHERE id = 1');
  } catch {
    rows = await sql('SELECT name FROM accounts WHERE id = 1'); // some pools notice with the first failure
  }
  same('after the reconnect', rows[0].name, 'name 1');
};
