# What DBD::MariaDB 1.22 says to mysql when it connects, its first statement of its own included: recorded from the server's
# general log. One statement a line; a line that starts with # is another command, or a comment.
SET NAMES 'utf8mb4'
SET character_set_server = 'utf8mb4'
SET collation_connection = 'utf8mb4_unicode_ci'
SET collation_server = 'utf8mb4_unicode_ci'
SELECT 1
