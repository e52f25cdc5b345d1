-- The tables of every client's database, made before the client starts. The first two are sharded by their first column
-- (shape.go), what a client creates itself is unsharded. Sharded tables have no AUTO_INCREMENT: ids are the client's.
CREATE TABLE types (
  id BIGINT NOT NULL PRIMARY KEY,
  c_tiny TINYINT,
  c_utiny TINYINT UNSIGNED,
  c_small SMALLINT,
  c_usmall SMALLINT UNSIGNED,
  c_medium MEDIUMINT,
  c_umedium MEDIUMINT UNSIGNED,
  c_int INT,
  c_uint INT UNSIGNED,
  c_big BIGINT,
  c_ubig BIGINT UNSIGNED,
  c_decimal DECIMAL(20,6),
  c_float FLOAT,
  c_double DOUBLE,
  c_bit BIT(10),
  c_bool BOOLEAN,
  c_date DATE,
  c_time TIME,
  c_time6 TIME(6),
  c_datetime DATETIME,
  c_datetime6 DATETIME(6),
  c_timestamp TIMESTAMP NULL DEFAULT NULL,
  c_year YEAR,
  c_char CHAR(10),
  c_varchar VARCHAR(100),
  c_text TEXT,
  c_mediumtext MEDIUMTEXT,
  c_binary BINARY(4),
  c_varbinary VARBINARY(100),
  c_blob BLOB,
  c_enum ENUM('red','green','blue'),
  c_set SET('a','b','c'),
  c_json JSON
) DEFAULT CHARSET=utf8mb4;

CREATE TABLE accounts (
  id BIGINT NOT NULL PRIMARY KEY,
  name VARCHAR(60) NOT NULL,
  balance DECIMAL(12,2) NOT NULL DEFAULT 0.00,
  created DATETIME NULL,
  KEY by_name (name)
) DEFAULT CHARSET=utf8mb4;

CREATE TABLE plain (
  id BIGINT NOT NULL PRIMARY KEY AUTO_INCREMENT,
  name VARCHAR(60) NOT NULL,
  UNIQUE KEY once (name)
) DEFAULT CHARSET=utf8mb4;
