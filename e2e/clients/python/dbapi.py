"""dbapi.py MODULE: the drivers that follow Python's DB-API: pymysql, MySQLdb (mysqlclient)."""
import importlib
import json
import sys

from tap import HOST, NAME, PASSWORD, PORT, USER, check, columns, out, raises, same

driver = importlib.import_module(sys.argv[1])
conn = None


def connect():
    return driver.connect(host=HOST, port=PORT, user=USER, password=PASSWORD, database=NAME, charset="utf8mb4", autocommit=True)


def run(sql, *args):
    """Runs one statement and returns its cursor."""
    c = conn.cursor()
    c.execute(sql.replace("?", "%s"), args) if args else c.execute(sql)
    return c


def rows(sql, *args):
    return [tuple(r) for r in run(sql, *args).fetchall()]


def start():
    global conn
    conn = connect()
    print("version", {"pymysql": "PyMySQL", "MySQLdb": "mysqlclient"}[driver.__name__], driver.__version__)
    same("SELECT 1", rows("SELECT 1"), [(1,)])


def migrate():
    run("CREATE TABLE notes (id INT AUTO_INCREMENT PRIMARY KEY, title VARCHAR(50) NOT NULL, body TEXT, UNIQUE KEY by_title (title))")
    run("ALTER TABLE notes ADD COLUMN stars INT NOT NULL DEFAULT 3")
    run("CREATE INDEX by_stars ON notes (stars)")


def autoincrement():
    c = run("INSERT INTO notes (title, body) VALUES (?, ?)", "first", "😀")
    same("the id", c.lastrowid, 1)
    c.executemany("INSERT INTO notes (title) VALUES (%s)", [("second",), ("third",)])
    same("the rows", rows("SELECT id, title, body, stars FROM notes ORDER BY id"),
         [(1, "first", "😀", 3), (2, "second", None, 3), (3, "third", None, 3)])


def as_written(kind, v):
    """What the driver takes for a value."""
    if kind == "json":
        return json.dumps(v)
    if kind == "time" and v is not None:
        return str(v)  # mysqlclient writes a timedelta without its fraction
    return v


def as_read(kind, v):
    """A value that was read in the form of types.tsv."""
    if v is None:
        return v
    if kind == "bit":
        return int.from_bytes(v, "big") if isinstance(v, bytes) else int(v)
    if kind == "json":
        return json.loads(v)
    if kind == "bytes" or isinstance(v, bytearray):
        return bytes(v)
    return v


def types():
    described = list(columns())
    names = ", ".join(d[0] for d in described)
    wanted = [[d[2] for d in described], [d[3] for d in described], [None] * len(described)]
    for i, want in enumerate(wanted):
        values = [as_written(d[1], v) for d, v in zip(described, want)]
        run("INSERT INTO types (id, %s) VALUES (?%s)" % (names, ", ?" * len(described)), i + 1, *values)
        compare(rows("SELECT %s FROM types WHERE id = ?" % names, i + 1)[0], described, want)
    for got, want in zip(rows("SELECT %s FROM types ORDER BY id" % names), wanted):
        compare(got, described, want)


def compare(got, described, want):
    for (name, kind, *_), g, w in zip(described, got, want):
        same(name, as_read(kind, g), w)


def crud():
    for i in range(1, 9):
        same("inserted", run("INSERT INTO accounts (id, name, balance) VALUES (?, ?, ?)", i, "name %d" % (i % 3), i * 10).rowcount, 1)
    same("updated", run("UPDATE accounts SET balance = balance + 0.5 WHERE id = ?", 3).rowcount, 1)
    same("deleted", run("DELETE FROM accounts WHERE id = ?", 8).rowcount, 1)
    same("ids", rows("SELECT id FROM accounts WHERE id IN (?, ?, ?) ORDER BY id", 1, 3, 8), [(1,), (3,)])
    same("page", rows("SELECT id, name FROM accounts ORDER BY name, id DESC LIMIT 3 OFFSET 1"), [(3, "name 0"), (7, "name 1"), (4, "name 1")])
    same("balance", str(rows("SELECT balance FROM accounts WHERE id = 3")[0][0]), "30.50")
    same("joined", rows("SELECT a.id FROM accounts a JOIN types t ON t.id = a.id WHERE a.id = ?", 2), [(2,)])


def balance(i):
    return str(rows("SELECT balance FROM accounts WHERE id = ?", i)[0][0])


def transactions():
    conn.autocommit(False)
    run("UPDATE accounts SET balance = 0 WHERE id = 4")
    conn.rollback()
    same("after the rollback", balance(4), "40.00")
    conn.rollback()
    run("UPDATE accounts SET balance = 41 WHERE id = 4")
    run("INSERT INTO accounts (id, name) VALUES (12, 'with 4')")
    conn.commit()
    conn.autocommit(True)
    same("after the commit", balance(4), "41.00")


def distributed():
    conn.autocommit(False)
    try:
        run("UPDATE accounts SET balance = balance - 1 WHERE id = 4")
        run("UPDATE accounts SET balance = balance + 1 WHERE id = 7")  # on the other server
        same("sum in it", sum(r[0] for r in rows("SELECT balance FROM accounts WHERE id IN (4, 7)")), 111)
        conn.commit()
    finally:
        conn.rollback()
        conn.autocommit(True)
    same("after the commit", (balance(4), balance(7)), ("40.00", "71.00"))


def stream():
    c = conn.cursor(importlib.import_module(sys.argv[1] + ".cursors").SSCursor)
    c.execute("SELECT n, label FROM bulk.numbers ORDER BY n")
    count = total = 0
    for n, label in c:
        count, total = count + 1, total + n
        same("label", label, "row %d %s" % (n, "é" * (n % 50)))
    c.close()
    same("rows and their sum", (count, total), (20000, 200010000))


def errors():
    raises(driver.IntegrityError, 1062, lambda: run("INSERT INTO accounts (id, name) VALUES (1, 'again')"))
    raises(driver.IntegrityError, 1062, lambda: run("INSERT INTO plain (id, name) VALUES (1, 'a'), (1, 'b')"))
    raises(driver.ProgrammingError, 1064, lambda: run("SELEC 1"))
    raises(driver.ProgrammingError, 1146, lambda: run("SELECT * FROM nosuch"))
    raises(driver.OperationalError, 1054, lambda: run("SELECT nosuch FROM accounts"))


def reconnect():
    global conn
    other = conn
    conn = connect()
    (killed,), = rows("SELECT CONNECTION_ID()")
    conn, victim = other, conn
    run("KILL %d" % killed)
    conn, other = victim, conn
    try:
        run("SELECT 1")
        raise AssertionError("the killed connection lives")
    except driver.Error:
        pass
    if driver.__name__ == "pymysql":
        conn.ping(reconnect=True)
    else:
        conn = connect()
    same("after the reconnect", rows("SELECT name FROM accounts WHERE id = 1"), [("name 1",)])


def metadata():
    c = run("SELECT * FROM types WHERE id = 1")
    for d in c.description:
        out("metadata", d[0], d[1], d[6])
    c.close()
    for r in rows("SELECT table_name, column_name, column_type, is_nullable FROM information_schema.columns "
                  "WHERE table_schema = ? ORDER BY table_name, ordinal_position", NAME):
        out("metadata", *r)
    for r in rows("SHOW FULL TABLES"):
        out("metadata", *r)


for f in (start, migrate, autoincrement, types, crud, transactions, distributed, stream, errors, reconnect, metadata):
    check("connect" if f is start else f.__name__, f)
