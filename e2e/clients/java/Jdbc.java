import java.io.ByteArrayInputStream;
import java.math.BigDecimal;
import java.sql.BatchUpdateException;
import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.SQLException;
import java.sql.SQLIntegrityConstraintViolationException;
import java.sql.SQLSyntaxErrorException;
import java.sql.Savepoint;
import java.sql.Statement;
import java.time.LocalDateTime;
import java.util.ArrayList;
import java.util.List;

/** Jdbc text|server: MariaDB Connector/J with parameters in the text or with the server's prepared statements. */
public final class Jdbc {
    static Connection db;
    static boolean server;

    static Connection open(String more) throws SQLException {
        return DriverManager.getConnection("jdbc:mariadb://" + Tap.HOST + ":" + Tap.PORT + "/" + Tap.NAME + "?user=" + Tap.USER + "&password=" + Tap.PASSWORD
            + "&useServerPrepStmts=" + server + "&allowPublicKeyRetrieval=true&tinyInt1isBit=false&yearIsDateType=false" + more);
    }

    static PreparedStatement bind(Connection c, String sql, Object... args) throws SQLException {
        PreparedStatement st = c.prepareStatement(sql, Statement.RETURN_GENERATED_KEYS);
        for (int i = 0; i < args.length; i++) st.setObject(i + 1, args[i]);
        return st;
    }

    static int update(String sql, Object... args) throws SQLException {
        try (PreparedStatement st = bind(db, sql, args)) {
            return st.executeUpdate();
        }
    }

    /** The first column of all rows. */
    static List<String> strings(String sql, Object... args) throws SQLException {
        List<String> all = new ArrayList<>();
        try (PreparedStatement st = bind(db, sql, args); ResultSet rows = st.executeQuery()) {
            while (rows.next()) all.add(rows.getString(1));
        }
        return all;
    }

    static Object read(String kind, ResultSet rows, int i) throws SQLException {
        switch (kind) {
            case "int": case "year": case "decimal": return rows.getBigDecimal(i);
            case "bit": {
                byte[] b = rows.getBytes(i);
                return b == null ? null : new BigDecimal(new java.math.BigInteger(1, b));
            }
            case "float": {
                double d = rows.getDouble(i);
                return rows.wasNull() ? null : d;
            }
            case "bytes": return rows.getBytes(i);
            case "date": return rows.getDate(i) == null ? null : rows.getObject(i, java.time.LocalDate.class).toString();
            case "time": case "datetime": {
                String s = rows.getString(i);
                return s == null ? null : s.replaceAll("\\.0+$", "");
            }
            case "json": {
                String s = rows.getString(i);
                return s == null ? null : s;
            }
            default: return rows.getString(i);
        }
    }

    static void types() throws Exception {
        List<Tap.Column> columns = Tap.columns();
        StringBuilder names = new StringBuilder("id"), marks = new StringBuilder("?");
        for (Tap.Column c : columns) {
            names.append(", ").append(c.name);
            marks.append(", ?");
        }
        for (int i = 0; i < 3; i++) {
            try (PreparedStatement st = db.prepareStatement("INSERT INTO types (" + names + ") VALUES (" + marks + ")")) {
                st.setLong(1, i + 1);
                for (int n = 0; n < columns.size(); n++) {
                    Object v = columns.get(n).rows[i];
                    if (columns.get(n).kind.equals("bit") && v != null) st.setInt(n + 2, ((BigDecimal) v).intValue());
                    else st.setObject(n + 2, v);
                }
                Tap.same("inserted", st.executeUpdate(), 1);
            }
            try (PreparedStatement st = bind(db, "SELECT " + names + " FROM types WHERE id = ?", i + 1); ResultSet rows = st.executeQuery()) {
                rows.next();
                compare(columns, rows, i);
            }
        }
        try (PreparedStatement st = db.prepareStatement("SELECT " + names + " FROM types ORDER BY id"); ResultSet rows = st.executeQuery()) {
            for (int i = 0; rows.next(); i++) compare(columns, rows, i);
        }
    }

    static void compare(List<Tap.Column> columns, ResultSet rows, int i) throws SQLException {
        for (int n = 0; n < columns.size(); n++) {
            Tap.Column c = columns.get(n);
            Tap.same(c.name, read(c.kind, rows, n + 2), c.rows[i]);
        }
    }

    static void crud() throws Exception {
        for (int i = 1; i <= 8; i++) {
            Tap.same("inserted", update("INSERT INTO accounts (id, name, balance) VALUES (?, ?, ?)", i, "name " + i % 3, i * 10), 1);
        }
        Tap.same("updated", update("UPDATE accounts SET balance = balance + ? WHERE id = ?", new BigDecimal("0.5"), 3), 1);
        Tap.same("deleted", update("DELETE FROM accounts WHERE id = ?", 8), 1);
        Tap.same("IN", strings("SELECT id FROM accounts WHERE id IN (?, ?, ?) ORDER BY id", 1, 3, 8), List.of("1", "3"));
        Tap.same("page", strings("SELECT id FROM accounts ORDER BY name, id DESC LIMIT ? OFFSET ?", 3, 1), List.of("3", "7", "4"));
        Tap.same("balance", strings("SELECT balance FROM accounts WHERE id = ?", 3), List.of("30.50"));
        try (Statement st = db.createStatement(ResultSet.TYPE_SCROLL_INSENSITIVE, ResultSet.CONCUR_READ_ONLY);
             ResultSet rows = st.executeQuery("SELECT id, name FROM accounts WHERE id = 5")) {
            Tap.same("a row", rows.last() && rows.getInt("id") == 5, true);
        }
    }

    static void autoincrement() throws Exception {
        try (PreparedStatement st = bind(db, "INSERT INTO notes (title, body) VALUES (?, ?)", "first", "😀")) {
            st.executeUpdate();
            try (ResultSet keys = st.getGeneratedKeys()) {
                Tap.same("the id", keys.next() ? keys.getInt(1) : 0, 1);
            }
        }
        try (PreparedStatement st = db.prepareStatement("INSERT INTO notes (title) VALUES (?)")) {
            for (String title : new String[] {"second", "third", "fourth"}) {
                st.setString(1, title);
                st.addBatch();
            }
            Tap.same("batch", st.executeBatch().length, 3);
        }
        Tap.same("titles", strings("SELECT title FROM notes ORDER BY id"), List.of("first", "second", "third", "fourth"));
    }

    static void prepared() throws Exception {
        try (PreparedStatement st = db.prepareStatement("SELECT name FROM accounts WHERE id = ?")) {
            for (int id : new int[] {1, 2, 99}) {
                st.setInt(1, id);
                try (ResultSet rows = st.executeQuery()) {
                    Tap.same("a row of " + id, rows.next(), id != 99);
                }
            }
            Tap.same("parameters", st.getParameterMetaData().getParameterCount(), 1);
            Tap.same("columns", st.getMetaData().getColumnCount(), 1);
        }
        byte[] big = new byte[60000];
        for (int i = 0; i < big.length; i++) big[i] = (byte) i;
        try (PreparedStatement st = db.prepareStatement("UPDATE types SET c_blob = ? WHERE id = ?")) {
            st.setBinaryStream(1, new ByteArrayInputStream(big));
            st.setInt(2, 1);
            Tap.same("updated", st.executeUpdate(), 1);
        }
        try (PreparedStatement st = bind(db, "SELECT c_blob FROM types WHERE id = ?", 1); ResultSet rows = st.executeQuery()) {
            rows.next();
            Tap.same("the blob", rows.getBytes(1), big);
        }
    }

    static void transactions() throws Exception {
        db.setAutoCommit(false);
        update("UPDATE accounts SET balance = 0 WHERE id = ?", 4);
        db.rollback();
        Tap.same("after the rollback", strings("SELECT balance FROM accounts WHERE id = 4"), List.of("40.00"));
        db.rollback();
        update("UPDATE accounts SET balance = ? WHERE id = ?", 41, 4);
        update("INSERT INTO accounts (id, name) VALUES (?, ?)", 12, "with 4");
        db.commit();
        db.setAutoCommit(true);
        Tap.same("after the commit", strings("SELECT balance FROM accounts WHERE id = 4"), List.of("41.00"));
        for (int level : new int[] {Connection.TRANSACTION_SERIALIZABLE, Connection.TRANSACTION_READ_COMMITTED, Connection.TRANSACTION_REPEATABLE_READ}) {
            db.setTransactionIsolation(level);
            Tap.same("isolation", db.getTransactionIsolation(), level);
        }
        db.setReadOnly(true);
        db.setReadOnly(false);
    }

    static void savepoints() throws Exception {
        db.setAutoCommit(false);
        try {
            update("INSERT INTO notes (title) VALUES (?)", "outer");
            Savepoint inner = db.setSavepoint("inner one");
            update("INSERT INTO notes (title) VALUES (?)", "inner");
            db.rollback(inner);
            db.releaseSavepoint(inner);
            db.commit();
        } finally {
            db.rollback();
            db.setAutoCommit(true);
        }
        Tap.same("notes", strings("SELECT title FROM notes WHERE title IN (?, ?)", "outer", "inner"), List.of("outer"));
    }

    static void stream() throws Exception {
        int count = 0, total = 0;
        try (PreparedStatement st = db.prepareStatement("SELECT n, label FROM bulk.numbers ORDER BY n")) {
            st.setFetchSize(100);
            try (ResultSet rows = st.executeQuery()) {
                while (rows.next()) {
                    count++;
                    total += rows.getInt(1);
                }
            }
        }
        Tap.same("rows and their sum", count + " " + total, "20000 200010000");
    }

    static void reconnect() throws Exception {
        Connection victim = open("");
        String id;
        try (ResultSet rows = victim.createStatement().executeQuery("SELECT CONNECTION_ID()")) {
            rows.next();
            id = rows.getString(1);
        }
        update("KILL " + id);
        Thread.sleep(100);
        Tap.same("valid", victim.isValid(2), false);
        try (Connection again = open(""); ResultSet rows = again.createStatement().executeQuery("SELECT name FROM accounts WHERE id = 1")) {
            rows.next();
            Tap.same("after the reconnect", rows.getString(1), "name 1");
        }
    }

    static void metadata() throws Exception {
        try (PreparedStatement st = bind(db, "SELECT * FROM types WHERE id = ?", 1); ResultSet rows = st.executeQuery()) {
            ResultSetMetaData m = rows.getMetaData();
            for (int i = 1; i <= m.getColumnCount(); i++) {
                Tap.out("metadata", m.getCatalogName(i), m.getTableName(i), m.getColumnName(i), m.getColumnTypeName(i), m.getColumnClassName(i), m.getPrecision(i), m.getScale(i), m.isNullable(i), m.isSigned(i));
            }
        }
        DatabaseMetaData d = db.getMetaData();
        Tap.out("metadata", d.getDatabaseProductName(), d.getDatabaseMajorVersion(), d.getDatabaseMinorVersion());
        list(d.getTables(Tap.NAME, null, "%", null), "TABLE_NAME", "TABLE_TYPE");
        for (String table : new String[] {"accounts", "types", "notes"}) {
            list(d.getColumns(Tap.NAME, null, table, "%"), "COLUMN_NAME", "DATA_TYPE", "TYPE_NAME", "COLUMN_SIZE", "NULLABLE", "COLUMN_DEF", "IS_AUTOINCREMENT");
            list(d.getPrimaryKeys(Tap.NAME, null, table), "COLUMN_NAME", "KEY_SEQ");
            list(d.getIndexInfo(Tap.NAME, null, table, false, true), "INDEX_NAME", "NON_UNIQUE", "COLUMN_NAME");
            list(d.getImportedKeys(Tap.NAME, null, table), "FKCOLUMN_NAME");
        }
    }

    static void list(ResultSet rows, String... columns) throws SQLException {
        while (rows.next()) {
            Object[] values = new Object[columns.length];
            for (int i = 0; i < columns.length; i++) values[i] = rows.getString(columns[i]);
            Tap.out("metadata", values);
        }
    }

    public static void main(String[] args) {
        server = args[0].equals("server");
        Tap.check("connect", () -> {
            db = open("");
            System.out.println("version " + db.getMetaData().getDriverName() + " " + db.getMetaData().getDriverVersion());
            Tap.same("SELECT ?", strings("SELECT ?", 1), List.of("1"));
        });
        Tap.check("migrate", () -> {
            update("CREATE TABLE notes (id INT AUTO_INCREMENT PRIMARY KEY, title VARCHAR(50) NOT NULL, body TEXT, UNIQUE KEY by_title (title)) DEFAULT CHARSET=utf8mb4");
            update("ALTER TABLE notes ADD COLUMN stars INT NOT NULL DEFAULT 3");
        });
        Tap.check("autoincrement", Jdbc::autoincrement);
        Tap.check("types", Jdbc::types);
        Tap.check("crud", Jdbc::crud);
        Tap.check("prepared", Jdbc::prepared);
        Tap.check("transactions", Jdbc::transactions);
        Tap.check("savepoints", Jdbc::savepoints);
        Tap.check("stream", Jdbc::stream);
        Tap.check("errors", () -> {
            Tap.raises(SQLIntegrityConstraintViolationException.class, 1062, () -> update("INSERT INTO accounts (id, name) VALUES (?, ?)", 1, "again"));
            Tap.raises(SQLSyntaxErrorException.class, 1064, () -> update("SELEC 1"));
            Tap.raises(SQLSyntaxErrorException.class, 1146, () -> strings("SELECT * FROM nosuch"));
            Tap.raises(BatchUpdateException.class, 1062, () -> {
                try (PreparedStatement st = db.prepareStatement("INSERT INTO plain (id, name) VALUES (1, ?)")) {
                    for (String name : new String[] {"a", "b"}) {
                        st.setString(1, name);
                        st.addBatch();
                    }
                    st.executeBatch();
                }
            });
        });
        Tap.check("reconnect", Jdbc::reconnect);
        Tap.check("metadata", Jdbc::metadata);
    }
}
