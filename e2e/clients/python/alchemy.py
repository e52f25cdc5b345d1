"""alchemy.py: SQLAlchemy over PyMySQL: schema, ORM and reflection."""
import datetime
import decimal

import sqlalchemy as sa
from sqlalchemy import exc, orm

from tap import HOST, KIND, NAME, PASSWORD, PORT, USER, check, out, raises, same

Base = orm.declarative_base()


class Account(Base):
    __tablename__ = "accounts"
    id = sa.Column(sa.BigInteger, primary_key=True, autoincrement=False)
    name = sa.Column(sa.String(60), nullable=False)
    balance = sa.Column(sa.Numeric(12, 2), nullable=False, default=0)
    created = sa.Column(sa.DateTime)


class Author(Base):
    __tablename__ = "authors"
    id = sa.Column(sa.Integer, primary_key=True)
    name = sa.Column(sa.String(50), unique=True, nullable=False)
    books = orm.relationship("Book", back_populates="author")


class Book(Base):
    __tablename__ = "books"
    id = sa.Column(sa.Integer, primary_key=True)
    title = sa.Column(sa.String(100), index=True)
    author_id = sa.Column(sa.ForeignKey("authors.id"))
    author = orm.relationship("Author", back_populates="books")


engine = sa.create_engine("mysql+pymysql://%s:%s@%s:%d/%s?charset=utf8mb4" % (USER, PASSWORD, HOST, PORT, NAME),
                          pool_pre_ping=True, pool_recycle=3600)


def connect():
    print("version SQLAlchemy", sa.__version__)
    with engine.connect() as c:
        same("SELECT 1", c.execute(sa.text("SELECT 1")).scalar(), 1)
    same("is MariaDB", engine.dialect.is_mariadb, KIND == "mariadb")
    out("connect", engine.dialect.server_version_info, engine.dialect.default_isolation_level)


def migrate():
    Base.metadata.create_all(engine)  # accounts is there: it asks, and leaves it alone
    with engine.begin() as c:
        c.execute(sa.text("ALTER TABLE authors ADD COLUMN born INT"))


def autoincrement():
    with orm.Session(engine) as s:
        s.add(Author(name="Ünal 😀", books=[Book(title="one"), Book(title="two")]))
        s.commit()
        found = s.execute(sa.select(Author).options(orm.selectinload(Author.books))).scalars().one()
        same("the author", (found.id, found.name, [b.title for b in found.books]), (1, "Ünal 😀", ["one", "two"]))
        same("joined", s.query(Book.title).join(Author).filter(Author.name.like("Ün%")).order_by(Book.title).all(), [("one",), ("two",)])
        same("grouped", s.query(Author.name, sa.func.count()).join(Book).group_by(Author.name).all(), [("Ünal 😀", 2)])


def types():
    t = sa.Table("types", sa.MetaData(), autoload_with=engine)
    at = datetime.datetime(2026, 2, 28, 23, 59, 59, 123456)
    row = {"id": 7, "c_ubig": 2 ** 64 - 1, "c_decimal": decimal.Decimal("-1.500000"), "c_datetime6": at, "c_json": {"a": [1, None]},
           "c_blob": bytes(range(256)), "c_enum": "green", "c_set": {"a", "c"}, "c_time": datetime.time(5), "c_year": 2026,
           "c_varchar": "日本 😀", "c_double": 0.5, "c_bit": None}
    if KIND == "mariadb":
        row["c_json"] = '{"a": [1, null]}'  # reflected as LONGTEXT
    with engine.begin() as c:
        c.execute(t.insert().values(row))
    with engine.connect() as c:
        got = c.execute(sa.select(t).where(t.c.id == 7)).mappings().one()
        for name, want in row.items():
            same(name, got[name], want)
        same("other columns", got["c_int"], None)


def crud():
    with orm.Session(engine) as s:
        for i in range(1, 7):
            s.add(Account(id=i, name="name %d" % (i % 3), balance=i))
            s.commit()
        a = s.get(Account, 3)
        a.balance += decimal.Decimal("0.25")
        s.commit()
        s.expire_all()
        same("balance", s.get(Account, 3).balance, decimal.Decimal("3.25"))
        s.delete(s.get(Account, 6))
        s.commit()
    # Reads over all shards: outside of transactions.
    with orm.Session(engine.execution_options(isolation_level="AUTOCOMMIT")) as s:
        page = s.query(Account).filter(Account.balance > 1).order_by(Account.name, Account.id.desc()).limit(2).offset(1)
        same("page", [x.id for x in page], [4, 5])
        same("IN", [x.id for x in s.query(Account).filter(Account.id.in_([1, 2, 9])).order_by(Account.id)], [1, 2])
    with orm.Session(engine) as s:
        same("bulk update", s.query(Account).filter_by(id=2).update({"name": "two"}), 1)
        s.commit()


def transactions():
    with orm.Session(engine) as s:
        s.get(Account, 4).balance = 0
        s.flush()
        s.rollback()
        same("after the rollback", s.get(Account, 4).balance, decimal.Decimal("4.00"))
        s.rollback()
    with engine.connect().execution_options(isolation_level="SERIALIZABLE") as c:
        same("isolation level", c.get_isolation_level(), "SERIALIZABLE")
        with c.begin():
            c.execute(sa.update(Account).where(Account.id == 4).values(balance=44))
            locked = c.execute(sa.select(Account.balance).where(Account.id == 4).with_for_update()).scalar()
            same("locked", locked, decimal.Decimal("44.00"))
    with engine.connect() as c:
        same("isolation level of the next", c.get_isolation_level(), "REPEATABLE READ")


def savepoints():
    with orm.Session(engine) as s:
        s.add(Author(name="outer"))
        try:
            with s.begin_nested():
                s.add(Author(name="inner"))
                s.flush()
                raise KeyError
        except KeyError:
            pass
        s.commit()
        same("authors", s.query(Author.name).filter(Author.name.in_(["outer", "inner"])).all(), [("outer",)])


def stream():
    with engine.connect() as c:
        rows = c.execution_options(stream_results=True, isolation_level="AUTOCOMMIT").execute(sa.text("SELECT n, label FROM bulk.numbers ORDER BY n"))
        count = total = 0
        for part in rows.partitions(1000):
            count, total = count + len(part), total + sum(r.n for r in part)
        same("rows and their sum", (count, total), (20000, 200010000))


def errors():
    def execute(sql):
        with engine.connect() as c:
            c.execute(sa.text(sql))
    raises(exc.IntegrityError, 1062, lambda: execute("INSERT INTO accounts (id, name) VALUES (1, 'again')"))
    raises(exc.ProgrammingError, 1064, lambda: execute("SELEC 1"))
    raises(exc.ProgrammingError, 1146, lambda: execute("SELECT * FROM nosuch"))


def reconnect():
    with engine.connect() as victim, engine.connect() as other:
        killed = victim.execute(sa.text("SELECT CONNECTION_ID()")).scalar()
        other.execute(sa.text("KILL %d" % killed))
    with engine.connect() as a, engine.connect() as b:  # pre-ping replaces the dead one
        same("after the reconnect", [x.execute(sa.text("SELECT name FROM accounts WHERE id = 1")).scalar() for x in (a, b)], ["name 1"] * 2)


def metadata():
    i = sa.inspect(engine)
    out("metadata", [s for s in i.get_schema_names() if s == NAME])
    for table in sorted(i.get_table_names()):
        for c in i.get_columns(table):
            out("metadata", table, c["name"], repr(c["type"]), c["nullable"], c["default"])
        out("metadata", table, i.get_pk_constraint(table), i.get_foreign_keys(table), i.get_indexes(table),
            i.get_unique_constraints(table), i.get_table_options(table).get("mysql_engine"))
    out("metadata", i.get_view_names(), i.has_table("accounts"), i.has_table("nosuch"))


for f in (connect, migrate, autoincrement, types, crud, transactions, savepoints, stream, errors, reconnect, metadata):
    check(f.__name__, f)
