# What typeorm 1.1.1 says to mariadb when it connects, its first statement of its own included: recorded from the server's
# general log. One statement a line; a line that starts with # is another command, or a comment.
SELECT version() as version
SELECT version() as version
SELECT 1 AS one
