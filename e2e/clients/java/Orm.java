import java.math.BigDecimal;
import java.sql.Timestamp;
import java.util.ArrayList;
import java.util.Date;
import java.util.List;
import javax.persistence.CascadeType;
import javax.persistence.Column;
import javax.persistence.Entity;
import javax.persistence.GeneratedValue;
import javax.persistence.GenerationType;
import javax.persistence.Id;
import javax.persistence.JoinColumn;
import javax.persistence.Lob;
import javax.persistence.ManyToOne;
import javax.persistence.OneToMany;
import javax.persistence.OrderBy;
import javax.persistence.Table;
import org.hibernate.LockOptions;
import org.hibernate.ScrollMode;
import org.hibernate.ScrollableResults;
import org.hibernate.Session;
import org.hibernate.SessionFactory;
import org.hibernate.cfg.Configuration;
import org.hibernate.exception.ConstraintViolationException;
import org.hibernate.exception.SQLGrammarException;

/** Orm: Hibernate over MariaDB Connector/J: hbm2ddl update, entities, HQL, native queries, locking, scrolling. */
public final class Orm {
    @Entity @Table(name = "accounts")
    public static class Account {
        @Id public long id;
        public String name;
        public BigDecimal balance;
        public Date created;
    }

    @Entity @Table(name = "authors")
    public static class Author {
        @Id @GeneratedValue(strategy = GenerationType.IDENTITY) public Integer id;
        @Column(length = 50, unique = true) public String name;
        @OneToMany(mappedBy = "author", cascade = CascadeType.ALL) @OrderBy("id") public List<Book> books = new ArrayList<Book>();
    }

    @Entity @Table(name = "books")
    public static class Book {
        @Id @GeneratedValue(strategy = GenerationType.IDENTITY) public Integer id;
        public String title;
        @Lob public byte[] cover;
        @ManyToOne @JoinColumn(name = "author_id") public Author author;
    }

    static SessionFactory factory;

    interface Work { void run(Session s) throws Exception; }

    /** Runs work in a transaction. */
    static void transaction(Work work) throws Exception {
        Session s = factory.openSession();
        try {
            s.beginTransaction();
            work.run(s);
            s.getTransaction().commit();
        } catch (Exception e) {
            s.getTransaction().rollback();
            throw e;
        } finally {
            s.close();
        }
    }

    /** Runs work without a transaction: reads that go over all servers. */
    static void plainly(Work work) throws Exception {
        Session s = factory.openSession();
        try {
            work.run(s);
        } finally {
            s.close();
        }
    }

    static Account account(long id) {
        Account a = new Account();
        a.id = id;
        a.name = "name " + id % 3;
        a.balance = BigDecimal.valueOf(id);
        a.created = new Timestamp(1767225600000L);
        return a;
    }

    static void autoincrement() throws Exception {
        transaction(s -> {
            Author ann = new Author();
            ann.name = "Ünal 😀";
            for (String title : new String[] {"one", "two"}) {
                Book b = new Book();
                b.title = title;
                b.cover = new byte[] {0, -1, 39, 92};
                b.author = ann;
                ann.books.add(b);
            }
            s.save(ann);
            Tap.same("the id", ann.id, 1);
        });
        transaction(s -> {
            Author found = (Author) s.createQuery("select distinct a from Orm$Author a join fetch a.books where a.name like ?").setString(0, "Ün%").uniqueResult();
            Tap.same("books", found.books.get(0).title + found.books.get(1).title, "onetwo");
            Tap.same("cover", found.books.get(1).cover, new byte[] {0, -1, 39, 92});
            Tap.same("counted", s.createQuery("select count(*) from Orm$Book").uniqueResult(), 2L);
        });
    }

    static void crud() throws Exception {
        for (long i = 1; i <= 6; i++) {
            long id = i;
            transaction(s -> s.save(account(id)));
        }
        transaction(s -> ((Account) s.get(Account.class, 3L)).name = "changed");
        transaction(s -> s.delete(s.get(Account.class, 6L)));
        transaction(s -> Tap.same("updated", s.createQuery("update Orm$Account set balance = balance + 1 where id = :id").setLong("id", 3).executeUpdate(), 1));
        plainly(s -> {
            Tap.same("page", s.createQuery("select id from Orm$Account order by name, id desc").setFirstResult(1).setMaxResults(2).list(), List.of(4L, 1L));
            Tap.same("IN", s.createQuery("select id from Orm$Account where id in (:ids) order by id").setParameterList("ids", new Long[] {1L, 2L, 9L}).list(), List.of(1L, 2L));
            Tap.same("balance", ((Account) s.get(Account.class, 3L)).balance, new BigDecimal("4.00"));
        });
    }

    static void transactions() throws Exception {
        try {
            transaction(s -> {
                ((Account) s.get(Account.class, 4L)).balance = BigDecimal.ZERO;
                s.flush();
                throw new IllegalArgumentException("roll back");
            });
        } catch (IllegalArgumentException e) {
            Tap.same("the failure", e.getMessage(), "roll back");
        }
        transaction(s -> {
            Account a = (Account) s.get(Account.class, 4L, LockOptions.UPGRADE);
            Tap.same("after the rollback", a.balance, new BigDecimal("4.00"));
            a.balance = new BigDecimal(44);
        });
        transaction(s -> Tap.same("after the commit", ((Account) s.get(Account.class, 4L)).balance, new BigDecimal("44.00")));
    }

    static void stream() throws Exception {
        plainly(s -> {
            ScrollableResults rows = s.createSQLQuery("SELECT n, label FROM bulk.numbers ORDER BY n").setFetchSize(100).scroll(ScrollMode.FORWARD_ONLY);
            int count = 0, total = 0;
            while (rows.next()) {
                count++;
                total += (Integer) rows.get(0);
            }
            Tap.same("rows and their sum", count + " " + total, "20000 200010000");
        });
    }

    public static void main(String[] args) {
        Tap.check("connect", () -> {
            System.out.println("version Hibernate " + System.getProperty("hibernate.version"));
            Configuration c = new Configuration();
            String url = "jdbc:mariadb://" + Tap.HOST + ":" + Tap.PORT + "/" + Tap.NAME + "?allowPublicKeyRetrieval=true";
            String[][] properties = {{"connection.driver_class", "org.mariadb.jdbc.Driver"}, {"connection.url", url}, {"connection.username", Tap.USER},
                {"connection.password", Tap.PASSWORD}, {"dialect", "org.hibernate.dialect.MySQL5InnoDBDialect"}, {"hbm2ddl.auto", "update"}, {"connection.pool_size", "2"}, {"connection.autocommit", "true"}};
            for (String[] p : properties) c.setProperty("hibernate." + p[0], p[1]);
            for (Class<?> entity : new Class<?>[] {Account.class, Author.class, Book.class}) c.addAnnotatedClass(entity);
            factory = c.buildSessionFactory();
            plainly(s -> Tap.same("SELECT 1", String.valueOf(s.createSQLQuery("SELECT 1").uniqueResult()), "1"));
        });
        Tap.check("migrate", () -> plainly(s -> {
            Tap.same("tables that hbm2ddl made", s.createSQLQuery("SHOW TABLES").list().toString(), "[accounts, authors, books, plain, types]");
            s.createSQLQuery("ALTER TABLE books ADD COLUMN stars INT NOT NULL DEFAULT 3").executeUpdate();
        }));
        Tap.check("autoincrement", Orm::autoincrement);
        Tap.check("crud", Orm::crud);
        Tap.check("transactions", Orm::transactions);
        Tap.check("stream", Orm::stream);
        Tap.check("errors", () -> {
            Tap.raises(ConstraintViolationException.class, 1062, () -> transaction(s -> s.save(account(1))));
            Tap.raises(SQLGrammarException.class, 1064, () -> transaction(s -> s.createSQLQuery("SELEC 1").list()));
            Tap.raises(SQLGrammarException.class, 1146, () -> transaction(s -> s.createSQLQuery("SELECT * FROM nosuch").list()));
        });
        Runtime.getRuntime().halt(0);
    }
}
