# What MariaDB Connector/J 2.7.6 says to mysql when it connects, its first statement of its own included: recorded from the server's
# general log. One statement a line; a line that starts with # is another command, or a comment.
set autocommit=1, sql_mode = concat(@@sql_mode,',STRICT_TRANS_TABLES')
SELECT @@max_allowed_packet,@@system_time_zone,@@time_zone,@@auto_increment_increment
# Prepare SELECT ?
# Prepare SELECT ?
# Execute SELECT 1
