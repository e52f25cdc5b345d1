# What PDO (PHP 8.2.36) says to mariadb when it connects, its first statement of its own included: recorded from the server's
# general log. One statement a line; a line that starts with # is another command, or a comment.
SET SESSION sql_mode = CONCAT(@@sql_mode, ',STRICT_TRANS_TABLES'), time_zone = '+00:00'
# Prepare SELECT 1 AS one
# Execute SELECT 1 AS one
# Close stmt
