#!/usr/bin/env python3
"""Change capture from Python, step by step: the standard library's sqlite3 is all it needs.

    make && cd $(mktemp -d) && /usr/bin/python3 PATH/examples/cdc.py PATH/build/tarn

In an empty folder; it makes shop.db and shop.db-lake. examples/cdc.c is the same in C, where a callback
can be had for each commit; here the program asks for the changes since the last bookmark that it knows.

Python must be built with loadable extensions, as Debian's and Ubuntu's is.
"""
import os
import sqlite3
import sys

if not hasattr(sqlite3.Connection, "enable_load_extension"):
    print("this Python's sqlite3 can't load extensions: use Debian's, /usr/bin/python3")
    sys.exit(77)
if os.path.exists("shop.db"):
    sys.exit("shop.db: is there already: use an empty folder")

here = os.path.dirname(os.path.abspath(__file__))
extension = sys.argv[1] if len(sys.argv) > 1 else os.path.join(here, "..", "build", "tarn")

# isolation_level=None: transactions begin and end where the program says so.
db = sqlite3.connect("shop.db", isolation_level=None)
db.enable_load_extension(True)
db.load_extension(extension)
db.enable_load_extension(False)
known = None  # the last bookmark that was looked at


def run(sql):
    print(">", sql)
    db.execute(sql)


def show(sql, *parameters):
    for row in db.execute(sql, parameters):
        print("  " + " | ".join("" if value is None else str(value) for value in row))


def bookmark():
    return db.execute("SELECT tarn_bookmark()").fetchone()[0]


def committed():
    """What was committed since this was called last. Any connection, or process, can ask."""
    global known
    for mark, rows in db.execute(
        "SELECT bookmark, count(*) FROM cdc_items WHERE bookmark > ? GROUP BY bookmark", [known]
    ):
        print(f"  committed {mark}: {rows} rows of shop/items")
        known = mark


# A database with a table, as any application has them.
run("CREATE TABLE items(id INTEGER PRIMARY KEY, name TEXT, price REAL)")
run("INSERT INTO items VALUES (1, 'tea', 3), (2, 'jam', 4.5)")

collection = db.execute("SELECT tarn_track('items')").fetchone()[0]
print("items is tracked as", collection)

run("""INSERT INTO events(type, payload) VALUES ('shop.open', '{"till": 7}')""")
before = known = bookmark()  # events and changes stand in one order: bookmarks name both

run("BEGIN")
run("INSERT INTO items(name, price) VALUES ('salt', 1)")
run("UPDATE items SET price = price + 0.5 WHERE id < 3")
run("COMMIT")
committed()

run("BEGIN")
run("DELETE FROM items")
run("ROLLBACK")  # never happened: nobody is told, nothing is delivered
committed()

run("DELETE FROM items WHERE id = 2")
committed()

print(f"changes after {before}:")
show("SELECT bookmark, op, pk, data, prev FROM cdc_items WHERE bookmark > ? ORDER BY bookmark", before)

# Changes can be read at once. The lake gets them from a background thread, or now:
db.execute("SELECT tarn_flush()").fetchone()
print("delivered to shop.db-lake")

# In the lake they are plain Parquet files: the rows that were there when tracking began, and the
# changes since. cdc_items reads the second kind; any reader of Parquet reads both.
run("CREATE VIRTUAL TABLE temp.base USING parquet('shop.db-lake/cdc/shop/items/data.parquet')")
show("SELECT pk, data FROM base")
run("CREATE VIRTUAL TABLE temp.deltas USING parquet('shop.db-lake/cdc/shop/items/deltas/*')")
show("SELECT op, pk, data FROM deltas")

db.close()
