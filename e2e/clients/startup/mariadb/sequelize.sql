# What sequelize 6.37.8 says to mariadb when it connects, its first statement of its own included: recorded from the server's
# general log. One statement a line; a line that starts with # is another command, or a comment.
SET time_zone = '+00:00'
SELECT VERSION() as `version`
SET time_zone = '+00:00'
SELECT 1+1 AS result
SELECT VERSION() as `version`
