import java.math.BigDecimal;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;

/** What the Java programs share: where to connect, the printed lines, and the values of types.tsv. */
final class Tap {
    static final String HOST = System.getenv("DB_HOST"), PORT = System.getenv("DB_PORT"), NAME = System.getenv("DB_NAME"),
        USER = System.getenv("DB_USER"), PASSWORD = System.getenv("DB_PASSWORD"), KIND = System.getenv("DB_KIND");

    interface Feature { void run() throws Exception; }

    /** Runs a feature and prints whether it worked. */
    static void check(String name, Feature f) {
        try {
            f.run();
            System.out.println("ok " + name);
        } catch (Throwable e) {
            Throwable cause = e;
            while (cause.getCause() != null && !(cause instanceof SQLException)) cause = cause.getCause();
            String why = (e.getClass().getSimpleName() + " " + cause.getMessage()).replaceAll("\\s+", " ");
            System.out.println("not ok " + name + ": " + why.substring(0, Math.min(400, why.length())));
            if (System.getenv("TRACE") != null) e.printStackTrace();
        }
        if (name.equals(System.getenv("STOP_AFTER"))) Runtime.getRuntime().halt(0);
    }

    /** Prints what must be the same on both sides. */
    static void out(String feature, Object... values) {
        System.out.println("out " + feature + " " + Arrays.deepToString(values));
    }

    static void same(String what, Object got, Object want) {
        boolean equal = got instanceof byte[] && want instanceof byte[] ? Arrays.equals((byte[]) got, (byte[]) want) : Objects.equals(got, want);
        if (!equal) throw new IllegalStateException(what + " is " + show(got) + ", not " + show(want));
    }

    private static String show(Object v) { return v instanceof byte[] ? Arrays.toString((byte[]) v) : String.valueOf(v); }

    /** Checks that a feature fails with the exception and the server's error code. */
    static void raises(Class<? extends Exception> kind, int code, Feature f) {
        try {
            f.run();
        } catch (Exception e) {
            Throwable t = e;
            while (!(t instanceof SQLException) && t.getCause() != null) t = t.getCause();
            same("the code of " + t.getMessage(), ((SQLException) t).getErrorCode(), code);
            same("the exception is a " + kind.getSimpleName() + ", it: " + e.getClass(), kind.isInstance(e), true);
            return;
        }
        throw new IllegalStateException("no error " + code);
    }

    /** A line of types.tsv. The third row is NULL. */
    static final class Column {
        final String name, kind;
        final Object[] rows;

        Column(String[] f) {
            name = f[0];
            kind = f[1];
            rows = new Object[] {value(f[2]), value(f[3]), null};
        }

        private Object value(String text) {
            switch (kind) {
                case "int": case "year": case "bit": case "decimal": return new BigDecimal(text);
                case "float": return Double.valueOf(text);
                case "bytes": {
                    byte[] all = new byte[text.length() / 2];
                    for (int i = 0; i < all.length; i++) all[i] = (byte) Integer.parseInt(text.substring(2 * i, 2 * i + 2), 16);
                    return all;
                }
                default: return text;
            }
        }
    }

    static List<Column> columns() throws Exception {
        List<Column> all = new ArrayList<>();
        for (String line : Files.readAllLines(Path.of("types.tsv"))) all.add(new Column(line.split("\t", -1)));
        return all;
    }
}
