# What SQLAlchemy 1.4.46 says to mysql when it connects, its first statement of its own included: recorded from the server's
# general log. One statement a line; a line that starts with # is another command, or a comment.
SET AUTOCOMMIT = 0
SET NAMES utf8mb4
SELECT VERSION()
SELECT DATABASE()
SELECT @@transaction_isolation
SELECT @@sql_mode
SELECT @@lower_case_table_names
ROLLBACK
SELECT 1
ROLLBACK
