"""tap.py: what the Python programs share: where to connect, the printed lines, and the values of types.tsv."""
import datetime
import decimal
import json
import os
import sys

HOST = os.environ["DB_HOST"]
PORT = int(os.environ["DB_PORT"])
USER = os.environ["DB_USER"]
PASSWORD = os.environ["DB_PASSWORD"]
NAME = os.environ["DB_NAME"]
KIND = os.environ["DB_KIND"]


def check(feature, f):
    """Runs f and prints whether it worked."""
    try:
        f()
        print("ok", feature, flush=True)
    except Exception as e:  # any failure is a line, and the next feature is tried
        print("not ok %s: %s %s" % (feature, type(e).__name__, " ".join(str(e).split())[:400]), flush=True)
    if os.environ.get("STOP_AFTER") == feature:
        sys.stdout.flush()
        os._exit(0)


def out(feature, *values):
    """Prints what must be the same on both sides."""
    print("out", feature, *values, flush=True)


def same(what, got, want):
    if got != want or (want is None) != (got is None):
        raise AssertionError("%s is %r, not %r" % (what, got, want))


def raises(kind, code, f):
    """Checks that f fails with the client's own exception and the server's error code."""
    try:
        f()
    except kind as e:
        same("the code of %s" % e, getattr(e, "orig", e).args[0], code)
        return
    raise AssertionError("no error %d" % code)


def value(kind, text):
    """A field of types.tsv as a Python value."""
    if kind in ("int", "bit", "year"):
        return int(text)
    if kind == "decimal":
        return decimal.Decimal(text)
    if kind == "float":
        return float(text)
    if kind == "date":
        return datetime.date.fromisoformat(text)
    if kind == "datetime":
        return datetime.datetime.fromisoformat(text)
    if kind == "time":
        t = datetime.time.fromisoformat(text)
        return datetime.timedelta(hours=t.hour, minutes=t.minute, seconds=t.second, microseconds=t.microsecond)
    if kind == "bytes":
        return bytes.fromhex(text)
    if kind == "json":
        return json.loads(text)
    return text


def columns():
    """The (name, kind, first row's value, second row's value) of types.tsv."""
    with open(os.path.join(os.path.dirname(__file__), "..", "types.tsv"), encoding="utf-8") as f:
        for line in f:
            name, kind, one, two = line.rstrip("\n").split("\t")
            yield name, kind, value(kind, one), value(kind, two)
