# What github.com/go-sql-driver/mysql v1.10.1 says to mysql when it connects, its first statement of its own included: recorded from the server's
# general log. One statement a line; a line that starts with # is another command, or a comment.
SELECT @@max_allowed_packet
SET NAMES utf8mb4
# Prepare SELECT ?
# Execute SELECT '1'
# Close stmt
