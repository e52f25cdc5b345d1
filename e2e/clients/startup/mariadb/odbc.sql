# What unixODBC 2.3.11, MariaDB ODBC 3.1.15-3 says to mariadb when it connects, its first statement of its own included: recorded from the server's
# general log. One statement a line; a line that starts with # is another command, or a comment.
SET SESSION SQL_AUTO_IS_NULL=0
SET autocommit=1
SET session_track_schema= ON
SET session_track_system_variables='autocommit,tx_isolation'
# Prepare SELECT 1
# Execute SELECT 1
# Close stmt
