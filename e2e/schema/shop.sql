-- The logical schema of the comparison tests, as a client sees it. One statement ends with ";" at a line's end; USE
-- says which logical database the tables after it are in. shop.yaml says where they are. Every table has a primary
-- key: contents are compared in its order.
USE shop;

CREATE TABLE users (
  user_id BIGINT NOT NULL PRIMARY KEY,
  name VARCHAR(60),
  nick VARCHAR(30) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
  slug VARCHAR(40) CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci,
  city VARCHAR(40) CHARACTER SET latin1 COLLATE latin1_swedish_ci,
  code CHAR(8) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci NOT NULL DEFAULT '',
  created DATETIME NOT NULL DEFAULT '2026-01-01 00:00:00',
  seen TIMESTAMP(3) NULL DEFAULT NULL,
  birth DATE,
  wake TIME(2),
  joined YEAR,
  balance DECIMAL(12,2) NOT NULL DEFAULT 0.00,
  big DECIMAL(38,10),
  score DOUBLE,
  ratio FLOAT,
  level TINYINT,
  visits BIGINT UNSIGNED,
  flags BIT(12),
  kind ENUM('guest','member','admin') DEFAULT 'member',
  perms SET('read','write','grant','admin'),
  doc JSON,
  pic BLOB,
  bio TEXT,
  token BINARY(4),
  hash VARBINARY(16),
  KEY by_name (name),
  KEY by_created (created)
);

CREATE TABLE orders (
  order_id BIGINT NOT NULL PRIMARY KEY,
  user_id BIGINT NOT NULL,
  status VARCHAR(20) NOT NULL DEFAULT 'new',
  total DECIMAL(10,2) NOT NULL DEFAULT 0.00,
  placed DATETIME,
  note TEXT,
  KEY by_user (user_id),
  KEY by_status (status, placed)
);

CREATE TABLE order_items (
  item_id BIGINT NOT NULL PRIMARY KEY,
  order_id BIGINT NOT NULL,
  user_id BIGINT NOT NULL,
  product_id INT NOT NULL,
  qty INT NOT NULL DEFAULT 1,
  price DECIMAL(10,2) NOT NULL,
  UNIQUE KEY once (order_id, product_id),
  KEY by_user (user_id)
);

CREATE TABLE products (
  product_id INT NOT NULL PRIMARY KEY,
  title VARCHAR(80) NOT NULL,
  category VARCHAR(30),
  price DECIMAL(10,2) NOT NULL,
  UNIQUE KEY by_title (title)
);

CREATE TABLE audit_log (
  id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  who VARCHAR(40) NOT NULL,
  action VARCHAR(40) NOT NULL,
  at DATETIME NOT NULL,
  detail JSON
);

CREATE TABLE settings (
  name VARCHAR(40) NOT NULL PRIMARY KEY,
  value VARCHAR(200),
  n INT NOT NULL DEFAULT 0,
  updated DATETIME
);

CREATE TABLE counters (
  id INT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  label VARCHAR(40) NOT NULL UNIQUE,
  hits INT NOT NULL DEFAULT 0
);

CREATE TABLE events (
  id BIGINT NOT NULL PRIMARY KEY,
  kind VARCHAR(20) NOT NULL,
  user_id BIGINT,
  at DATETIME(6),
  payload VARCHAR(100)
);

CREATE TABLE regions (
  code VARCHAR(10) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci NOT NULL,
  id INT NOT NULL,
  name VARCHAR(40),
  population BIGINT,
  PRIMARY KEY (code, id)
);

CREATE TABLE logs (
  at DATETIME NOT NULL,
  id BIGINT NOT NULL,
  severity TINYINT NOT NULL,
  msg VARCHAR(100),
  PRIMARY KEY (at, id)
);

CREATE TABLE sessions (
  sid VARCHAR(40) NOT NULL PRIMARY KEY,
  user_id BIGINT,
  started DATETIME,
  data VARCHAR(100)
);

CREATE TABLE devices (
  device_id BIGINT UNSIGNED NOT NULL PRIMARY KEY,
  serial VARCHAR(30) NOT NULL,
  model VARCHAR(30),
  weight DOUBLE
);

CREATE TABLE tags (
  tag_id INT NOT NULL PRIMARY KEY,
  label VARCHAR(30) NOT NULL,
  uses INT UNSIGNED NOT NULL DEFAULT 0
);

USE crm;

CREATE TABLE contacts (
  id INT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  user_id BIGINT,
  email VARCHAR(60) NOT NULL,
  UNIQUE KEY by_email (email)
);
