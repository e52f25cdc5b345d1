"""orm_django.py: Django over mysqlclient: its own migrations (contenttypes, auth, sessions), its ORM and inspectdb."""
import datetime
import decimal
import io
import warnings

import django
from django.conf import settings

from tap import HOST, KIND, NAME, PASSWORD, PORT, USER, check, out, same

settings.configure(
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "django.contrib.sessions"],
    DATABASES={"default": {"ENGINE": "django.db.backends.mysql", "HOST": HOST, "PORT": PORT, "USER": USER, "PASSWORD": PASSWORD,
                           "NAME": NAME, "OPTIONS": {"charset": "utf8mb4"}, "CONN_MAX_AGE": 600}},
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField", USE_TZ=True, SECRET_KEY="-", PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"])
django.setup()
warnings.simplefilter("ignore")

from django.contrib.auth.models import Group, Permission, User  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import IntegrityError, OperationalError, ProgrammingError, connection, models, transaction  # noqa: E402
from django.db.models import Count, F, Q  # noqa: E402


class Account(models.Model):
    id = models.BigIntegerField(primary_key=True)
    name = models.CharField(max_length=60)
    balance = models.DecimalField(max_digits=12, decimal_places=2)
    created = models.DateTimeField(null=True)

    class Meta:
        app_label = "shop"
        managed = False
        db_table = "accounts"


class Everything(models.Model):
    """The columns of types that Django has fields for."""
    id = models.BigIntegerField(primary_key=True)
    c_small = models.SmallIntegerField(null=True)
    c_uint = models.PositiveIntegerField(null=True)
    c_big = models.BigIntegerField(null=True)
    c_decimal = models.DecimalField(max_digits=20, decimal_places=6, null=True)
    c_double = models.FloatField(null=True)
    c_bool = models.BooleanField(null=True)
    c_date = models.DateField(null=True)
    c_time6 = models.TimeField(null=True)
    c_datetime6 = models.DateTimeField(null=True)
    c_varchar = models.CharField(max_length=100, null=True)
    c_text = models.TextField(null=True)
    c_blob = models.BinaryField(null=True)
    c_json = models.JSONField(null=True)

    class Meta:
        app_label = "shop"
        managed = False
        db_table = "types"


def connect():
    print("version Django", django.get_version())
    connection.ensure_connection()
    same("vendor", (connection.vendor, connection.mysql_is_mariadb), ("mysql", KIND == "mariadb"))
    out("connect", connection.mysql_version, connection.features.can_return_columns_from_insert, connection.settings_dict["NAME"])


def migrate():
    call_command("migrate", verbosity=0)
    with connection.schema_editor() as editor:  # what migrations do, on a model of one's own
        editor.create_model(Note)
        field = models.IntegerField(default=3, db_index=True)
        field.set_attributes_from_name("stars")
        editor.add_field(Note, field)
        longer = models.CharField(max_length=120)
        longer.set_attributes_from_name("title")
        editor.alter_field(Note, Note._meta.get_field("title"), longer)
        editor.add_index(Note, models.Index(fields=["title"], name="note_title"))


class Note(models.Model):
    title = models.CharField(max_length=50)
    owner = models.ForeignKey(User, on_delete=models.CASCADE)

    class Meta:
        app_label = "shop"
        db_table = "notes"


def autoincrement():
    ann = User.objects.create_user("ann 😀", password="secret")
    same("the id", ann.id, 1)
    ann.groups.add(Group.objects.create(name="staff"))
    Group.objects.bulk_create([Group(name="a"), Group(name="b")])
    same("permissions", Permission.objects.filter(content_type__app_label="auth", codename__startswith="add").count(), 3)
    same("grouped", list(User.objects.annotate(n=Count("groups")).values_list("username", "n")), [("ann 😀", 1)])
    same("created or got", [Group.objects.get_or_create(name="a")[1], Group.objects.update_or_create(name="c")[1]], [False, True])


def types():
    utc = datetime.timezone.utc
    want = dict(id=1, c_small=-32768, c_uint=2 ** 32 - 1, c_big=-2 ** 63, c_decimal=decimal.Decimal("-12345678901234.123456"),
                c_double=0.1, c_bool=True, c_date=datetime.date(2026, 2, 28), c_time6=datetime.time(12, 34, 56, 789012),
                c_datetime6=datetime.datetime(1999, 12, 31, 23, 59, 59, 999999, utc), c_varchar="日本 😀", c_text="100% ' \\",
                c_blob=bytes(range(256)), c_json={"a": [1, None], "s": "ü"})
    Everything.objects.create(**want)
    Everything.objects.create(id=2)
    got = Everything.objects.get(pk=1)
    for name, value in want.items():
        same(name, getattr(got, name), value)
    same("all in order", list(Everything.objects.order_by("id").values_list("id", "c_text")), [(1, "100% ' \\"), (2, None)])
    same("by a JSON key", list(Everything.objects.filter(c_json__s="ü").values_list("id", flat=True)), [1])


def crud():
    for i in range(1, 7):
        Account.objects.create(id=i, name="name %d" % (i % 3), balance=i)
    same("updated", Account.objects.filter(pk=3).update(balance=F("balance") + 1), 1)
    a = Account.objects.get(pk=3)
    a.name = "changed"
    a.save()
    same("deleted", Account.objects.get(pk=6).delete()[0], 1)
    same("page", [x.id for x in Account.objects.order_by("name", "-id")[1:3]], [4, 1])
    same("filtered", [x.id for x in Account.objects.filter(Q(id__in=[1, 2, 9]) | Q(name="changed")).order_by("id")], [1, 2, 3])
    same("exists", (Account.objects.filter(pk=2).exists(), Account.objects.filter(pk=99).exists()), (True, False))


def transactions():
    try:
        with transaction.atomic():
            Account.objects.filter(pk=4).update(balance=0)
            raise KeyError
    except KeyError:
        pass
    same("after the rollback", Account.objects.get(pk=4).balance, decimal.Decimal("4.00"))
    with transaction.atomic():
        a = Account.objects.select_for_update().get(pk=4)
        a.balance = 44
        a.save()
    same("after the commit", Account.objects.get(pk=4).balance, decimal.Decimal("44.00"))


def savepoints():
    with transaction.atomic():
        Group.objects.create(name="outer")
        try:
            with transaction.atomic():
                Group.objects.create(name="inner")
                raise KeyError
        except KeyError:
            pass
    same("groups", list(Group.objects.filter(name__in=["outer", "inner"]).values_list("name", flat=True)), ["outer"])


class Number(models.Model):
    n = models.IntegerField(primary_key=True)
    label = models.CharField(max_length=100)

    class Meta:
        app_label = "shop"
        managed = False
        db_table = "bulk`.`numbers"


def stream():
    count = total = 0
    for x in Number.objects.raw("SELECT n, label FROM bulk.numbers ORDER BY n").iterator():
        count, total = count + 1, total + x.n
    same("rows and their sum", (count, total), (20000, 200010000))


def errors():
    for kind, code, sql in ((IntegrityError, 1062, "INSERT INTO accounts (id, name) VALUES (1, 'again')"),
                            (ProgrammingError, 1064, "SELEC 1"), (ProgrammingError, 1146, "SELECT * FROM nosuch")):
        try:
            with connection.cursor() as c:
                c.execute(sql)
            raise AssertionError("no error %d" % code)
        except kind as e:
            same("the code", e.args[0], code)


def reconnect():
    other = connection.copy()
    with connection.cursor() as c, other.cursor() as killer:
        c.execute("SELECT CONNECTION_ID()")
        killer.execute("KILL %d" % c.fetchone()[0])
    other.close()
    try:
        Account.objects.get(pk=1)
        raise AssertionError("the killed connection lives")
    except OperationalError:
        pass
    connection.close_if_unusable_or_obsolete()  # what Django does between requests
    same("after the reconnect", Account.objects.get(pk=1).name, "name 1")


def metadata():
    text = io.StringIO()
    call_command("inspectdb", stdout=text)
    for line in text.getvalue().splitlines():
        if line.strip():
            out("metadata", line)
    with connection.cursor() as c:
        for name in ("accounts", "auth_user", "auth_user_groups"):
            for key, value in sorted(connection.introspection.get_constraints(c, name).items()):
                out("metadata", name, key, dict(value, columns=list(value["columns"])))


for f in (connect, migrate, autoincrement, types, crud, transactions, savepoints, stream, errors, reconnect, metadata):
    check(f.__name__, f)
