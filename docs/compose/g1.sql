-- The shop's physical tables in group g1: shards 4 to 7, and the whole of what is not sharded.

-- What transactions over several groups need: docs/configuration.md.
GRANT SELECT, INSERT, UPDATE, DELETE, CREATE ON serval.* TO 'serval'@'%';
GRANT XA_RECOVER_ADMIN ON *.* TO 'serval'@'%';
GRANT SELECT ON performance_schema.* TO 'serval'@'%';

USE shop;

CREATE TABLE users_4 (user_id BIGINT NOT NULL PRIMARY KEY, name VARCHAR(40) NOT NULL, city VARCHAR(40) NOT NULL);
CREATE TABLE orders_4 (order_id BIGINT NOT NULL, user_id BIGINT NOT NULL, total DECIMAL(10,2) NOT NULL, PRIMARY KEY (user_id, order_id));
CREATE TABLE users_5 (user_id BIGINT NOT NULL PRIMARY KEY, name VARCHAR(40) NOT NULL, city VARCHAR(40) NOT NULL);
CREATE TABLE orders_5 (order_id BIGINT NOT NULL, user_id BIGINT NOT NULL, total DECIMAL(10,2) NOT NULL, PRIMARY KEY (user_id, order_id));
CREATE TABLE users_6 (user_id BIGINT NOT NULL PRIMARY KEY, name VARCHAR(40) NOT NULL, city VARCHAR(40) NOT NULL);
CREATE TABLE orders_6 (order_id BIGINT NOT NULL, user_id BIGINT NOT NULL, total DECIMAL(10,2) NOT NULL, PRIMARY KEY (user_id, order_id));
CREATE TABLE users_7 (user_id BIGINT NOT NULL PRIMARY KEY, name VARCHAR(40) NOT NULL, city VARCHAR(40) NOT NULL);
CREATE TABLE orders_7 (order_id BIGINT NOT NULL, user_id BIGINT NOT NULL, total DECIMAL(10,2) NOT NULL, PRIMARY KEY (user_id, order_id));

CREATE TABLE products (product_id BIGINT NOT NULL PRIMARY KEY, title VARCHAR(60) NOT NULL, price DECIMAL(10,2) NOT NULL);
INSERT INTO products VALUES (1, 'Tent', 189.00), (2, 'Stove', 44.75), (3, 'Head lamp', 29.90);

CREATE TABLE audit_log (id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, who VARCHAR(40) NOT NULL, what VARCHAR(200) NOT NULL);
